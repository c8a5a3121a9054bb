// Converting packed rows, as they lie on disk, to what the CUDA kernels run from: GB/s of the packed bytes on one
// thread, and of the dense matrix's (`dense_GB/s`). Needs no device.
#include <benchmark/benchmark.h>

#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include "lacuna/core/random.hpp"
#include "lacuna/core/threads.hpp"
#include "lacuna/kernels/packed_gemv/lane_streams.hpp"
#include "lacuna/kernels/packed_gemv/two_four.hpp"

namespace lacuna::kernels {
namespace {

constexpr std::int64_t kRows = 2112;  // one a warp of 132 multiprocessors
constexpr std::int64_t kCols = 4096;

struct Packed {
  std::vector<std::uint8_t> bitmap;
  std::vector<std::uint16_t> values;
  std::vector<std::uint64_t> row_starts = {0};
  std::vector<std::uint16_t> dense;

  // zeros < 0: two of every four are kept.
  explicit Packed(double zeros) : bitmap(static_cast<std::size_t>(kRows * kCols / 8)), dense(kRows * kCols) {
    Random random(1);
    for (std::size_t i = 0; i < dense.size(); ++i) {
      const bool kept = zeros < 0.0 ? (i + i / 4) % 2 == 0 : random.uniform() >= zeros;
      if (kept) {
        dense[i] = f32_to_f16(static_cast<float>(random.uniform() + 0.5));
        bitmap[i / 8] = static_cast<std::uint8_t>(bitmap[i / 8] | 1U << (i % 8));
        values.push_back(dense[i]);
      }
      if ((i + 1) % kCols == 0) row_starts.push_back(values.size());
    }
  }
  PackedRows view() const {
    return {DType::f16,       kRows, kCols, bitmap.data(), reinterpret_cast<const std::byte*>(values.data()),
            row_starts.data()};
  }
  std::size_t bytes() const { return bitmap.size() + values.size() * 2; }
};

void check(const std::vector<std::uint16_t>& found, const std::vector<std::uint16_t>& expected) {
  if (found != expected) throw std::runtime_error("the conversion does not expand to the same matrix");
}

void convert(benchmark::State& state, double zeros) {
  const Packed packed(zeros);
  const PackedRows rows = packed.view();
  std::vector<std::uint16_t> back(packed.dense.size());
  const MatrixView<std::uint16_t> out(back.data(), kRows, kCols);
  if (zeros < 0.0) {
    expand_two_four(make_two_four({&rows, 1}), out);
  } else {
    expand_lane_streams(make_lane_streams({&rows, 1}, kRows), out);
  }
  check(back, packed.dense);
  set_thread_count(1);
  for (auto _ : state) {
    if (zeros < 0.0) {
      benchmark::DoNotOptimize(make_two_four({&rows, 1}));
    } else {
      benchmark::DoNotOptimize(make_lane_streams({&rows, 1}, kRows));
    }
  }
  const auto rate = [&](std::size_t bytes) {
    return benchmark::Counter(static_cast<double>(bytes) * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
  };
  state.counters["GB/s"] = rate(packed.bytes());
  state.counters["dense_GB/s"] = rate(packed.dense.size() * 2);
}

const int registered = [] {
  for (const int percent : {50, 70, 90}) {
    benchmark::RegisterBenchmark(("packed_forms/lanes/" + std::to_string(percent)).c_str(),
                                 [=](benchmark::State& state) { convert(state, percent / 100.0); });
  }
  benchmark::RegisterBenchmark("packed_forms/two_four", [](benchmark::State& state) { convert(state, -1.0); });
  return 0;
}();

}  // namespace
}  // namespace lacuna::kernels
