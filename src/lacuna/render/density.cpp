// The column counters of a band of rows are 16 bits wide: they stay in the first cache levels and eight of them fit a
// baseline register, so that counting runs at the speed of memory. Bands of more rows are cut, which is why count_rows
// takes at most 65,535.
#include "lacuna/render/density.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <utility>

#include "lacuna/core/checked.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/core/threads.hpp"

namespace lacuna {
namespace {

constexpr std::int64_t kRowsPerCall = 65'535;
constexpr std::int64_t kEntriesPerThread = 1 << 20;  // fewer take less time than waking a thread
constexpr std::uint64_t kMaxEntries = std::uint64_t{1} << 40;
constexpr std::uint64_t kMaxBoxes = std::uint64_t{1} << 28;
constexpr std::uint64_t kMaxBoxEntries = std::uint64_t{0xFFFF'FFFF};

// A matrix in memory: strides in bytes.
struct RawMatrix {
  const std::byte* data = nullptr;
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::int64_t row_step = 0;
  std::int64_t col_step = 0;
};

template <typename Word>
bool is_nonzero(const std::byte* at, Word mask) {
  Word word;
  std::memcpy(&word, at, sizeof(Word));  // tensors in files need not be aligned
  return (word & mask) != 0;
}

template <typename Word>
void count_contiguous(const std::byte* row, std::int64_t cols, Word mask, std::uint16_t* counts) {
  for (std::int64_t c = 0; c < cols; ++c) {
    counts[c] = static_cast<std::uint16_t>(counts[c] + is_nonzero<Word>(row + c * std::int64_t{sizeof(Word)}, mask));
  }
}

// Rows are walked inside columns: fast for a transposed view, right for any strides.
template <typename Word>
void count_strided(const RawMatrix& m, std::int64_t begin, std::int64_t end, Word mask, std::uint16_t* counts) {
  for (std::int64_t c = 0; c < m.cols; ++c) {
    const std::byte* column = m.data + c * m.col_step;
    std::uint32_t count = 0;
    for (std::int64_t r = begin; r < end; ++r) count += is_nonzero<Word>(column + r * m.row_step, mask);
    counts[c] = static_cast<std::uint16_t>(counts[c] + count);
  }
}

template <typename Word>
SpyPattern pattern_of(const RawMatrix& m, Word mask) {
  return {m.rows, m.cols, [m, mask](std::int64_t begin, std::int64_t end, std::uint16_t* counts) {
            if (m.col_step != std::int64_t{sizeof(Word)}) return count_strided<Word>(m, begin, end, mask, counts);
            for (std::int64_t r = begin; r < end; ++r) {
              count_contiguous<Word>(m.data + r * m.row_step, m.cols, mask, counts);
            }
          }};
}

// All bits but the sign of a float.
template <typename Word>
Word value_mask(bool floating) {
  const Word all = static_cast<Word>(~Word{0});
  return floating ? static_cast<Word>(all >> 1) : all;
}

void require_shape(std::int64_t rows, std::int64_t cols) {
  if (rows < 1 || cols < 1) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("spy plot: expected a matrix with at least one row and column, got {} × {}", rows, cols));
  }
  const auto entries = checked_mul(static_cast<std::uint64_t>(rows), static_cast<std::uint64_t>(cols));
  if (!entries || *entries > kMaxEntries) {
    throw Error(ErrorCode::limit_exceeded,
                fmt::format("spy plot: expected at most 2^40 entries, got {} × {}", rows, cols));
  }
}

DensityMap empty_map(const SpyPattern& pattern, std::int64_t box_rows, std::int64_t box_cols) {
  require_shape(pattern.rows, pattern.cols);
  if (box_rows < 1 || box_cols < 1) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("density map: expected boxes of at least 1 × 1, got {} × {}", box_rows, box_cols));
  }
  DensityMap map{pattern.rows, pattern.cols, std::min(box_rows, pattern.rows), std::min(box_cols, pattern.cols)};
  map.map_rows = (map.rows - 1) / map.box_rows + 1;
  map.map_cols = (map.cols - 1) / map.box_cols + 1;
  const auto boxes = static_cast<std::uint64_t>(map.map_rows) * static_cast<std::uint64_t>(map.map_cols);
  const auto box_entries = static_cast<std::uint64_t>(map.box_rows) * static_cast<std::uint64_t>(map.box_cols);
  if (boxes > kMaxBoxes || box_entries > kMaxBoxEntries) {
    throw Error(ErrorCode::limit_exceeded,
                fmt::format("density map: expected at most {} boxes of at most {} entries, got {} of {}", kMaxBoxes,
                            kMaxBoxEntries, boxes, box_entries));
  }
  map.counts.assign(static_cast<std::size_t>(boxes), 0);
  return map;
}

// Fills map rows [first, last).
void count_bands(const SpyPattern& pattern, DensityMap& map, std::int64_t first, std::int64_t last) {
  std::vector<std::uint16_t> columns(static_cast<std::size_t>(map.cols));
  for (std::int64_t i = first; i < last; ++i) {
    std::uint32_t* out = map.counts.data() + i * map.map_cols;
    const std::int64_t end = std::min((i + 1) * map.box_rows, map.rows);
    for (std::int64_t begin = i * map.box_rows; begin < end; begin += kRowsPerCall) {
      std::fill(columns.begin(), columns.end(), std::uint16_t{0});
      pattern.count_rows(begin, std::min(begin + kRowsPerCall, end), columns.data());
      for (std::int64_t j = 0; j < map.map_cols; ++j) {
        const auto from = columns.begin() + j * map.box_cols;
        const auto to = columns.begin() + std::min((j + 1) * map.box_cols, map.cols);
        out[j] = std::accumulate(from, to, out[j]);
      }
    }
  }
}

}  // namespace

SpyPattern spy_pattern(const TensorView& tensor) {
  const std::size_t rank = tensor.shape.size();
  if (rank != 1 && rank != 2) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("spy plot: expected a matrix, got a tensor of shape {}", shape_text(tensor.shape)));
  }
  const auto width = static_cast<std::int64_t>(dtype_bytes(tensor.dtype));
  RawMatrix m{tensor.data, rank == 1 ? 1 : tensor.shape[0], tensor.shape[rank - 1], 0,
              tensor.strides[rank - 1] * width};
  if (rank == 2) m.row_step = tensor.strides[0] * width;
  require_shape(m.rows, m.cols);
  const bool floating = is_floating(tensor.dtype);
  switch (width) {
    case 1: return pattern_of(m, value_mask<std::uint8_t>(floating));
    case 2: return pattern_of(m, value_mask<std::uint16_t>(floating));
    case 4: return pattern_of(m, value_mask<std::uint32_t>(floating));
    default: return pattern_of(m, value_mask<std::uint64_t>(floating));
  }
}

SpyPattern spy_pattern(std::int64_t rows, std::int64_t cols,
                       std::function<const std::uint64_t*(std::int64_t)> row_bits) {
  require_shape(rows, cols);
  return {rows, cols,
          [cols, row_bits = std::move(row_bits)](std::int64_t begin, std::int64_t end, std::uint16_t* counts) {
            for (std::int64_t r = begin; r < end; ++r) {
              const std::uint64_t* words = row_bits(r);
              for (std::int64_t c = 0; c < cols; ++c) {
                counts[c] = static_cast<std::uint16_t>(counts[c] + (words[c / 64] >> (c % 64) & 1));
              }
            }
          }};
}

SpyPattern spy_pattern_from_flags(std::int64_t rows, std::int64_t cols,
                                  std::function<void(std::int64_t, std::uint8_t*)> flags) {
  require_shape(rows, cols);
  return {rows, cols, [cols, flags = std::move(flags)](std::int64_t begin, std::int64_t end, std::uint16_t* counts) {
            std::vector<std::uint8_t> row(static_cast<std::size_t>(cols));
            for (std::int64_t r = begin; r < end; ++r) {
              std::fill(row.begin(), row.end(), std::uint8_t{0});
              flags(r, row.data());
              for (std::int64_t c = 0; c < cols; ++c) {
                counts[c] = static_cast<std::uint16_t>(counts[c] + (row[static_cast<std::size_t>(c)] != 0));
              }
            }
          }};
}

std::uint32_t DensityMap::count(std::int64_t i, std::int64_t j) const {
  return counts[static_cast<std::size_t>(i * map_cols + j)];
}

std::int64_t DensityMap::box_entries(std::int64_t i, std::int64_t j) const {
  return std::min(box_rows, rows - i * box_rows) * std::min(box_cols, cols - j * box_cols);
}

double DensityMap::density(std::int64_t i, std::int64_t j) const {
  return static_cast<double>(count(i, j)) / static_cast<double>(box_entries(i, j));
}

double DensityMap::sparsity() const {
  const auto entries = static_cast<double>(rows) * static_cast<double>(cols);
  return 1.0 - static_cast<double>(nonzeros) / entries;
}

DensityMap count_density(const SpyPattern& pattern, std::int64_t box_rows, std::int64_t box_cols) {
  DensityMap map = empty_map(pattern, box_rows, box_cols);
  const std::int64_t grain = kEntriesPerThread / (map.box_rows * map.cols) + 1;
  parallel_for(map.map_rows, grain,
               [&](std::int64_t first, std::int64_t last) { count_bands(pattern, map, first, last); });
  for (const std::uint32_t count : map.counts) map.nonzeros += count;
  return map;
}

}  // namespace lacuna
