// One row of a rank-2 view as bits, whatever its type and strides. For the readers of bits and sparse.
//
// Threads  one packer per thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "lacuna/core/tensor.hpp"

namespace lacuna {

class RowPacker {
 public:
  explicit RowPacker(const TensorView& matrix);
  void pack(std::int64_t row, std::uint64_t* words);  // ceil(cols/64) words, padding bits zero

 private:
  const TensorView& matrix_;
  std::vector<std::byte> gathered_;  // the row's elements side by side, when they are not in memory
};

void require_matrix(const TensorView& view, const char* what);  // throws Error{invalid_argument} unless rank 2

}  // namespace lacuna
