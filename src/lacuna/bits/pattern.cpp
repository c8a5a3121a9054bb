#include "lacuna/bits/pattern.hpp"

#include <fmt/format.h>

#include <array>
#include <atomic>
#include <bit>
#include <mutex>

#include "lacuna/bits/bit_matrix.hpp"
#include "lacuna/bits/row_packer.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/core/threads.hpp"

namespace lacuna {
namespace {

constexpr std::array<int, 5> kGroupSizes = {2, 4, 8, 16, 32};
constexpr double kDenseBelow = 0.001;  // trained weights hold a few exact zeros, above all in bf16

std::int64_t row_grain(std::int64_t cols) { return (1 << 20) / std::max<std::int64_t>(cols, 1) + 1; }

// How many groups of each size have how many zeros. Groups of up to 8 lie inside a byte, so whole bytes are tallied and
// looked at once, at the end.
class GroupTally {
 public:
  void add_word(std::uint64_t zeros) {
    for (unsigned shift = 0; shift < 64; shift += 8) ++bytes_[(zeros >> shift) & 0xFFU];
    for (unsigned shift = 0; shift < 64; shift += 16) ++of(16, std::popcount((zeros >> shift) & 0xFFFFU));
    for (unsigned shift = 0; shift < 64; shift += 32) ++of(32, std::popcount((zeros >> shift) & 0xFFFFFFFFU));
  }

  // The last, shorter word of a row: only its whole groups.
  void add_tail(std::uint64_t zeros, int bits) {
    for (const int m : kGroupSizes) {
      for (int at = 0; at + m <= bits; at += m) {
        ++of(m, std::popcount((zeros >> static_cast<unsigned>(at)) & ((std::uint64_t{1} << m) - 1)));
      }
    }
  }

  void merge(const GroupTally& other) {
    for (std::size_t i = 0; i < bytes_.size(); ++i) bytes_[i] += other.bytes_[i];
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      for (std::size_t k = 0; k < groups_[i].size(); ++k) groups_[i][k] += other.groups_[i][k];
    }
  }

  void expand_bytes() {
    for (std::size_t byte = 0; byte < bytes_.size(); ++byte) {
      for (const int m : {2, 4, 8}) {
        for (int at = 0; at < 8; at += m) {
          of(m, std::popcount((byte >> static_cast<unsigned>(at)) & ((1U << m) - 1))) += bytes_[byte];
        }
      }
      bytes_[byte] = 0;
    }
  }

  std::uint64_t& of(int m, int zeros) {
    return groups_[static_cast<std::size_t>(std::countr_zero(static_cast<unsigned>(m)) - 1)]
                  [static_cast<std::size_t>(zeros)];
  }

 private:
  std::array<std::uint64_t, 256> bytes_{};
  std::array<std::array<std::uint64_t, 33>, kGroupSizes.size()> groups_{};
};

void tally_row(const std::uint64_t* words, std::int64_t cols, GroupTally& tally, std::int64_t& zeros) {
  const std::int64_t whole = cols / 64;
  for (std::int64_t w = 0; w < whole; ++w) {
    const std::uint64_t zero_bits = ~words[w];
    zeros += std::popcount(zero_bits);
    tally.add_word(zero_bits);
  }
  const auto rest = static_cast<int>(cols % 64);
  if (rest == 0) return;
  const std::uint64_t zero_bits = ~words[whole] & ((std::uint64_t{1} << rest) - 1);
  zeros += std::popcount(zero_bits);
  tally.add_tail(zero_bits, rest);
}

// Any view as rank 2 with rows along the last dimension. Higher ranks need a row-major layout; others are copied.
TensorView as_matrix(const TensorView& tensor, AlignedBuffer<std::byte>& copy) {
  if (tensor.shape.size() == 2) return tensor;
  const std::int64_t numel = tensor.numel();
  const std::int64_t cols = tensor.shape.empty() ? 1 : tensor.shape.back();
  const std::int64_t rows = cols == 0 ? 0 : numel / cols;
  if (tensor.shape.size() == 1) {
    TensorView matrix = tensor;
    matrix.shape = {rows, cols};
    matrix.strides = {0, tensor.strides[0]};
    return matrix;
  }
  const std::byte* data = tensor.data;
  if (!tensor.is_contiguous()) {
    copy = AlignedBuffer<std::byte>(tensor.bytes());
    copy_contiguous(tensor, copy.data());
    data = copy.data();
  }
  return make_tensor_view(tensor.dtype, {rows, cols}, data);
}

void detect(GroupTally& tally, std::int64_t cols, PatternSummary& summary) {
  for (const int m : kGroupSizes) {
    if (cols % m != 0) continue;
    int n = 0;
    while (n < m && tally.of(m, n) == 0) ++n;
    const auto groups = static_cast<std::uint64_t>(summary.numel / m);
    if (n == 0 || n == m || 2 * tally.of(m, n) < groups) continue;
    if (summary.m == 0 || n * summary.m > summary.n * m) {  // n/m > the best so far
      summary.n = n;
      summary.m = m;
    }
  }
}

bool row_satisfies(const std::uint64_t* words, std::int64_t cols, int n, int m) {
  for (std::int64_t begin = 0; begin + m <= cols; begin += m) {
    int zeros = 0;
    for (std::int64_t at = begin; at < begin + m;) {  // the group's pieces, a word at a time
      const auto offset = static_cast<unsigned>(at % 64);
      const std::int64_t length = std::min<std::int64_t>(64 - offset, begin + m - at);
      const std::uint64_t mask = length == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << length) - 1;
      zeros += std::popcount((~words[at / 64] >> offset) & mask);
      at += length;
    }
    if (zeros < n) return false;
  }
  return true;
}

std::size_t words_for(std::int64_t cols) { return static_cast<std::size_t>(cols / 64 + 1); }

}  // namespace

std::string PatternSummary::label() const {
  if (m != 0) return fmt::format("{}:{}", n, m);
  if (sparsity() < kDenseBelow) return "dense";
  return zeros == numel ? "zero" : "unstructured";
}

PatternSummary summarize_pattern(const TensorView& tensor) {
  AlignedBuffer<std::byte> copy;
  const TensorView matrix = as_matrix(tensor, copy);
  const std::int64_t cols = matrix.shape[1];
  PatternSummary summary;
  summary.numel = tensor.numel();
  if (summary.numel == 0) return summary;
  GroupTally total;
  std::mutex merging;
  parallel_for(matrix.shape[0], row_grain(cols), [&](std::int64_t begin, std::int64_t end) {
    RowPacker packer(matrix);
    std::vector<std::uint64_t> words(words_for(cols));
    GroupTally tally;
    std::int64_t zeros = 0;
    for (auto r = begin; r < end; ++r) {
      packer.pack(r, words.data());
      tally_row(words.data(), cols, tally, zeros);
    }
    const std::lock_guard<std::mutex> lock(merging);
    total.merge(tally);
    summary.zeros += zeros;
  });
  total.expand_bytes();
  detect(total, cols, summary);
  return summary;
}

bool satisfies_pattern(const TensorView& matrix, int n, int m) {
  require_matrix(matrix, "pattern");
  if (n <= 0 || n >= m || m > 4096) {
    throw Error(ErrorCode::invalid_argument, fmt::format("pattern: expected 0 < N < M ≤ 4096, got {}:{}", n, m));
  }
  const std::int64_t cols = matrix.shape[1];
  std::atomic<bool> holds{true};
  parallel_for(matrix.shape[0], row_grain(cols), [&](std::int64_t begin, std::int64_t end) {
    RowPacker packer(matrix);
    std::vector<std::uint64_t> words(words_for(cols));
    for (auto r = begin; r < end && holds.load(std::memory_order_relaxed); ++r) {
      packer.pack(r, words.data());
      if (!row_satisfies(words.data(), cols, n, m)) holds.store(false, std::memory_order_relaxed);
    }
  });
  return holds.load();
}

NonzeroCounts count_nonzeros(const TensorView& matrix) {
  const BitMatrix bits = BitMatrix::nonzero(matrix);
  return {bits.row_counts(), bits.column_counts()};
}

}  // namespace lacuna
