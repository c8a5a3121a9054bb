// Matrix-vector products from memory: dense in each type beside a plain read of the same bytes, and packed rows beside
// our dense, at several sparsities; both with batches of inputs, also by way of expansion and GEMM. Matrices rotate
// through more memory than the last cache holds. GB/s counts the bytes that the layout has; `dense_GB/s` those the
// dense matrix would have, so that its ratio to gemv's is the speed-up.
#include <benchmark/benchmark.h>
#include <omp.h>

#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include "lacuna/core/buffer.hpp"
#include "lacuna/core/random.hpp"
#include "lacuna/core/threads.hpp"
#include "lacuna/kernels/convert/convert.hpp"
#include "lacuna/kernels/expand/expand.hpp"
#include "lacuna/kernels/gemm/gemm.hpp"
#include "lacuna/kernels/gemv/gemv.hpp"
#include "lacuna/kernels/packed_gemv/packed_gemv.hpp"
#include "lacuna/kernels/packed_gemv/sliced_rows.hpp"

namespace lacuna::kernels {
namespace {

constexpr std::size_t kRotatedBytes = std::size_t{256} << 20;

struct Shape2 {
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::string name() const { return std::to_string(rows) + "x" + std::to_string(cols); }
};

// One packed matrix, and as many copies of it as it takes to leave the cache.
struct PackedCopies {
  std::vector<AlignedBuffer<std::byte>> values;
  std::vector<AlignedBuffer<std::uint8_t>> bitmaps;
  std::vector<std::uint64_t> row_starts = {0};
  AlignedBuffer<std::byte> dense;
  Shape2 shape;
  DType dtype = DType::bf16;

  PackedRows view(std::size_t copy) const {
    return {dtype, shape.rows, shape.cols, bitmaps[copy].data(), values[copy].data(), row_starts.data()};
  }
  std::size_t packed_bytes() const { return values[0].size() + bitmaps[0].size(); }
};

AlignedBuffer<std::byte> random_weights(DType dtype, Shape2 shape, double sparsity) {
  Random random(1);
  AlignedBuffer<float> wide(static_cast<std::size_t>(shape.rows * shape.cols));
  for (auto& value : wide) {
    value = random.uniform() < sparsity ? 0.0F : static_cast<float>(random.uniform() + 0.5);
  }
  AlignedBuffer<std::byte> bytes(wide.size() * dtype_bytes(dtype));
  from_f32(wide.data(), static_cast<std::int64_t>(wide.size()), dtype, bytes.data());
  return bytes;
}

template <typename T>
AlignedBuffer<T> copy_of(const std::vector<T>& from) {
  AlignedBuffer<T> to(from.size());
  std::memcpy(to.data(), from.data(), from.size() * sizeof(T));
  return to;
}

PackedCopies pack(DType dtype, Shape2 shape, double sparsity) {
  PackedCopies packed;
  packed.dtype = dtype;
  packed.shape = shape;
  packed.dense = random_weights(dtype, shape, sparsity);
  const std::size_t width = dtype_bytes(dtype);
  std::vector<std::byte> values;
  std::vector<std::uint8_t> bitmap(static_cast<std::size_t>(shape.rows * ((shape.cols + 7) / 8)));
  for (std::int64_t r = 0; r < shape.rows; ++r) {
    for (std::int64_t c = 0; c < shape.cols; ++c) {
      const std::byte* element = packed.dense.data() + static_cast<std::size_t>(r * shape.cols + c) * width;
      const std::byte zero[4] = {};
      if (std::memcmp(element, zero, width) == 0) continue;
      values.insert(values.end(), element, element + width);
      auto& byte = bitmap[static_cast<std::size_t>(r * ((shape.cols + 7) / 8) + c / 8)];
      byte = static_cast<std::uint8_t>(byte | 1U << (c % 8));
    }
    packed.row_starts.push_back(values.size() / width);
  }
  const std::size_t copies = kRotatedBytes / (values.size() + bitmap.size()) + 1;
  for (std::size_t i = 0; i < copies; ++i) {
    packed.values.push_back(copy_of(values));
    packed.bitmaps.push_back(copy_of(bitmap));
  }
  return packed;
}

void multiply_dense(DType dtype, const std::byte* w, Shape2 shape, const float* x, float* y) {
  const auto* halves = reinterpret_cast<const std::uint16_t*>(w);
  if (dtype == DType::bf16) return gemv_bf16({halves, shape.rows, shape.cols}, x, y);
  if (dtype == DType::f16) return gemv_f16({halves, shape.rows, shape.cols}, x, y);
  gemv({reinterpret_cast<const float*>(w), shape.rows, shape.cols}, x, y);
}

std::vector<float> input(std::int64_t n) {
  Random random(2);
  std::vector<float> x(static_cast<std::size_t>(n));
  for (auto& value : x) value = static_cast<float>(random.uniform() - 0.5);
  return x;
}

void count(benchmark::State& state, const char* name, std::size_t bytes) {
  state.counters[name] =
      benchmark::Counter(static_cast<double>(bytes) * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
}

// The bandwidth that a product could at best have: the same bytes, added up.
void bench_read(benchmark::State& state) {
  AlignedBuffer<std::uint64_t> data(kRotatedBytes / 8);
  for (auto& value : data) value = 1;
  for (auto _ : state) {
    std::uint64_t sum = 0;
#pragma omp parallel for reduction(+ : sum) schedule(static)
    for (std::size_t i = 0; i < data.size(); ++i) sum += data[i];
    if (sum != data.size()) throw std::runtime_error("wrong sum");
  }
  count(state, "GB/s", kRotatedBytes);
}

void bench_dense(benchmark::State& state, DType dtype, Shape2 shape) {
  const auto one = random_weights(dtype, shape, 0.0);
  const std::size_t copies = kRotatedBytes / one.size() + 1;
  std::vector<AlignedBuffer<std::byte>> all;
  for (std::size_t i = 0; i < copies; ++i) {
    all.emplace_back(one.size());
    std::memcpy(all.back().data(), one.data(), one.size());
  }
  const auto x = input(shape.cols);
  std::vector<float> y(static_cast<std::size_t>(shape.rows));
  std::size_t turn = 0;
  for (auto _ : state) {
    multiply_dense(dtype, all[turn++ % copies].data(), shape, x.data(), y.data());
    benchmark::ClobberMemory();
  }
  count(state, "GB/s", one.size());
}

// `inputs` at once.
void bench_dense_batch(benchmark::State& state, Shape2 shape, std::int64_t inputs) {
  const auto one = random_weights(DType::bf16, shape, 0.0);
  const std::size_t copies = kRotatedBytes / one.size() + 1;
  std::vector<AlignedBuffer<std::byte>> all;
  for (std::size_t i = 0; i < copies; ++i) {
    all.emplace_back(one.size());
    std::memcpy(all.back().data(), one.data(), one.size());
  }
  const auto x = input(inputs * shape.cols);
  std::vector<float> y(static_cast<std::size_t>(inputs * shape.rows));
  std::size_t turn = 0;
  for (auto _ : state) {
    gemv_batch_bf16({reinterpret_cast<const std::uint16_t*>(all[turn++ % copies].data()), shape.rows, shape.cols},
                    {x.data(), inputs, shape.cols}, {y.data(), inputs, shape.rows});
    benchmark::ClobberMemory();
  }
  count(state, "GB/s", one.size());
}

void bench_packed_batch(benchmark::State& state, Shape2 shape, double sparsity, std::int64_t inputs) {
  const PackedCopies packed = pack(DType::bf16, shape, sparsity);
  const auto x = input(inputs * shape.cols);
  std::vector<float> y(static_cast<std::size_t>(inputs * shape.rows));
  std::size_t turn = 0;
  for (auto _ : state) {
    packed_gemv_batch(packed.view(turn++ % packed.values.size()), {x.data(), inputs, shape.cols},
                      {y.data(), inputs, shape.rows});
    benchmark::ClobberMemory();
  }
  count(state, "GB/s", packed.packed_bytes());
}

void bench_sliced_batch(benchmark::State& state, Shape2 shape, double sparsity, std::int64_t inputs) {
  const PackedCopies packed = pack(DType::bf16, shape, sparsity);
  std::vector<SlicedRows> slices;
  for (std::size_t i = 0; i < packed.values.size(); ++i) slices.push_back(make_sliced_rows(packed.view(i)));
  const auto x = input(inputs * shape.cols);
  std::vector<float> y(static_cast<std::size_t>(inputs * shape.rows));
  std::size_t turn = 0;
  for (auto _ : state) {
    sliced_gemv_batch(slices[turn++ % slices.size()], {x.data(), inputs, shape.cols}, {y.data(), inputs, shape.rows});
    benchmark::ClobberMemory();
  }
  count(state, "GB/s", slices.front().bytes());
}

// The same by way of a dense matrix.
void bench_expanded_batch(benchmark::State& state, Shape2 shape, double sparsity, std::int64_t inputs) {
  const PackedCopies packed = pack(DType::bf16, shape, sparsity);
  const auto x = input(inputs * shape.cols);
  std::vector<float> y(static_cast<std::size_t>(inputs * shape.rows));
  AlignedBuffer<float> wide(static_cast<std::size_t>(shape.rows * shape.cols));
  std::size_t turn = 0;
  for (auto _ : state) {
    expand_rows_f32(packed.view(turn++ % packed.values.size()), 0, shape.rows, wide.data());
    gemm_nt({x.data(), inputs, shape.cols}, {wide.data(), shape.rows, shape.cols}, {y.data(), inputs, shape.rows});
    benchmark::ClobberMemory();
  }
  count(state, "GB/s", packed.packed_bytes());
}

void bench_packed(benchmark::State& state, DType dtype, Shape2 shape, double sparsity) {
  const PackedCopies packed = pack(dtype, shape, sparsity);
  const auto x = input(shape.cols);
  std::vector<float> y(static_cast<std::size_t>(shape.rows));
  std::vector<float> expected(y.size());
  multiply_dense(dtype, packed.dense.data(), shape, x.data(), expected.data());
  packed_gemv(packed.view(0), x.data(), y.data());
  if (y != expected) throw std::runtime_error("packed and dense products differ");
  std::size_t turn = 0;
  for (auto _ : state) {
    packed_gemv(packed.view(turn++ % packed.values.size()), x.data(), y.data());
    benchmark::ClobberMemory();
  }
  count(state, "GB/s", packed.packed_bytes());
  count(state, "dense_GB/s", packed.dense.size());
}

void bench_expand(benchmark::State& state, Shape2 shape, double sparsity) {
  const PackedCopies packed = pack(DType::bf16, shape, sparsity);
  AlignedBuffer<std::byte> out(packed.dense.size());
  std::size_t turn = 0;
  for (auto _ : state) {
    expand_rows(packed.view(turn++ % packed.values.size()), 0, shape.rows, out.data());
    benchmark::ClobberMemory();
  }
  if (std::memcmp(out.data(), packed.dense.data(), out.size()) != 0) throw std::runtime_error("wrong expansion");
  count(state, "dense_GB/s", packed.dense.size());
}

template <typename Run>
void add(const std::string& name, Run run) {
  benchmark::RegisterBenchmark(name.c_str(), run)->UseRealTime()->Unit(benchmark::kMicrosecond);
}

const bool registered = [] {
  add("read/256MiB", bench_read);
  for (const Shape2 shape : {Shape2{5632, 2048}, Shape2{11008, 4096}}) {
    for (const DType dtype : {DType::bf16, DType::f16, DType::f32}) {
      const std::string type(dtype_name(dtype));
      add("gemv/" + type + "/" + shape.name(), [=](benchmark::State& s) { bench_dense(s, dtype, shape); });
      for (const double sparsity : {0.5, 0.7, 0.9}) {
        add("packed_gemv/" + type + "/" + shape.name() + "/" + std::to_string(static_cast<int>(sparsity * 100)),
            [=](benchmark::State& s) { bench_packed(s, dtype, shape, sparsity); });
      }
    }
  }
  for (const Shape2 shape : {Shape2{5632, 2048}, Shape2{11008, 4096}, Shape2{4096, 11008}}) {
    for (const std::int64_t inputs : {1, 2, 4, 8}) {
      const std::string size = shape.name() + "/" + std::to_string(inputs);
      add("batch/expand+gemm/bf16/" + size + "/50",
          [=](benchmark::State& s) { bench_expanded_batch(s, shape, 0.5, inputs); });
      add("batch/gemv/bf16/" + size, [=](benchmark::State& s) { bench_dense_batch(s, shape, inputs); });
      add("batch/sliced_gemv/bf16/" + size + "/90",
          [=](benchmark::State& s) { bench_sliced_batch(s, shape, 0.9, inputs); });
      for (const double sparsity : {0.5, 0.7, 0.9}) {
        add("batch/packed_gemv/bf16/" + size + "/" + std::to_string(static_cast<int>(sparsity * 100)),
            [=](benchmark::State& s) { bench_packed_batch(s, shape, sparsity, inputs); });
      }
    }
  }
  add("expand/bf16/5632x2048/50", [](benchmark::State& s) { bench_expand(s, {5632, 2048}, 0.5); });
  return true;
}();

}  // namespace
}  // namespace lacuna::kernels
