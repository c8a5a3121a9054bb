// What is measured of a linear's inputs: {what}/{tokens}x{features}; counters in bytes of activations read a second.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <vector>

#include "lacuna/activations/active_sets.hpp"
#include "lacuna/activations/distribution.hpp"
#include "lacuna/core/random.hpp"

namespace lacuna {
namespace {

constexpr double kQuantiles[] = {0.25, 0.4, 0.5, 0.9};

// Sums of four uniform numbers, about normal, features of different scales.
Matrix<float> inputs(std::int64_t tokens, std::int64_t features) {
  Random random(1);
  Matrix<float> x(tokens, features);
  for (std::int64_t t = 0; t < tokens; ++t) {
    for (std::int64_t f = 0; f < features; ++f) {
      const std::uint64_t draw = random.next();
      float sum = -2.0F;
      for (int part = 0; part < 4; ++part) sum += static_cast<float>((draw >> (16 * part)) & 0xffffU) * 0x1p-16F;
      x(t, f) = sum * (1.0F + static_cast<float>(f % 7));
    }
  }
  return x;
}

void require(bool holds) {
  if (!holds) throw std::logic_error("the benchmarked result is wrong");
}

void count_bytes(benchmark::State& state, const Matrix<float>& x) {
  state.SetBytesProcessed(state.iterations() * x.rows() * x.cols() * static_cast<std::int64_t>(sizeof(float)));
}

ActivationHistogram collected(const Matrix<float>& x) {
  ActivationHistogram histogram;
  histogram.add(x.view());
  return histogram;
}

// One histogram and the quantiles, energies and TEAL's thresholds of four sparsities.
void quantiles(benchmark::State& state, std::int64_t tokens, std::int64_t features) {
  const Matrix<float> x = inputs(tokens, features);
  std::vector<float> magnitudes(x.data(), x.data() + x.rows() * x.cols());
  for (auto& value : magnitudes) value = std::abs(value);
  const auto distribution = collected(x).distribution();
  for (const double q : kQuantiles) {
    const auto at = magnitudes.begin() + static_cast<std::ptrdiff_t>(q * static_cast<double>(magnitudes.size() - 1));
    std::nth_element(magnitudes.begin(), at, magnitudes.end());
    require(std::abs(distribution.magnitude_quantile(q) - static_cast<double>(*at)) <=
            0.003 * static_cast<double>(*at));
  }
  for (auto _ : state) {
    const auto measured = collected(x).distribution();
    for (const double q : kQuantiles) {
      const double threshold = measured.magnitude_quantile(q);
      benchmark::DoNotOptimize(measured.energy_kept(threshold));
      benchmark::DoNotOptimize(measured.teal_threshold(q));
    }
  }
  count_bytes(state, x);
}

void histogram(benchmark::State& state, std::int64_t tokens, std::int64_t features) {
  const Matrix<float> x = inputs(tokens, features);
  require(collected(x).count() == static_cast<std::uint64_t>(tokens * features));
  ActivationHistogram all;
  for (auto _ : state) all.add(x.view());
  count_bytes(state, x);
}

// Active sets as bits.
void active(benchmark::State& state, std::int64_t tokens, std::int64_t features) {
  const Matrix<float> x = inputs(tokens, features);
  BitMatrix bits(tokens, features);
  set_active(x.view(), 0.5F, 0, bits);
  std::uint64_t above = 0;
  for (std::int64_t i = 0; i < tokens * features; ++i) above += std::abs(x.data()[i]) > 0.5F ? 1 : 0;
  require(bits.count() == above);
  for (auto _ : state) {
    set_active(x.view(), 0.5F, 0, bits);
    benchmark::ClobberMemory();
  }
  count_bytes(state, x);
}

// Frequencies of features and overlaps of tokens, from the bits.
void coactivation(benchmark::State& state, std::int64_t tokens, std::int64_t features) {
  constexpr std::int64_t kLength = 512;
  const Matrix<float> x = inputs(tokens, features);
  BitMatrix bits(tokens, features);
  set_active(x.view(), 0.5F, 0, bits);
  const auto share = static_cast<double>(bits.count()) / static_cast<double>(tokens * features);
  require(std::abs(activation_frequency(bits).mean - share) < 1e-12);
  for (auto _ : state) {
    benchmark::DoNotOptimize(activation_frequency(bits));
    benchmark::DoNotOptimize(active_overlap(bits, kLength));
  }
  state.SetBytesProcessed(state.iterations() * tokens * bits.row_words() * 8);
}

#define LACUNA_BENCH(function, name, ...) \
  BENCHMARK_CAPTURE(function, name, __VA_ARGS__)->Unit(benchmark::kMillisecond)->UseRealTime()
LACUNA_BENCH(histogram, 2048x4096, 2048, 4096);
LACUNA_BENCH(quantiles, 2048x4096, 2048, 4096);
LACUNA_BENCH(quantiles, 4096x11008, 4096, 11008);
LACUNA_BENCH(active, 2048x4096, 2048, 4096);
LACUNA_BENCH(active, 4096x11008, 4096, 11008);
LACUNA_BENCH(coactivation, 2048x4096, 2048, 4096);
LACUNA_BENCH(coactivation, 4096x11008, 4096, 11008);

}  // namespace
}  // namespace lacuna
