#include "lacuna/core/tensor.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstring>

namespace lacuna {

std::string shape_text(std::span<const std::int64_t> shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

std::vector<std::int64_t> contiguous_strides(std::span<const std::int64_t> shape) {
  std::vector<std::int64_t> strides(shape.size());
  std::int64_t stride = 1;
  for (std::size_t d = shape.size(); d-- > 0;) {
    strides[d] = stride;
    stride *= shape[d];
  }
  return strides;
}

std::int64_t TensorView::numel() const {
  std::int64_t n = 1;
  for (const auto extent : shape) n *= extent;
  return n;
}

bool TensorView::is_contiguous() const {
  std::int64_t expected = 1;
  for (std::size_t d = shape.size(); d-- > 0;) {
    if (shape[d] == 0) return true;
    if (shape[d] != 1 && strides[d] != expected) return false;
    expected *= shape[d];
  }
  return true;
}

TensorView make_tensor_view(DType dtype, Shape shape, const void* data) {
  TensorView view;
  view.dtype = dtype;
  view.strides = contiguous_strides(shape);
  view.shape = std::move(shape);
  view.data = static_cast<const std::byte*>(data);
  return view;
}

void copy_contiguous(const TensorView& view, std::byte* out) {
  const std::int64_t numel = view.numel();
  if (numel == 0) return;
  if (view.is_contiguous()) {
    std::memcpy(out, view.data, view.bytes());
    return;
  }
  const auto width = static_cast<std::int64_t>(dtype_bytes(view.dtype));
  const std::size_t rank = view.shape.size();
  const std::int64_t run = view.shape[rank - 1];
  const std::int64_t step = view.strides[rank - 1];
  std::vector<std::int64_t> index(rank, 0);
  std::int64_t offset = 0;  // of the current innermost run, in elements
  for (std::int64_t done = 0; done < numel; done += run) {
    for (std::int64_t i = 0; i < run; ++i) {
      std::memcpy(out, view.data + (offset + i * step) * width, static_cast<std::size_t>(width));
      out += width;
    }
    for (std::size_t d = rank - 1; d-- > 0;) {  // odometer over the outer dimensions
      offset += view.strides[d];
      if (++index[d] < view.shape[d]) break;
      offset -= view.strides[d] * view.shape[d];
      index[d] = 0;
    }
  }
}

}  // namespace lacuna
