#include "lacuna/formats/safetensors_writer.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <numeric>

#include "lacuna/core/atomic_file.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/formats/allocation_guard.hpp"
#include "lacuna/formats/json_text.hpp"
#include "lacuna/formats/printable.hpp"
#include "lacuna/formats/safetensors.hpp"
#include "lacuna/formats/utf8.hpp"

namespace lacuna {
namespace {
namespace fs = std::filesystem;

// The reference's order of types, ascending; files hold them descending, so that every tensor is aligned.
constexpr std::array<DType, 15> kAscending = {DType::boolean, DType::u8,  DType::i8,  DType::f8_e5m2, DType::f8_e4m3,
                                              DType::i16,     DType::u16, DType::f16, DType::bf16,    DType::i32,
                                              DType::u32,     DType::f32, DType::f64, DType::i64,     DType::u64};

std::ptrdiff_t type_rank(DType dtype) {
  return std::find(kAscending.begin(), kAscending.end(), dtype) - kAscending.begin();
}

std::vector<std::size_t> file_order(std::span<const TensorSpec> tensors) {
  std::vector<std::size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    const auto rank_a = type_rank(tensors[a].dtype);
    const auto rank_b = type_rank(tensors[b].dtype);
    return rank_a != rank_b ? rank_a > rank_b : tensors[a].name < tensors[b].name;
  });
  return order;
}

// What the reader would refuse must not be written.
void require_valid_names(std::span<const TensorSpec> tensors) {
  std::vector<std::string_view> names;
  for (const auto& tensor : tensors) {
    const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
    const bool reserved = tensor.name == "__metadata__";
    if (reserved || !is_utf8(tensor.name) || std::any_of(tensor.name.begin(), tensor.name.end(), control)) {
      throw Error(ErrorCode::invalid_argument, fmt::format("a tensor cannot be named {}", printable(tensor.name)));
    }
    names.push_back(tensor.name);
  }
  std::sort(names.begin(), names.end());
  const auto twin = std::adjacent_find(names.begin(), names.end());
  if (twin != names.end()) {
    throw Error(ErrorCode::invalid_argument, fmt::format("two tensors are named {}", printable(*twin)));
  }
  if (names.size() > kMaxSafetensorsTensors) {
    throw Error(ErrorCode::limit_exceeded, fmt::format("more than {} tensors in one file", kMaxSafetensorsTensors));
  }
}

std::string header_bytes(std::span<const TensorSpec> tensors, std::span<const std::size_t> order,
                         const SafetensorsMetadata& metadata, const fs::path& path) {
  std::string text(8, '\0');  // the length goes here
  text += '{';
  std::string_view separator;
  if (!metadata.empty()) {
    text += "\"__metadata__\":{";
    for (const auto& [key, value] : metadata) {
      if (!is_utf8(key) || !is_utf8(value)) {
        throw Error(ErrorCode::invalid_argument, fmt::format("metadata {} is not valid UTF-8", printable(key)));
      }
      text += fmt::format("{}{}:{}", separator, json_text(key), json_text(value));
      separator = ",";
    }
    text += '}';
  }
  std::uint64_t offset = 0;
  for (const auto index : order) {
    const auto& tensor = tensors[index];
    const std::uint64_t end = offset + spec_bytes(tensor);
    text +=
        fmt::format(R"({}{}:{{"dtype":"{}","shape":[{}],"data_offsets":[{},{}]}})", separator, json_text(tensor.name),
                    safetensors_name(tensor.dtype), fmt::join(tensor.shape, ","), offset, end);
    separator = ",";
    offset = end;
  }
  text += '}';
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const std::uint64_t length = text.size() - 8;
  if (length > kMaxSafetensorsHeaderBytes) {
    throw Error(ErrorCode::limit_exceeded, fmt::format("the header would need {} bytes", length)).at(path);
  }
  for (std::size_t i = 0; i < 8; ++i) text[i] = static_cast<char>(length >> (8 * i));
  return text;
}

std::vector<TensorSpec> specs_of(std::span<const NamedTensor> tensors) {
  std::vector<TensorSpec> specs;
  for (const auto& tensor : tensors) specs.push_back({tensor.name, tensor.view.dtype, tensor.view.shape});
  return specs;
}

struct Plan {
  std::vector<std::size_t> order;
  std::string header;
  std::uint64_t total_bytes = 0;
};

Plan plan_file(const fs::path& path, std::span<const TensorSpec> tensors, const SafetensorsMetadata& metadata) {
  require_valid_names(tensors);
  Plan plan;
  plan.order = file_order(tensors);
  plan.header = header_bytes(tensors, plan.order, metadata, path);
  plan.total_bytes = plan.header.size();
  for (const auto& tensor : tensors) plan.total_bytes += spec_bytes(tensor);
  return plan;
}

std::span<const std::byte> as_bytes(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

std::span<std::byte> sized(AlignedBuffer<std::byte>& buffer, std::size_t bytes) {
  if (buffer.size() < bytes) buffer = AlignedBuffer<std::byte>(bytes);
  return buffer.span().first(bytes);
}

const MappedFile& single_safetensors_file(const TensorArchive& input) {
  if (input.format == FileFormat::safetensors && input.files.size() == 1) return *input.files.front();
  throw Error(ErrorCode::unsupported_format,
              fmt::format("only safetensors files are rewritten, got {}", file_format_name(input.format)));
}

}  // namespace

void write_safetensors(const fs::path& path, std::span<const TensorSpec> tensors, const SafetensorsMetadata& metadata,
                       const TensorProducer& produce, const RunContext& context) {
  guard_allocation(path, [&] {
    const Plan plan = plan_file(path, tensors, metadata);
    TensorOutput out(path, plan.total_bytes, context);
    out.write(as_bytes(plan.header));
    AlignedBuffer<std::byte> buffer;
    for (const auto index : plan.order) {
      context.check_stop();
      const auto values = sized(buffer, spec_bytes(tensors[index]));
      produce(index, values);
      out.write(values);
    }
    out.commit();
  });
}

void write_safetensors(const fs::path& path, std::span<const NamedTensor> tensors, const SafetensorsMetadata& metadata,
                       const RunContext& context, const std::function<void()>& before_commit) {
  guard_allocation(path, [&] {
    const auto specs = specs_of(tensors);
    const Plan plan = plan_file(path, specs, metadata);
    TensorOutput out(path, plan.total_bytes, context);
    out.write(as_bytes(plan.header));
    AlignedBuffer<std::byte> scratch;
    try {
      const auto sink = [&](std::span<const std::byte> bytes) { out.write(bytes); };
      for (const auto index : plan.order) write_row_major(tensors[index].view, scratch, sink);
    } catch (const Error&) {
      if (before_commit)
        before_commit();  // an input that lost its pages may be the cause: then this throws file_changed
      throw;
    }
    if (before_commit) before_commit();
    out.commit();
  });
}

void rewrite_safetensors(const TensorArchive& input, const fs::path& output, const TensorReplacement& replace,
                         const RunContext& context) {
  guard_allocation(output, [&] {
    const MappedFile& source = single_safetensors_file(input);
    require_distinct_paths(output, source.path());
    TensorOutput out(output, source.size(), context);
    AlignedBuffer<std::byte> buffer;
    try {
      out.write(safetensors_header(source));
      for (const auto& tensor : input.tensors) {  // in the order of their bytes and without holes, as they were read
        context.check_stop();
        const auto values = sized(buffer, tensor.view.bytes());  // untouched, and so free, while copying
        const bool replaced = replace && replace(tensor, values);
        out.write(replaced ? std::span<const std::byte>(values) : std::span(tensor.view.data, values.size()));
      }
    } catch (const Error&) {
      input.check_intact();  // reading lost pages of a truncated input fails as an invalid address
      throw;
    }
    input.check_intact();
    out.commit();
  });
}

}  // namespace lacuna
