// spy/{type}_{shape}[_1to1]: count and draw a PNG in memory; counters in bytes of the matrix read a second.
// report: a page with one chart, its libraries inlined and hashed.
#include <benchmark/benchmark.h>

#include <stdexcept>
#include <vector>

#include "lacuna/core/random.hpp"
#include "lacuna/render/page.hpp"
#include "lacuna/render/spy.hpp"

namespace lacuna {
namespace {

// Half zeros; a 64-bit draw serves 64 elements.
std::vector<std::uint16_t> half_zeros(std::int64_t n) {
  Random random(1);
  std::vector<std::uint16_t> values(static_cast<std::size_t>(n));
  std::uint64_t draw = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i % 64 == 0) draw = random.next();
    values[i] = (draw >> (i % 64) & 1U) != 0 ? 0x3f80 : 0;
  }
  return values;
}

void spy(benchmark::State& state, std::int64_t rows, std::int64_t cols, int max_plot_px) {
  const auto weights = half_zeros(rows * cols);
  const auto pattern = spy_pattern(make_tensor_view(DType::bf16, {rows, cols}, weights.data()));
  SpyOptions options;
  options.title = "layer 0 · mlp.down_proj · wanda · 50 % unstructured";
  options.max_plot_px = max_plot_px;
  std::int64_t nonzeros = 0;
  for (const auto value : weights) nonzeros += value != 0;
  if (draw_spy(pattern, options).nonzeros != nonzeros) throw std::runtime_error("spy counts wrongly");
  std::size_t png_bytes = 0;
  for (auto _ : state) {
    const SpyImage image = draw_spy(pattern, options);
    png_bytes = image.png.size();
    benchmark::DoNotOptimize(image.png.data());
  }
  state.SetBytesProcessed(state.iterations() * rows * cols * 2);
  state.counters["png_bytes"] = static_cast<double>(png_bytes);
}

void report(benchmark::State& state) {
  BarChart bars;
  bars.bars = {{"a", "", 1.0}};
  Page page("title", "summary");
  page.chart(bar_chart(bars));
  for (auto _ : state) benchmark::DoNotOptimize(page.html().data());
}

BENCHMARK_CAPTURE(spy, bf16_28672x8192, 28672, 8192, 1600)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK_CAPTURE(spy, bf16_4096x4096, 4096, 4096, 1600)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK_CAPTURE(spy, bf16_4096x4096_1to1, 4096, 4096, 4096)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK_CAPTURE(spy, bf16_256x688_1to1, 256, 688, 1600)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(report)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace lacuna
