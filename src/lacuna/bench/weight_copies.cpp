#include "lacuna/bench/weight_copies.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "lacuna/core/random.hpp"
#include "lacuna/core/threads.hpp"
#include "lacuna/kernels/convert/convert.hpp"

namespace lacuna {
namespace {

constexpr std::int64_t kBytesPerThread = 1 << 20;

}  // namespace

AlignedBuffer<std::byte> random_weights(DType dtype, BenchShape shape, double zeros, std::uint64_t seed, double scale) {
  const std::size_t row_bytes = static_cast<std::size_t>(shape.cols) * dtype_bytes(dtype);
  AlignedBuffer<std::byte> weights(static_cast<std::size_t>(shape.rows) * row_bytes);
  const std::int64_t grain = kBytesPerThread / static_cast<std::int64_t>(row_bytes + 1) + 1;
  parallel_for(shape.rows, grain, [&](std::int64_t begin, std::int64_t end) {
    AlignedBuffer<float> row(static_cast<std::size_t>(shape.cols));
    for (auto r = begin; r < end; ++r) {
      Random random(seed * 0x9e3779b97f4a7c15U + static_cast<std::uint64_t>(r));
      for (float& value : row) {
        const double magnitude = scale * (0.5 + random.uniform());
        value = random.uniform() < zeros ? 0.0F : static_cast<float>(random.uniform() < 0.5 ? -magnitude : magnitude);
      }
      kernels::from_f32(row.data(), shape.cols, dtype, weights.data() + static_cast<std::size_t>(r) * row_bytes);
    }
  });
  return weights;
}

std::int64_t copies_to_rotate(std::size_t bytes, std::size_t rotated_bytes) {
  const std::size_t one = std::max<std::size_t>(bytes, 1);
  return static_cast<std::int64_t>(std::clamp<std::size_t>((rotated_bytes + one - 1) / one, 2, 1024));
}

std::vector<float> random_input(std::int64_t cols, std::uint64_t seed) {
  Random random(seed);
  std::vector<float> x(static_cast<std::size_t>(cols));
  for (float& value : x) value = static_cast<float>(random.uniform() - 0.5);
  return x;
}

Copies::Copies(std::span<const std::byte> data, std::size_t rotated_bytes) {
  for (std::int64_t i = copies_to_rotate(data.size(), rotated_bytes); i > 0; --i) {
    copies_.emplace_back(data.size());
    std::byte* to = copies_.back().data();
    parallel_for(static_cast<std::int64_t>(data.size()), kBytesPerThread, [&](std::int64_t begin, std::int64_t end) {
      std::memcpy(to + begin, data.data() + begin, static_cast<std::size_t>(end - begin));
    });
  }
}

std::uint64_t read_once(std::span<const std::byte> data) {
  constexpr std::int64_t kAhead = 2048;  // asked for in time: on 4 KiB pages hardware alone reaches nine tenths
  std::atomic<std::uint64_t> total{0};
  const auto lines = static_cast<std::int64_t>(data.size() / 64);
  parallel_for(lines, kBytesPerThread / 64, [&](std::int64_t begin, std::int64_t end) {
    std::uint64_t sums[8] = {};
    for (auto line = begin; line < end; ++line) {
      const std::byte* at = data.data() + line * 64;
      __builtin_prefetch(at + kAhead, 0, 3);
      std::uint64_t words[8];
      std::memcpy(words, at, sizeof words);
      for (int i = 0; i < 8; ++i) sums[i] += words[i];
    }
    for (const std::uint64_t sum : sums) total += sum;
  });
  return total;
}

}  // namespace lacuna
