// k-means with its metrics, balanced clusters, t-SNE, null draws of the separation ratio: {what}/{size}.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <stdexcept>

#include "lacuna/cluster/balanced.hpp"
#include "lacuna/cluster/cluster_orders.hpp"
#include "lacuna/cluster/kmeans.hpp"
#include "lacuna/cluster/separation.hpp"
#include "lacuna/cluster/separation_null.hpp"
#include "lacuna/cluster/tsne.hpp"
#include "lacuna/core/permutation.hpp"
#include "lacuna/core/random.hpp"

namespace lacuna {
namespace {

BitMatrix half_zeros(std::int64_t features, std::int64_t rows) {
  Random random(1);
  BitMatrix bits(features, rows);
  for (std::int64_t f = 0; f < features; ++f) {
    for (std::int64_t w = 0; w < bits.row_words(); ++w) bits.row(f)[w] = random.next();
  }
  return ~~bits;  // the complement clears the padding
}

void require(bool holds) {
  if (!holds) throw std::logic_error("the benchmarked result is wrong");
}

// From patterns to labels and both separations, as the scripts time it.
void kmeans_128(benchmark::State& state, int k) {
  const BitMatrix bits = half_zeros(128, 4096);
  const auto sizes = cluster_sizes(kmeans(PointGram::of_patterns(bits), {k}));
  require(static_cast<int>(sizes.size()) == k && *std::min_element(sizes.begin(), sizes.end()) > 0);
  for (auto _ : state) {
    const auto gram = PointGram::of_patterns(bits);
    const auto clustering = kmeans(gram, {k});
    benchmark::DoNotOptimize(hamming_separation(gram, clustering).within);
    benchmark::DoNotOptimize(euclidean_separation(gram, clustering).within);
  }
}

void balanced_128(benchmark::State& state) {
  const auto gram = PointGram::of_patterns(half_zeros(128, 4096));
  for (const auto size : cluster_sizes(balanced_clusters(gram, {}))) require(size == 8);
  for (auto _ : state) benchmark::DoNotOptimize(balanced_clusters(gram, {}).inertia);
}

void tsne_of(benchmark::State& state, std::int64_t n) {
  const auto gram = PointGram::of_patterns(half_zeros(n, 4096));
  TsneOptions options;
  if (n > kTsneExact) options.starts = 1;
  for (auto _ : state) {
    const auto embedding = tsne(gram, options);
    require(embedding.kl > 0.0 && embedding.kl < 10.0);
  }
}

void separation_null(benchmark::State& state, std::int64_t features) {
  const FeaturePatterns patterns(half_zeros(features, 4096));
  SeparationNullOptions options;
  options.k = {8};
  for (auto _ : state) {
    const auto drawn = draw_separation_null(patterns, options);
    require(drawn[0].size() == 1000 && *std::min_element(drawn[0].begin(), drawn[0].end()) > 0.9);
  }
  state.counters["draws/s"] = benchmark::Counter(1000, benchmark::Counter::kIsIterationInvariantRate);
}

void order_of(benchmark::State& state, bool balanced) {
  const FeaturePatterns patterns(half_zeros(11008, 4096));
  for (auto _ : state) {
    const auto order = balanced ? balanced_order(patterns, 8, 1) : kmeans_order(patterns, 16, 1);
    require_permutation(order, 11008);
  }
}

const bool registered = [] {
  const auto add = [](const std::string& name, auto body) {
    benchmark::RegisterBenchmark(name.c_str(), body)->UseRealTime()->Unit(benchmark::kMillisecond);
  };
  for (const int k : {4, 8, 16})
    add("kmeans/k" + std::to_string(k) + "/128x4096", [k](benchmark::State& s) { kmeans_128(s, k); });
  add("balanced/8/128x4096", balanced_128);
  add("tsne/exact128", [](benchmark::State& s) { tsne_of(s, 128); });
  add("tsne/barnes_hut2048", [](benchmark::State& s) { tsne_of(s, 2048); });
  add("separation_null/1000/128x4096", [](benchmark::State& s) { separation_null(s, 128); });
  add("separation_null/1000/11008x4096", [](benchmark::State& s) { separation_null(s, 11008); });
  add("order/kmeans/11008x4096", [](benchmark::State& s) { order_of(s, false); });
  add("order/balanced/11008x4096", [](benchmark::State& s) { order_of(s, true); });
  return true;
}();

}  // namespace
}  // namespace lacuna
