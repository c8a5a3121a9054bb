// Sums behind jaccard, cosine and hamming of two matrices, for each column or along rows.
//
//   a_nonzero[c] += #{r : A[r,c] ≠ 0}    both[c] += #{r : A[r,c] ≠ 0 ∧ B[r,c] ≠ 0}    (b_nonzero alike)
//   dot[c] += Σ A[r,c]·B[r,c]            aa[c] += Σ A[r,c]²                            (bb alike)
//
// Layout    rows of f32 (or f64), aligned to their type, row strides in elements ≥ cols. −0.0 is zero, NaN is not.
// Exact     counts: the same integers on every ISA.
// Accuracy  f64 accumulators; products of f32 values are exact in f64. Columns add in row order; rows add into 16
//           interleaved lanes, reduced pairwise at the end. f32 results are therefore bit-identical on every ISA.
//           relative error of a sum of n products ≤ n·2⁻⁵³ · Σ|terms| / |Σ terms|.
// Cost      O(rows·cols) time, no allocation. f64 input always runs the scalar code.
// Threads   safe on distinct sums; the caller splits columns or rows.
// Source    kernels/similarity/README.md
#pragma once

#include <array>
#include <cstdint>

namespace lacuna::kernels {

// One element per column; the kernel adds to what is there. The caller keeps the number of rows below 2³².
struct ColumnSums {
  std::uint32_t* a_nonzero;
  std::uint32_t* b_nonzero;
  std::uint32_t* both;
  double* dot;
  double* aa;
  double* bb;
};

// The sums of one pair of rows, built up over consecutive pieces. Every piece but the last has a multiple of kLanes
// elements; element i of the row goes to lane i mod kLanes.
struct alignas(64) RowSums {
  static constexpr int kLanes = 16;
  std::array<double, kLanes> dot{};
  std::array<double, kLanes> aa{};
  std::array<double, kLanes> bb{};
  std::uint64_t a_nonzero = 0;
  std::uint64_t b_nonzero = 0;
  std::uint64_t both = 0;
};
double reduce_lanes(std::array<double, RowSums::kLanes> lanes);

void similarity_columns(const float* a, std::int64_t a_stride, const float* b, std::int64_t b_stride, std::int64_t rows,
                        std::int64_t cols, const ColumnSums& sums);
void similarity_columns(const double* a, std::int64_t a_stride, const double* b, std::int64_t b_stride,
                        std::int64_t rows, std::int64_t cols, const ColumnSums& sums);
void similarity_row(const float* a, const float* b, std::int64_t n, RowSums& sums);
void similarity_row(const double* a, const double* b, std::int64_t n, RowSums& sums);

// The specification.
namespace scalar {
void similarity_columns(const float* a, std::int64_t a_stride, const float* b, std::int64_t b_stride, std::int64_t rows,
                        std::int64_t cols, const ColumnSums& sums);
void similarity_columns(const double* a, std::int64_t a_stride, const double* b, std::int64_t b_stride,
                        std::int64_t rows, std::int64_t cols, const ColumnSums& sums);
void similarity_row(const float* a, const float* b, std::int64_t n, RowSums& sums);
void similarity_row(const double* a, const double* b, std::int64_t n, RowSums& sums);
}  // namespace scalar

}  // namespace lacuna::kernels
