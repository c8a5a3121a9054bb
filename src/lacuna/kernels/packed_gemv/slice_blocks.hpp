// The blocks of one slice (sliced_rows.hpp), made 16 lanes at a time. Internal to kernels/packed_gemv.
//
//   SliceLanes lanes = …;                              // of 16-bit elements
//   n = fill_blocks(lanes, room, blocks, windows);     // again with more room while n == room
//
// Each lane stands at its next column and value. Four of either are read wherever it stands: behind its last column
// come four of kPassed, behind its last value four that can be read.
//
// Exact    the blocks that Slicer makes, byte for byte.
// Threads  safe on distinct lanes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "lacuna/kernels/packed_gemv/sliced_rows.hpp"

namespace lacuna::kernels {

struct SliceLanes {
  static constexpr std::uint16_t kPassed = 0xffff;
  static constexpr std::int64_t kMostCols = kPassed - SlicedRows::kWindow;

  std::array<const std::uint16_t*, SlicedRows::kLanes> columns{};
  std::array<const std::byte*, SlicedRows::kLanes> values{};
};

bool has_fill_blocks();  // with AVX-512 and VBMI2 only

// At most `room` blocks of 192 bytes, and their windows; the lanes move on. Fewer: all is taken.
std::int64_t fill_blocks(SliceLanes& lanes, std::int64_t room, std::byte* blocks, std::uint16_t* windows);

}  // namespace lacuna::kernels
