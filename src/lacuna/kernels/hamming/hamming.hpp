// Counts of common bits between all rows of two bit matrices, and the rows nearest to one of them.
//
//   and_counts     both[i,j] = popcount(A[i] ∧ B[j])      hamming(i,j) = |A[i]| + |B[j]| − 2·both[i,j]
//   select_below   of one row of such counts the entries with hamming < limit, in ascending order of j
//
// Layout   A and B are interleaved in panels of 8 rows: word w of row r is P[(r/8)·8·words + w·8 + r%8], rows beyond
//          the last are zero; interleave_rows makes it. both: row i at both + i·stride, padded like the rows to whole
//          panels.
// Exact    the same integers on every ISA; fewer than 2³² bits a row.
// Cost     and_counts: n_a·n_b·words/8 times an AND, a VPOPCNTQ and an addition; no allocation. It runs over the panels
//          of B for every panel of A: keep a call's B within the second-level cache. select_below: one read of the
//          counts.
// Threads  safe on distinct outputs.
// Source   README.md; SIMD counts per lane instead of per row, Muła, Kurz and Lemire, arXiv:1611.07612, for the AVX2
//          table.
#pragma once

#include <cstdint>

namespace lacuna::kernels {

inline constexpr std::int64_t kPanelRows = 8;

inline std::int64_t panel_count(std::int64_t rows) { return (rows + kPanelRows - 1) / kPanelRows; }

// panels: panel_count(n)·8·words words.
void interleave_rows(const std::uint64_t* rows, std::int64_t n, std::int64_t words, std::int64_t stride,
                     std::uint64_t* panels);

void and_counts(const std::uint64_t* a, std::int64_t a_panels, const std::uint64_t* b, std::int64_t b_panels,
                std::int64_t words, std::uint32_t* both, std::int64_t stride);

// hamming(j) = ones + b_ones[j] − 2·both[j]. Writes the hits to distances and indices (first + j; room for n + 16 each)
// and returns their number.
std::int64_t select_below(const std::uint32_t* both, const std::uint32_t* b_ones, std::int64_t n, std::uint32_t ones,
                          std::uint32_t limit, std::uint32_t first, std::uint32_t* distances, std::uint32_t* indices);

// The specification.
namespace scalar {
void and_counts(const std::uint64_t* a, std::int64_t a_panels, const std::uint64_t* b, std::int64_t b_panels,
                std::int64_t words, std::uint32_t* both, std::int64_t stride);
std::int64_t select_below(const std::uint32_t* both, const std::uint32_t* b_ones, std::int64_t n, std::uint32_t ones,
                          std::uint32_t limit, std::uint32_t first, std::uint32_t* distances, std::uint32_t* indices);
}  // namespace scalar

}  // namespace lacuna::kernels
