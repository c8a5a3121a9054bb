// How the rows of several matrices form one product's.
#pragma once

#include <cstdint>

namespace lacuna::kernels {

// All rows of one matrix, then all of the next; or in turns, matrices of equally many rows: pairs of a gate and its up.
enum class RowOrder : std::uint8_t { stacked, interleaved };

}  // namespace lacuna::kernels
