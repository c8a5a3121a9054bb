#include "lacuna/kernels/packed_gemv/two_four.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <string>
#include <vector>

#include "lacuna/core/error.hpp"
#include "lacuna/core/threads.hpp"
#include "lacuna/kernels/packed_gemv/weight_rows.hpp"

namespace lacuna::kernels {
namespace {

constexpr std::int64_t kPairsPerThread = 8;  // at least

// Of one group of four columns: the two stored values and their ascending indices.
struct Group {
  std::uint16_t values[2] = {0, 0};
  std::uint32_t code = 0b0100;  // indices 0 and 1
};

// False: more than two non-zeros. `have` columns exist; the others are zero.
bool make_group(const std::uint16_t* w, std::int64_t have, Group& group) {
  int found[2] = {-1, -1};
  int n = 0;
  for (int i = 0; i < 4 && i < have; ++i) {
    if ((w[i] & 0x7fffU) == 0) continue;
    if (n == 2) return false;
    found[n++] = i;
  }
  group = Group();
  if (n == 0) return true;
  if (n == 1) {  // a zero beside it, the indices ascending
    const int i = found[0];
    group.values[i == 3 ? 1 : 0] = w[i];
    group.code = static_cast<std::uint32_t>(i == 3 ? 2 | 3 << 2 : i | (i + 1) << 2);
    return true;
  }
  group.values[0] = w[found[0]];
  group.values[1] = w[found[1]];
  group.code = static_cast<std::uint32_t>(found[0] | found[1] << 2);
  return true;
}

// Where group q (0…7) of 32 columns, segment g, row i of the pair lies: lane 4·g + q%4; register 2·(q/4) + i.
std::size_t value_offset(std::size_t g, std::size_t q, std::size_t i) {
  return (4 * g + q % 4) * 16 + (2 * (q / 4) + i) * 4;
}
std::size_t code_word(std::size_t g, std::size_t q) { return 512 + (2 * g + q / 4) * 4; }
int code_shift(std::size_t q, std::size_t i) { return static_cast<int>(16 * i + 4 * (q % 4)); }

// One row of a pair; returns the first column with a crowded group, or −1.
std::int64_t write_row(const TwoFour& out, const std::uint16_t* w, std::size_t i, std::uint8_t* pair) {
  for (std::int64_t c = 0; c < out.segment * TwoFour::kSegments; c += 4) {
    Group group;
    if (c < out.cols && !make_group(w + c, out.cols - c, group)) return c;
    const auto g = static_cast<std::size_t>(c / out.segment);
    const std::int64_t within = c % out.segment;
    std::uint8_t* block = pair + within / TwoFour::kColumns * TwoFour::kBlockBytes;
    const auto q = static_cast<std::size_t>(within % TwoFour::kColumns / 4);
    std::memcpy(block + value_offset(g, q, i), group.values, sizeof group.values);
    std::uint32_t word = 0;
    std::memcpy(&word, block + code_word(g, q), sizeof word);
    word |= group.code << code_shift(q, i);
    std::memcpy(block + code_word(g, q), &word, sizeof word);
  }
  return -1;
}

// The metadata of a row that is not there must be valid too.
void write_empty_row(const TwoFour& out, std::size_t i, std::uint8_t* pair) {
  for (std::int64_t b = 0; b < out.blocks_per_pair(); ++b) {
    for (std::size_t word_at = 512; word_at < TwoFour::kBlockBytes; word_at += 4) {
      std::uint32_t word = 0;
      std::memcpy(&word, pair + b * TwoFour::kBlockBytes + word_at, sizeof word);
      word |= 0x4444U << (16 * i);
      std::memcpy(pair + b * TwoFour::kBlockBytes + word_at, &word, sizeof word);
    }
  }
}

// row(r, room) gives row r, in `room` where it lies nowhere else.
template <typename Row>
TwoFour make(DType dtype, std::int64_t rows, std::int64_t cols, const Row& row) {
  if ((dtype != DType::f16 && dtype != DType::bf16) || rows < 1 || cols < 1) {
    throw Error(ErrorCode::invalid_argument, "2:4 weights: expected a non-empty f16 or bf16 matrix, got " +
                                                 std::string(dtype_name(dtype)) + " " + std::to_string(rows) + "x" +
                                                 std::to_string(cols));
  }
  TwoFour out;
  out.dtype = dtype;
  out.rows = rows;
  out.cols = cols;
  constexpr std::int64_t kStride = TwoFour::kSegments * TwoFour::kColumns;
  out.segment = (cols + kStride - 1) / kStride * TwoFour::kColumns;
  const std::int64_t pair_bytes = out.blocks_per_pair() * TwoFour::kBlockBytes;
  out.blocks = AlignedBuffer<std::uint8_t>::zeroed(static_cast<std::size_t>(out.pairs() * pair_bytes));
  std::atomic<std::int64_t> crowded_row{rows};
  parallel_for(out.pairs(), kPairsPerThread, [&](std::int64_t begin, std::int64_t end) {
    std::vector<std::uint16_t> room(static_cast<std::size_t>(cols));
    for (auto i = begin; i < end; ++i) {
      std::uint8_t* pair = out.blocks.data() + i * pair_bytes;
      for (std::size_t of_pair = 0; of_pair < 2; ++of_pair) {
        const std::int64_t r = 2 * i + static_cast<std::int64_t>(of_pair);
        if (r >= rows) {
          write_empty_row(out, of_pair, pair);
        } else if (write_row(out, row(r, room.data()), of_pair, pair) >= 0) {
          std::int64_t seen = crowded_row.load();
          while (r < seen && !crowded_row.compare_exchange_weak(seen, r)) {
          }
        }
      }
    }
  });
  if (crowded_row.load() < rows) {
    throw Error(ErrorCode::bad_pattern, "2:4 weights: row " + std::to_string(crowded_row.load()) +
                                            " has more than two non-zeros in a group of four columns");
  }
  return out;
}

}  // namespace

TwoFour make_two_four(MatrixView<const std::uint16_t> w, DType dtype) {
  return make(dtype, w.rows, w.cols, [&](std::int64_t r, std::uint16_t*) { return w.row(r); });
}

TwoFour make_two_four(std::span<const PackedRows> parts, RowOrder order) {
  const WeightRows rows(parts, order);
  return make(rows.dtype(), rows.rows(), rows.cols(), [&](std::int64_t r, std::uint16_t* room) {
    rows.expand(r, room);
    return static_cast<const std::uint16_t*>(room);
  });
}

void expand_two_four(const TwoFour& packed, MatrixView<std::uint16_t> w) {
  const std::int64_t pair_bytes = packed.blocks_per_pair() * TwoFour::kBlockBytes;
  for (std::int64_t r = 0; r < packed.rows; ++r) {
    std::fill_n(w.row(r), w.cols, std::uint16_t{0});
    for (std::int64_t c = 0; c < packed.cols; c += 4) {
      const auto g = static_cast<std::size_t>(c / packed.segment);
      const std::int64_t within = c % packed.segment;
      const std::uint8_t* block =
          packed.blocks.data() + r / 2 * pair_bytes + within / TwoFour::kColumns * TwoFour::kBlockBytes;
      const auto q = static_cast<std::size_t>(within % TwoFour::kColumns / 4);
      const auto i = static_cast<std::size_t>(r % 2);
      std::uint16_t values[2];
      std::uint32_t word = 0;
      std::memcpy(values, block + value_offset(g, q, i), sizeof values);
      std::memcpy(&word, block + code_word(g, q), sizeof word);
      const std::uint32_t code = word >> code_shift(q, i) & 15U;
      if (values[0] != 0) w(r, c + (code & 3U)) = values[0];
      if (values[1] != 0) w(r, c + (code >> 2U)) = values[1];
    }
  }
}

}  // namespace lacuna::kernels
