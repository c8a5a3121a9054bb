// Which lane of a warp gets which entries of a row: the windows of lane_streams.hpp and the dealing of rows to them.
// Internal to kernels/packed_gemv.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "lacuna/kernels/packed_gemv/lane_rows.hpp"
#include "lacuna/kernels/packed_gemv/lane_streams.hpp"

namespace lacuna::kernels {

// Lane l gets the entries [parts[l], parts[l+1]) of a row.
using LaneParts = std::array<int, LaneStreams::kLanes + 1>;

struct RowPlan {
  LaneParts parts{};
  int steps = 0;
};

class LanePlanner {
 public:
  explicit LanePlanner(const WeightRows& rows);  // Error{invalid_argument}: more columns than shared memory holds

  // Sets lane_base, slots and gap_bits.
  void choose_layout(LaneStreams& out) const;
  RowPlan plan(const RowEntries& row, const LaneStreams& out) const;
  std::vector<RowPlan> plan_all(const LaneStreams& out) const;

 private:
  using Edges = std::array<std::int32_t, LaneStreams::kLanes + 1>;  // columns

  void split_evenly();
  void limit_widths();

  const WeightRows& rows_;
  Edges edge_{};
};

// The slot at which a lane starts, given its first entry's.
inline int start_slot(int first_slot) { return first_slot < 255 ? first_slot : 255; }

}  // namespace lacuna::kernels
