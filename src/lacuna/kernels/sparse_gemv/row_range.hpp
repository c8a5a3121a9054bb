// What one thread does at a time, and how rows are cut.
#pragma once

#include <cstdint>

#include "lacuna/kernels/sparse_gemv/active_columns.hpp"
#include "lacuna/kernels/sparse_gemv/sparse_gemv.hpp"

namespace lacuna::kernels {

inline constexpr std::int64_t kStrip = 32;        // rows taken together; a matrix's last ones from a padded copy
inline constexpr std::int64_t kTileSums = 6144;   // of a tile, all rows of the batch together: 24 KiB of L1
inline constexpr std::int64_t kGroup = 8;         // columns taken together
inline constexpr std::int64_t kLargestBatch = 8;  // of one pass

// Rows [first, end) of one product.
struct RowRange {
  const ColumnProduct* product = nullptr;
  const ActiveColumns* active = nullptr;
  std::int64_t first = 0;
  std::int64_t end = 0;
  std::int64_t first_batch_row = 0;
};

void multiply_range(const RowRange& range);  // not at the scalar level

std::int64_t parts_of_work(std::int64_t weights);     // threads that pay for so many weights read, at least 1
std::int64_t rows_together(std::int64_t batch_rows);  // the largest power of two that is no more, up to kLargestBatch

}  // namespace lacuna::kernels
