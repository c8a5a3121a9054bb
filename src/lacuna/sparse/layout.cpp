#include "lacuna/sparse/layout.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <mutex>
#include <vector>

#include "lacuna/bits/row_packer.hpp"
#include "lacuna/core/buffer.hpp"
#include "lacuna/core/threads.hpp"

namespace lacuna {
namespace {

constexpr std::array<int, 4> kGroups = {2, 4, 8, 16};

struct Counts {
  std::uint64_t nonzeros = 0;
  std::array<int, kGroups.size()> fullest = {};  // elements of the fullest group of each size
};

// The most ones in any aligned field of `group` bits.
int fullest_field(std::uint64_t word, int group) {
  int most = 0;
  for (int at = 0; at < 64; at += group) {
    most = std::max(most, std::popcount(word >> at & ((std::uint64_t{1} << group) - 1)));
  }
  return most;
}

void count_row(std::span<const std::uint64_t> words, Counts& counts) {
  for (const auto word : words) counts.nonzeros += static_cast<std::uint64_t>(std::popcount(word));
  for (std::size_t g = 0; g < kGroups.size(); ++g) {
    for (const auto word : words) {
      if (counts.fullest[g] == kGroups[g]) break;
      counts.fullest[g] = std::max(counts.fullest[g], fullest_field(word, kGroups[g]));
    }
  }
}

// By bits: the view's type is an integer of the elements' width.
Counts count_matrix(const TensorView& bits) {
  Counts total;
  std::mutex mutex;
  constexpr std::int64_t kElementsPerThread = 1 << 18;
  const std::int64_t grain = kElementsPerThread / std::max<std::int64_t>(bits.shape[1], 1) + 1;
  parallel_for(bits.shape[0], grain, [&](std::int64_t begin, std::int64_t end) {
    RowPacker packer(bits);
    std::vector<std::uint64_t> words(static_cast<std::size_t>((bits.shape[1] + 63) / 64));
    Counts counts;
    for (auto r = begin; r < end; ++r) {
      packer.pack(r, words.data());
      count_row(words, counts);
    }
    const std::lock_guard<std::mutex> lock(mutex);
    total.nonzeros += counts.nonzeros;
    for (std::size_t g = 0; g < kGroups.size(); ++g) total.fullest[g] = std::max(total.fullest[g], counts.fullest[g]);
  });
  return total;
}

}  // namespace

int PackedLayout::index_bits() const { return std::countr_zero(static_cast<unsigned>(group)); }

std::string PackedLayout::name() const { return grouped() ? fmt::format("{} of {}", kept, group) : "bitmap"; }

bool is_valid_grouping(int kept, int group) {
  return std::find(kGroups.begin(), kGroups.end(), group) != kGroups.end() && kept > 0 && kept < group;
}

std::uint64_t PackingPlan::dense_bytes() const {
  return static_cast<std::uint64_t>(rows) * static_cast<std::uint64_t>(cols) * dtype_bytes(dtype);
}

std::int64_t PackingPlan::structure_row_bytes() const {
  if (!layout.grouped()) return (cols + 7) / 8;
  return (cols / layout.group * layout.kept * layout.index_bits() + 7) / 8;
}

std::uint64_t PackingPlan::packed_bytes() const {
  const auto structure = static_cast<std::uint64_t>(rows) * static_cast<std::uint64_t>(structure_row_bytes());
  const auto starts =
      static_cast<std::uint64_t>((rows + kRowsPerStart - 1) / kRowsPerStart + 1) * sizeof(std::uint64_t);
  return structure + stored * dtype_bytes(dtype) + (layout.grouped() ? 0 : starts);
}

std::optional<PackingPlan> plan_packing(const TensorView& matrix) {
  require_matrix(matrix, "packing");
  const bool packable = matrix.dtype == DType::f32 || matrix.dtype == DType::f16 || matrix.dtype == DType::bf16;
  if (!packable || matrix.numel() == 0) return std::nullopt;
  TensorView bits = matrix;
  bits.dtype = dtype_bytes(matrix.dtype) == 4 ? DType::u32 : DType::u16;
  const Counts counts = count_matrix(bits);

  PackingPlan best;
  best.dtype = matrix.dtype;
  best.rows = matrix.shape[0];
  best.cols = matrix.shape[1];
  best.stored = best.nonzeros = counts.nonzeros;
  for (std::size_t g = 0; g < kGroups.size(); ++g) {
    const int group = kGroups[g];
    if (best.cols % group != 0 || !is_valid_grouping(counts.fullest[g], group)) continue;
    PackingPlan plan = best;
    plan.layout = {counts.fullest[g], group};
    plan.stored = static_cast<std::uint64_t>(best.rows) * static_cast<std::uint64_t>(best.cols / group) *
                  static_cast<std::uint64_t>(counts.fullest[g]);
    const bool smaller = plan.packed_bytes() < best.packed_bytes();
    if (smaller || (plan.packed_bytes() == best.packed_bytes() && !best.layout.grouped())) best = plan;
  }
  if (best.packed_bytes() >= best.dense_bytes()) return std::nullopt;
  return best;
}

}  // namespace lacuna
