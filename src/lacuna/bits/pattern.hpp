// How sparse a tensor is and which regular pattern its zeros follow.
//
// N:M means N zeros in every M consecutive elements of a row, the scripts' convention: 2:4 leaves two. Zero is as in
// bits/bit_matrix.hpp: −0.0 is, NaN is not. Everything streams row by row; no copy of the tensor is made.
//
// Detection. For M in 2, 4, 8, 16, 32 that divides the row length, let N be the smallest number of zeros in any group
// of M. A pattern N:M holds when 0 < N < M and at least half of all groups have exactly N zeros; the second condition
// keeps a very sparse random matrix, where some N > 0 holds by luck, from being called structured. Of those that hold,
// the largest N/M wins, then the smallest M: 1:2 before 2:4 before 4:8, which it implies.
//
// Exact    integers, the same on every ISA and thread count.
// Threads  parallel inside.
// Errors   Error{invalid_argument}: N or M out of range; a view that is not rank 2 where one is asked for.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lacuna/core/tensor.hpp"

namespace lacuna {

struct PatternSummary {
  std::int64_t numel = 0;
  std::int64_t zeros = 0;
  int n = 0;  // detected N:M; 0:0 for none
  int m = 0;

  double sparsity() const { return numel == 0 ? 0.0 : static_cast<double>(zeros) / static_cast<double>(numel); }
  std::string label() const;  // "2:4"; else "dense" below 0.1 % zeros, "zero" when all are, "unstructured"
};

// Any rank and strides; rows run along the last dimension.
PatternSummary summarize_pattern(const TensorView& tensor);

// True when every group of m consecutive elements of every row has at least n zeros; a shorter last group needs none.
// 0 < n < m ≤ 4096.
bool satisfies_pattern(const TensorView& matrix, int n, int m);

struct NonzeroCounts {
  std::vector<std::uint32_t> rows;
  std::vector<std::uint32_t> columns;
};
NonzeroCounts count_nonzeros(const TensorView& matrix);

}  // namespace lacuna
