// pairs, nearest, grouping, null draws: {what}/{features}x{rows of W}; counters in pairs of features, or draws, a
// second.
#include <benchmark/benchmark.h>

#include <stdexcept>
#include <vector>

#include "lacuna/cluster/coherence.hpp"
#include "lacuna/cluster/grouping.hpp"
#include "lacuna/cluster/neighbours.hpp"
#include "lacuna/cluster/null_test.hpp"
#include "lacuna/cluster/pairs.hpp"
#include "lacuna/core/permutation.hpp"
#include "lacuna/core/random.hpp"
#include "lacuna/kernels/bitcount/bitcount.hpp"

namespace lacuna {
namespace {

// Half of the bits set: one random word serves 64.
BitMatrix half_zeros(std::int64_t features, std::int64_t rows) {
  Random random(1);
  BitMatrix bits(features, rows);
  for (std::int64_t f = 0; f < features; ++f) {
    for (std::int64_t w = 0; w < bits.row_words(); ++w) bits.row(f)[w] = random.next();
  }
  return ~~bits;  // the complement clears the padding
}

std::uint32_t distance(const FeaturePatterns& patterns, std::int64_t i, std::int64_t j) {
  const auto pair = kernels::count_pair(patterns.bits().row(i), patterns.bits().row(j), patterns.bits().row_words());
  return static_cast<std::uint32_t>(pair.a + pair.b - 2 * pair.both);
}

void require(bool holds) {
  if (!holds) throw std::logic_error("the benchmarked result is wrong");
}

void count_pairs(benchmark::State& state, double pairs) {
  state.counters["pairs/s"] = benchmark::Counter(pairs, benchmark::Counter::kIsIterationInvariantRate);
}

void pairs(benchmark::State& state, std::int64_t features, std::int64_t rows) {
  const FeaturePatterns patterns(half_zeros(features, rows));
  const auto result = all_pair_distances(patterns);
  std::uint64_t total = 0;
  for (const auto count : result.histogram) total += count;
  require(total == result.pairs());
  require(result.histogram[distance(patterns, 1, features - 1)] > 0);
  for (auto _ : state) benchmark::DoNotOptimize(all_pair_distances(patterns));
  count_pairs(state, static_cast<double>(total));
}

// As pairs, from a matrix of f32 in memory: packing and transposing included.
void pairs_of_f32(benchmark::State& state, std::int64_t features, std::int64_t rows) {
  const BitMatrix bits = half_zeros(features, rows).transposed();
  std::vector<float> weights(static_cast<std::size_t>(rows * features));
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = 0; c < features; ++c)
      weights[static_cast<std::size_t>(r * features + c)] = bits.get(r, c) ? 1 : 0;
  }
  const auto view = make_tensor_view(DType::f32, {rows, features}, weights.data());
  require(FeaturePatterns::columns(view).bits() == bits.transposed());
  for (auto _ : state) benchmark::DoNotOptimize(all_pair_distances(FeaturePatterns::columns(view)));
  count_pairs(state, static_cast<double>(features) * static_cast<double>(features - 1) / 2);
}

void nearest(benchmark::State& state, std::int64_t features, std::int64_t rows, std::int64_t n) {
  const FeaturePatterns patterns(half_zeros(features, rows));
  const auto graph = nearest_of_all(patterns, n);
  for (std::int64_t i = 0; i < n; ++i) {
    require(graph.distances_of(7)[i] == distance(patterns, 7, graph.indices_of(7)[i]));
  }
  for (auto _ : state) benchmark::DoNotOptimize(nearest_of_all(patterns, n));
  count_pairs(state, static_cast<double>(features) * static_cast<double>(features));
}

void grouping(benchmark::State& state, std::int64_t features, std::int64_t rows) {
  const FeaturePatterns patterns(half_zeros(features, rows));
  require_permutation(grouped_order(group_features(patterns, 8, 1)), features);
  for (auto _ : state) {
    const auto groups = group_features(patterns, 8, 1);
    benchmark::DoNotOptimize(measure_groups(patterns, groups));
  }
}

enum class Order { stored, gradient, groups };

FeatureOrder ordered(const FeaturePatterns& patterns, Order order, std::uint64_t seed) {
  if (order == Order::stored) return stored_order(patterns.count());
  if (order == Order::gradient) return gradient_order(patterns, static_cast<std::int64_t>(seed % 1000));
  return grouped_order(group_features(patterns, 8, seed));
}

void null_draws(benchmark::State& state, std::int64_t features, std::int64_t rows, NullModel model, Order order) {
  const BitMatrix bits = half_zeros(features, rows);
  constexpr std::int64_t kDraws = 10;
  const auto procedure = [order](const FeaturePatterns& patterns, std::uint64_t seed) {
    return std::vector<double>{block_coherence(patterns, ordered(patterns, order, seed), 8).mean};
  };
  for (auto _ : state) benchmark::DoNotOptimize(draw_null(bits, {model, 4, kDraws, 1}, procedure));
  state.counters["draws/s"] = benchmark::Counter(kDraws, benchmark::Counter::kIsIterationInvariantRate);
}

#define LACUNA_BENCH(function, name, ...) \
  BENCHMARK_CAPTURE(function, name, __VA_ARGS__)->Unit(benchmark::kMillisecond)->UseRealTime()
LACUNA_BENCH(pairs, 11008x4096, 11008, 4096);
LACUNA_BENCH(pairs_of_f32, 11008x4096, 11008, 4096);
LACUNA_BENCH(nearest, 128 / 11008x4096, 11008, 4096, 128);
LACUNA_BENCH(grouping, 8 / 11008x4096, 11008, 4096);
LACUNA_BENCH(pairs, 28672x8192, 28672, 8192);
LACUNA_BENCH(nearest, 8 / 28672x8192, 28672, 8192, 8);
LACUNA_BENCH(grouping, 8 / 28672x8192, 28672, 8192);
LACUNA_BENCH(null_draws, columns / stored / 11008x4096, 11008, 4096, NullModel::columns, Order::stored);
LACUNA_BENCH(null_draws, columns / groups / 11008x4096, 11008, 4096, NullModel::columns, Order::groups);
LACUNA_BENCH(null_draws, margins / gradient / 11008x4096, 11008, 4096, NullModel::margins, Order::gradient);
LACUNA_BENCH(null_draws, margins / groups / 11008x4096, 11008, 4096, NullModel::margins, Order::groups);
LACUNA_BENCH(null_draws, pattern / groups / 11008x4096, 11008, 4096, NullModel::pattern, Order::groups);

}  // namespace
}  // namespace lacuna
