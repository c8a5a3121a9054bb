// Reads every element of an archive's views, so that a view beyond its bytes is found by the sanitizers.
#pragma once

#include <cstdlib>
#include <vector>

#include "lacuna/core/error.hpp"
#include "lacuna/formats/tensor_archive.hpp"

namespace lacuna::fuzz {

inline void touch_views(const TensorArchive& archive) {
  constexpr std::size_t kWhole = 1 << 20;  // views that repeat elements may be far larger than the input
  for (const auto& [name, view] : archive.tensors) {
    if (view.shape.size() != view.strides.size() || view.numel() < 0) std::abort();
    if (view.numel() == 0) continue;
    volatile std::byte sink = *view.data;
    if (view.bytes() <= kWhole) {
      std::vector<std::byte> copy(view.bytes());
      copy_contiguous(view, copy.data());
      sink = copy.back();
    } else {  // the last element is the farthest: strides are not negative
      std::int64_t last = 0;
      for (std::size_t d = 0; d < view.shape.size(); ++d) last += (view.shape[d] - 1) * view.strides[d];
      const auto width = static_cast<std::int64_t>(dtype_bytes(view.dtype));
      sink = view.data[last * width + width - 1];
    }
    (void)sink;
  }
}

// An Error must name the input; `internal` is a bug.
inline void require_proper(const Error& error, std::size_t size) {
  if (error.code() == ErrorCode::internal || error.path().empty()) std::abort();
  if (error.byte_offset().value_or(0) > size) std::abort();
}

}  // namespace lacuna::fuzz
