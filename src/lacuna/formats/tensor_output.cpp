#include "lacuna/formats/tensor_output.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "lacuna/core/checked.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/formats/printable.hpp"

namespace lacuna {
namespace {

constexpr std::size_t kChunkBytes = std::size_t{16} << 20;  // between two looks at the stop flag

}  // namespace

std::uint64_t spec_bytes(const TensorSpec& spec) {
  const auto numel = checked_product(spec.shape);
  const auto bytes = numel ? checked_mul(*numel, dtype_bytes(spec.dtype)) : std::nullopt;
  if (!bytes) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("the size of tensor {} overflows: {}", printable(spec.name), shape_text(spec.shape)));
  }
  return *bytes;
}

TensorOutput::TensorOutput(const std::filesystem::path& path, std::uint64_t total, const RunContext& context)
    : file_(path), stage_("write " + path.filename().string()), total_(total), context_(context) {}

void TensorOutput::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    context_.check_stop();
    const auto chunk = bytes.first(std::min(bytes.size(), kChunkBytes));
    file_.write(chunk);
    bytes = bytes.subspan(chunk.size());
    report();
  }
}

void TensorOutput::commit() {
  context_.check_stop();
  file_.commit();
}

void TensorOutput::report() {  // at most a hundred times a file
  const std::uint64_t done = file_.written();
  const double share = done >= total_ ? 1.0 : static_cast<double>(done) / static_cast<double>(total_);
  if (share < reported_ + 0.01 && done != total_) return;
  reported_ = share;
  context_.report({stage_, "", "bytes", done, total_, share});
}

void write_row_major(const TensorView& view, AlignedBuffer<std::byte>& scratch, const ByteSink& sink) {
  if (view.numel() == 0) return;
  if (view.is_contiguous()) return sink({view.data, view.bytes()});
  if (view.bytes() <= kChunkBytes) {
    if (scratch.size() < view.bytes()) scratch = AlignedBuffer<std::byte>(view.bytes());
    copy_contiguous(view, scratch.data());
    return sink(scratch.span().first(view.bytes()));
  }
  const std::size_t slice_bytes = view.bytes() / static_cast<std::size_t>(view.shape[0]);
  const auto step = std::max<std::int64_t>(1, static_cast<std::int64_t>(kChunkBytes / slice_bytes));
  for (std::int64_t first = 0; first < view.shape[0]; first += step) {
    TensorView slice = view;
    slice.data += first * view.strides[0] * static_cast<std::int64_t>(dtype_bytes(view.dtype));
    slice.shape[0] = std::min(step, view.shape[0] - first);
    if (slice.shape[0] == 1) {  // one extent less, so that a long row is cut too
      slice.shape.erase(slice.shape.begin());
      slice.strides.erase(slice.strides.begin());
    }
    write_row_major(slice, scratch, sink);
  }
}

}  // namespace lacuna
