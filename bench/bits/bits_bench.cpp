// similarity/{axis}/{types}/{shape}, pack/{type}/{shape}, transpose, hamming of masks; counters in bytes read a second.
// pack_beside_read/{type}/{shape}: packing and a plain read of the same bytes by turns; of_read is the share of the
// read's speed that packing reaches.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <stdexcept>
#include <vector>

#include "lacuna/bits/pattern.hpp"
#include "lacuna/bits/similarity.hpp"
#include "lacuna/core/random.hpp"
#include "lacuna/core/threads.hpp"
#include "lacuna/kernels/convert/convert.hpp"

namespace lacuna {
namespace {

// Half zeros, half uniform in [−1, 1); one 64-bit draw serves an element.
std::vector<float> half_zeros(std::int64_t n, std::uint64_t seed) {
  Random random(seed);
  std::vector<float> values(static_cast<std::size_t>(n));
  for (auto& x : values) {
    const std::uint64_t draw = random.next();
    x = (draw & 1U) != 0 ? 0.0F : static_cast<float>(static_cast<double>(draw >> 11U) * 0x1p-52 - 1.0);
  }
  return values;
}

struct Operand {
  std::vector<std::byte> bytes;
  TensorView view;

  Operand(DType dtype, std::int64_t rows, std::int64_t cols, std::uint64_t seed) {
    const auto values = half_zeros(rows * cols, seed);
    bytes.resize(values.size() * dtype_bytes(dtype));
    kernels::from_f32(values.data(), rows * cols, dtype, bytes.data());
    view = make_tensor_view(dtype, {rows, cols}, bytes.data());
  }
};

// One feature by the definition, before anything is timed.
void check_feature(const Operand& a, const Operand& b, const Similarity& result) {
  const std::int64_t rows = result.rows;
  const std::int64_t cols = result.cols;
  const std::int64_t feature = result.features() / 3;
  const bool by_rows = result.axis == FeatureAxis::rows;
  std::vector<float> x(static_cast<std::size_t>(rows * cols));
  std::vector<float> y(x.size());
  kernels::to_f32(a.view, x.data());
  kernels::to_f32(b.view, y.data());
  double both = 0, either = 0, dot = 0, aa = 0, bb = 0;
  for (std::int64_t i = 0; i < (by_rows ? cols : rows); ++i) {
    const auto at = static_cast<std::size_t>(by_rows ? feature * cols + i : i * cols + feature);
    both += x[at] != 0 && y[at] != 0 ? 1 : 0;
    either += x[at] != 0 || y[at] != 0 ? 1 : 0;
    dot += static_cast<double>(x[at]) * y[at];
    aa += static_cast<double>(x[at]) * x[at];
    bb += static_cast<double>(y[at]) * y[at];
  }
  const auto f = static_cast<std::size_t>(feature);
  if (result.jaccard[f] != both / either || std::abs(result.cosine[f] - dot / std::sqrt(aa * bb)) > 1e-11) {
    throw std::logic_error("the benchmarked similarity is wrong");
  }
}

void similarity(benchmark::State& state, FeatureAxis axis, DType type_a, DType type_b, std::int64_t rows,
                std::int64_t cols) {
  const Operand a(type_a, rows, cols, 1);
  const Operand b(type_b, rows, cols, 2);
  check_feature(a, b, compare_matrices(a.view, b.view, axis));
  for (auto _ : state) benchmark::DoNotOptimize(compare_matrices(a.view, b.view, axis));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(a.bytes.size() + b.bytes.size()));
}

void pack(benchmark::State& state, DType dtype, std::int64_t rows, std::int64_t cols) {
  const Operand a(dtype, rows, cols, 3);
  if (static_cast<std::int64_t>(BitMatrix::nonzero(a.view).count()) != rows * cols - summarize_pattern(a.view).zeros) {
    throw std::logic_error("the benchmarked packing is wrong");
  }
  for (auto _ : state) benchmark::DoNotOptimize(BitMatrix::nonzero(a.view));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(a.bytes.size()));
}

// Every byte once, on all threads: what memory gives.
void read_all(const std::vector<std::byte>& bytes) {
  const auto words = static_cast<std::int64_t>(bytes.size() / sizeof(std::uint64_t));
  const auto* data = reinterpret_cast<const std::uint64_t*>(bytes.data());
  std::uint64_t sum = 0;
#pragma omp parallel for reduction(+ : sum) schedule(static)
  for (std::int64_t i = 0; i < words; ++i) sum += data[i];
  benchmark::DoNotOptimize(sum);
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

void pack_beside_read(benchmark::State& state, DType dtype, std::int64_t rows, std::int64_t cols) {
  using Clock = std::chrono::steady_clock;
  const auto seconds = [](auto work) {
    const auto start = Clock::now();
    work();
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  const Operand a(dtype, rows, cols, 3);
  std::vector<double> reads, packs;
  for (auto _ : state) {
    reads.push_back(seconds([&] { read_all(a.bytes); }));
    packs.push_back(seconds([&] { benchmark::DoNotOptimize(BitMatrix::nonzero(a.view)); }));
    state.SetIterationTime(packs.back());
  }
  const auto gigabytes = static_cast<double>(a.bytes.size()) * 1e-9;
  state.counters["read_GB/s"] = gigabytes / median(reads);
  state.counters["pack_GB/s"] = gigabytes / median(packs);
  state.counters["of_read"] = median(reads) / median(packs);
}

void pattern(benchmark::State& state, DType dtype, std::int64_t rows, std::int64_t cols) {
  const Operand a(dtype, rows, cols, 4);
  for (auto _ : state) benchmark::DoNotOptimize(summarize_pattern(a.view));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(a.bytes.size()));
}

void transpose(benchmark::State& state, std::int64_t rows, std::int64_t cols) {
  const Operand a(DType::bf16, rows, cols, 5);
  const BitMatrix bits = BitMatrix::nonzero(a.view);
  for (auto _ : state) benchmark::DoNotOptimize(bits.transposed());
  state.SetBytesProcessed(state.iterations() * rows * bits.row_words() * 8);
}

void masks(benchmark::State& state, std::int64_t rows, std::int64_t cols) {
  const Operand a(DType::bf16, rows, cols, 6);
  const Operand b(DType::bf16, rows, cols, 7);
  const BitMatrix x = BitMatrix::nonzero(a.view);
  const BitMatrix y = BitMatrix::nonzero(b.view);
  for (auto _ : state) benchmark::DoNotOptimize(compare_masks(x, y, FeatureAxis::columns));
  state.SetBytesProcessed(state.iterations() * 2 * rows * x.row_words() * 8);
}

#define LACUNA_BENCH(function, name, ...) BENCHMARK_CAPTURE(function, name, __VA_ARGS__)->Unit(benchmark::kMillisecond)
LACUNA_BENCH(similarity, columns / f32 / 4096x11008, FeatureAxis::columns, DType::f32, DType::f32, 4096, 11008)
    ->UseRealTime();
LACUNA_BENCH(similarity, rows / f32 / 4096x11008, FeatureAxis::rows, DType::f32, DType::f32, 4096, 11008)
    ->UseRealTime();
LACUNA_BENCH(similarity, columns / bf16 / 4096x11008, FeatureAxis::columns, DType::bf16, DType::bf16, 4096, 11008)
    ->UseRealTime();
LACUNA_BENCH(similarity, rows / bf16 / 4096x11008, FeatureAxis::rows, DType::bf16, DType::bf16, 4096, 11008)
    ->UseRealTime();
LACUNA_BENCH(similarity, columns / f16 / 4096x11008, FeatureAxis::columns, DType::f16, DType::f16, 4096, 11008)
    ->UseRealTime();
LACUNA_BENCH(similarity, columns / f32 + bf16 / 4096x11008, FeatureAxis::columns, DType::f32, DType::bf16, 4096, 11008)
    ->UseRealTime();
LACUNA_BENCH(pack, f32 / 4096x11008, DType::f32, 4096, 11008)->UseRealTime();
LACUNA_BENCH(pack, bf16 / 4096x11008, DType::bf16, 4096, 11008)->UseRealTime();
LACUNA_BENCH(pack_beside_read, bf16 / 4096x11008, DType::bf16, 4096, 11008)->UseManualTime();
LACUNA_BENCH(pattern, bf16 / 4096x11008, DType::bf16, 4096, 11008)->UseRealTime();
LACUNA_BENCH(transpose, 4096x11008, 4096, 11008)->UseRealTime();
LACUNA_BENCH(masks, columns / 4096x11008, 4096, 11008)->UseRealTime();

}  // namespace
}  // namespace lacuna
