// What is converted while a model loads, on one thread: packed rows, as they lie on disk, to what the CUDA kernels run
// from, to the processor's slices and packed columns, and to dense rows; dense rows to panels of columns. GB/s of the
// bytes read, and of the dense matrix's (`dense_GB/s`). Needs no device.
#include <benchmark/benchmark.h>

#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include "lacuna/core/random.hpp"
#include "lacuna/core/threads.hpp"
#include "lacuna/kernels/packed_gemv/row_bundles.hpp"
#include "lacuna/kernels/packed_gemv/sliced_rows.hpp"
#include "lacuna/kernels/packed_gemv/two_four.hpp"
#include "lacuna/kernels/sparse_gemv/column_panels.hpp"
#include "lacuna/kernels/sparse_gemv/packed_columns.hpp"

namespace lacuna::kernels {
namespace {

constexpr std::int64_t kRows = 2112;
constexpr int kMultiprocessors = 132;
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

void count_bytes(benchmark::State& state, std::size_t read, std::size_t dense) {
  const auto rate = [&](std::size_t bytes) {
    return benchmark::Counter(static_cast<double>(bytes) * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
  };
  state.counters["GB/s"] = rate(read);
  state.counters["dense_GB/s"] = rate(dense);
}

void convert(benchmark::State& state, double zeros) {
  const Packed packed(zeros);
  const PackedRows rows = packed.view();
  std::vector<std::uint16_t> back(packed.dense.size());
  const MatrixView<std::uint16_t> out(back.data(), kRows, kCols);
  if (zeros < 0.0) {
    expand_two_four(make_two_four({&rows, 1}), out);
  } else {
    expand_row_bundles(make_row_bundles({&rows, 1}, kMultiprocessors), out);
  }
  check(back, packed.dense);
  set_thread_count(1);
  for (auto _ : state) {
    if (zeros < 0.0) {
      benchmark::DoNotOptimize(make_two_four({&rows, 1}));
    } else {
      benchmark::DoNotOptimize(make_row_bundles({&rows, 1}, kMultiprocessors));
    }
  }
  count_bytes(state, packed.bytes(), packed.dense.size() * 2);
}

void expand(benchmark::State& state, double zeros) {
  const Packed packed(zeros);
  std::vector<std::uint16_t> out(packed.dense.size());
  set_thread_count(1);
  for (auto _ : state) {
    expand_rows(packed.view(), 0, kRows, reinterpret_cast<std::byte*>(out.data()));
    benchmark::ClobberMemory();
  }
  check(out, packed.dense);
  count_bytes(state, packed.bytes(), out.size() * 2);
}

void check_column(const std::vector<float>& y, const std::vector<std::uint16_t>& dense, std::int64_t c) {
  std::vector<std::uint16_t> found(kRows);
  std::vector<std::uint16_t> expected(kRows);
  for (std::size_t r = 0; r < kRows; ++r) {
    found[r] = f32_to_f16(y[r]);
    expected[r] = dense[r * kCols + static_cast<std::size_t>(c)];
  }
  check(found, expected);
}

// One column after the other, as the product with a unit vector reads it.
void check_columns(const ColumnPanels& columns, const std::vector<std::uint16_t>& dense) {
  for (std::int64_t c = 0; c < kCols; c += 97) {
    std::vector<float> x(kCols, 0.0F);
    std::vector<float> y(kRows);
    x[static_cast<std::size_t>(c)] = 1.0F;
    std::vector<ColumnPanels::Part> parts;
    columns.append(0.0F, nullptr, {y.data(), 1, kRows}, false, parts);
    sparse_gemv({x.data(), 1, kCols}, parts);
    check_column(y, dense, c);
  }
}

void panels(benchmark::State& state) {
  const Packed packed(0.0);
  const auto* dense = reinterpret_cast<const std::byte*>(packed.dense.data());
  set_thread_count(1);
  const ColumnPanels columns(DType::f16, dense, kRows, kCols, 1);
  check_columns(columns, packed.dense);
  for (auto _ : state) benchmark::DoNotOptimize(ColumnPanels(DType::f16, dense, kRows, kCols, 1));
  count_bytes(state, columns.bytes(), columns.bytes());
}

void slices(benchmark::State& state, double zeros) {
  const Packed packed(zeros);
  set_thread_count(1);
  for (auto _ : state) benchmark::DoNotOptimize(make_sliced_rows(packed.view()));
  count_bytes(state, packed.bytes(), packed.dense.size() * 2);
}

// The product with a unit vector, as panels are checked.
void check_packed_columns(const PackedColumns& columns, const std::vector<std::uint16_t>& dense) {
  for (std::int64_t c = 0; c < kCols; c += 97) {
    std::vector<float> x(kCols, 0.0F);
    std::vector<float> y(kRows);
    x[static_cast<std::size_t>(c)] = 1.0F;
    std::vector<PackedColumns::Part> parts;
    columns.append(0.0F, nullptr, {y.data(), 1, kRows}, false, parts);
    packed_columns_gemv({x.data(), 1, kCols}, parts);
    check_column(y, dense, c);
  }
}

void packed_columns(benchmark::State& state, double zeros) {
  const Packed packed(zeros);
  set_thread_count(1);
  check_packed_columns(PackedColumns(packed.view(), 1), packed.dense);
  for (auto _ : state) benchmark::DoNotOptimize(PackedColumns(packed.view(), 1));
  count_bytes(state, packed.bytes(), packed.dense.size() * 2);
}

const int registered = [] {
  for (const int percent : {85, 90, 95}) {
    benchmark::RegisterBenchmark(("packed_forms/slices/" + std::to_string(percent)).c_str(),
                                 [=](benchmark::State& state) { slices(state, percent / 100.0); });
  }
  for (const int percent : {50, 70, 90}) {
    benchmark::RegisterBenchmark(("packed_forms/bundles/" + std::to_string(percent)).c_str(),
                                 [=](benchmark::State& state) { convert(state, percent / 100.0); });
    benchmark::RegisterBenchmark(("packed_forms/packed_columns/" + std::to_string(percent)).c_str(),
                                 [=](benchmark::State& state) { packed_columns(state, percent / 100.0); });
    benchmark::RegisterBenchmark(("packed_forms/dense_rows/" + std::to_string(percent)).c_str(),
                                 [=](benchmark::State& state) { expand(state, percent / 100.0); });
  }
  benchmark::RegisterBenchmark("packed_forms/two_four", [](benchmark::State& state) { convert(state, -1.0); });
  benchmark::RegisterBenchmark("packed_forms/column_panels", panels);
  return 0;
}();

}  // namespace
}  // namespace lacuna::kernels
