// How the rows of a matrix become bundles (row_bundles.hpp): which rows, which lane gets which entries, how wide gaps
// are stored, how many warps read it.
//
// Internal to kernels/packed_gemv.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lacuna/kernels/packed_gemv/row_bundles.hpp"
#include "lacuna/kernels/packed_gemv/weight_rows.hpp"

namespace lacuna::kernels {

// Entries of a row that lane j of `lanes` gets.
struct LanePart {
  int first;
  int size;
};
inline LanePart part_of(int n, int j, int lanes) {
  const auto edge = [&](int l) { return static_cast<int>(std::int64_t{n} * l / lanes); };
  return {edge(j), edge(j + 1) - edge(j)};
}

// The entries of a row that lie more than max_gap columns behind the one before.
class WideGaps {
 public:
  void find(const RowEntries& row, int max_gap);
  // Those among entries first+1 … first+size−1 of the row, which is one lane's part.
  std::span<const int> within(LanePart part) const;

 private:
  std::vector<int> entries_;
};
// Entries of value 0 that bridge such a gap.
inline int bridges(int gap, int max_gap) { return (gap - 1) / max_gap; }

// Of the row's lanes, with the entries that bridge gaps.
int fullest_lane(const RowEntries& row, const WideGaps& wide, int lanes, int max_gap);

// Sets gap_bits, rows_in_bundle, row_order and the number of streams.
void choose_bundle_layout(const WeightRows& rows, bool pairs, RowBundles& out);

}  // namespace lacuna::kernels
