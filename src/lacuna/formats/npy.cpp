#include "lacuna/formats/npy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

#include "lacuna/core/checked.hpp"
#include "lacuna/formats/allocation_guard.hpp"
#include "lacuna/formats/npy_header.hpp"
#include "lacuna/formats/tensor_output.hpp"

namespace lacuna {
namespace {

struct TypeCode {
  std::string_view code;  // without the byte order
  DType dtype;
};
constexpr std::array<TypeCode, 12> kTypeCodes = {{{"f8", DType::f64},
                                                  {"f4", DType::f32},
                                                  {"f2", DType::f16},
                                                  {"i8", DType::i64},
                                                  {"i4", DType::i32},
                                                  {"i2", DType::i16},
                                                  {"i1", DType::i8},
                                                  {"u8", DType::u64},
                                                  {"u4", DType::u32},
                                                  {"u2", DType::u16},
                                                  {"u1", DType::u8},
                                                  {"b1", DType::boolean}}};

// NumPy's order of strides for Fortran arrays; an extent of zero counts as one, as in contiguous_strides' callers.
std::vector<std::int64_t> fortran_strides(const Shape& shape) {
  std::vector<std::int64_t> strides(shape.size());
  std::int64_t stride = 1;
  for (std::size_t d = 0; d < shape.size(); ++d) {
    strides[d] = stride;
    stride *= std::max<std::int64_t>(shape[d], 1);
  }
  return strides;
}

}  // namespace

std::optional<DType> npy_dtype(std::string_view code) {
  const auto found =
      std::find_if(kTypeCodes.begin(), kTypeCodes.end(), [&](const TypeCode& entry) { return entry.code == code; });
  if (found == kTypeCodes.end()) return std::nullopt;
  return found->dtype;
}

TensorView view_npy(const ByteSource& source, std::uint64_t begin, std::uint64_t end) {
  NpyHeader header = read_npy_header(source, begin, end);
  const std::uint64_t width = dtype_bytes(header.dtype);
  Shape counted = header.shape;
  std::replace(counted.begin(), counted.end(), std::int64_t{0}, std::int64_t{1});
  const auto product = checked_product(counted);  // no extent may hide an overflow behind a zero
  if (!product || *product > std::numeric_limits<std::int64_t>::max() / width) {
    source.fail(begin, fmt::format("npy: the size of shape {} overflows", shape_text(header.shape)));
  }
  const std::uint64_t bytes = *checked_product(header.shape) * width;
  const std::uint64_t held = end - header.data_offset;
  if (bytes != held) {
    source.fail(header.data_offset, fmt::format("npy: shape {} of {} needs {} bytes, got {}", shape_text(header.shape),
                                                dtype_name(header.dtype), bytes, held));
  }
  TensorView view;
  view.dtype = header.dtype;
  view.strides = header.fortran_order ? fortran_strides(header.shape) : contiguous_strides(counted);
  view.shape = std::move(header.shape);
  view.data = source.bytes().data() + header.data_offset;
  return view;
}

TensorArchive read_npy(const ByteSource& source) {
  return guard_allocation(source.path(), [&] {
    TensorArchive archive;
    archive.format = FileFormat::npy;
    archive.tensors.push_back({"", view_npy(source, 0, source.size())});
    return archive;
  });
}

TensorArchive read_npy(std::shared_ptr<const MappedFile> file) {
  return guard_allocation(file->path(), [&] {
    auto archive = read_npy(ByteSource(file->bytes(), file->path()));
    archive.files.push_back(file);
    return archive;
  });
}

TensorArchive read_npy(const std::filesystem::path& path) {
  return guard_allocation(path, [&] { return read_npy(MappedFile::open(path)); });
}

std::string npy_header(DType dtype, std::span<const std::int64_t> shape) {
  const auto found =
      std::find_if(kTypeCodes.begin(), kTypeCodes.end(), [&](const TypeCode& entry) { return entry.dtype == dtype; });
  if (found == kTypeCodes.end()) {
    throw Error(ErrorCode::unsupported_dtype,
                fmt::format("NumPy has no {}; safetensors and .pt hold it", dtype_name(dtype)));
  }
  if (shape.size() > kMaxNpyRank) {
    throw Error(ErrorCode::limit_exceeded, fmt::format("NumPy holds at most {} dimensions", kMaxNpyRank));
  }
  std::string extents;
  for (const auto extent : shape) extents += fmt::format("{}, ", extent);
  if (shape.size() > 1) extents.resize(extents.size() - 2);
  if (shape.size() == 1) extents.resize(extents.size() - 1);  // (3,)
  const char order = dtype_bytes(dtype) == 1 ? '|' : '<';
  std::string text =
      fmt::format("{{'descr': '{}{}', 'fortran_order': False, 'shape': ({}), }}", order, found->code, extents);
  constexpr std::size_t kPrefix = 10;
  constexpr std::size_t kAlignment = 64;  // of the values, as NumPy does
  const std::size_t total = (kPrefix + text.size() + 1 + kAlignment - 1) / kAlignment * kAlignment;
  text.resize(total - kPrefix - 1, ' ');
  text += '\n';
  std::string header = "\x93NUMPY";
  header += '\1';
  header += '\0';
  header += static_cast<char>(text.size() & 0xffU);
  header += static_cast<char>(text.size() >> 8U);
  return header + text;
}

void write_npy(const std::filesystem::path& path, const TensorView& tensor, const RunContext& context,
               const std::function<void()>& before_commit) {
  guard_allocation(path, [&] {
    const std::string header = npy_header(tensor.dtype, tensor.shape);
    TensorOutput out(path, header.size() + tensor.bytes(), context);
    AlignedBuffer<std::byte> scratch;
    try {
      out.write(std::as_bytes(std::span(header.data(), header.size())));
      write_row_major(tensor, scratch, [&](std::span<const std::byte> bytes) { out.write(bytes); });
    } catch (const Error&) {
      if (before_commit) before_commit();
      throw;
    }
    if (before_commit) before_commit();
    out.commit();
  });
}

}  // namespace lacuna
