// How the zeros of one weight matrix are left out, and which way takes the fewest bytes.
//
//   bitmap   one bit per element, and the elements whose bits are not all zero
//   grouped  k of every m consecutive elements of a row, each with its place in log2(m) bits (2:4 has k = 2, m = 4)
//
// "Zero" is the all-zero bit pattern: −0.0 and NaN are stored, so that unpacking gives every bit back. A group with
// fewer than k such elements stores zeros as well.
//
// Choice   grouped for m in 2, 4, 8, 16 that divides the row length, with k the most any group needs; bitmap; dense.
//          The fewest bytes win, then grouped before bitmap (no row has to be searched), then dense.
// Exact    the same choice on every ISA and thread count.
// Threads  parallel inside.
// Errors   Error{invalid_argument}: not a matrix. Source docs/formats/packed.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "lacuna/core/tensor.hpp"

namespace lacuna {

inline constexpr std::int64_t kRowsPerStart = 16;  // rows between two entries of row_starts

struct PackedLayout {
  int kept = 0;  // k; 0: bitmap
  int group = 0;

  bool grouped() const { return kept > 0; }
  int index_bits() const;    // log2(group)
  std::string name() const;  // "bitmap", "2 of 4"
};

// Any k and m that a file may hold: m in 2, 4, 8, 16 and 0 < k < m.
bool is_valid_grouping(int kept, int group);

struct PackingPlan {
  DType dtype = DType::bf16;
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  PackedLayout layout;
  std::uint64_t stored = 0;    // values
  std::uint64_t nonzeros = 0;  // by bits; ≤ stored

  std::uint64_t dense_bytes() const;
  std::uint64_t packed_bytes() const;
  std::int64_t structure_row_bytes() const;  // of bitmap or indices
};

// Empty where no layout is smaller than the dense matrix, and for types other than f32, f16 and bf16.
std::optional<PackingPlan> plan_packing(const TensorView& matrix);

}  // namespace lacuna
