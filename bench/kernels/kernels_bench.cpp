// gemm, gram: ours beside the bare libraries on the same shapes, in GFLOP/s; attention likewise; conversions, norms and
// matrix-vector products in GB/s.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <oneapi/dnnl/dnnl.hpp>
#include <stdexcept>
#include <string>

#include "lacuna/core/buffer.hpp"
#include "lacuna/core/cpu.hpp"
#include "lacuna/core/random.hpp"
#include "lacuna/kernels/attention/attention.hpp"
#include "lacuna/kernels/convert/convert.hpp"
#include "lacuna/kernels/gemm/gemm.hpp"
#include "lacuna/kernels/gemv/gemv.hpp"
#include "lacuna/kernels/gram/gram.hpp"
#include "lacuna/kernels/norm/norm.hpp"

namespace lacuna::kernels {
namespace {

Matrix<float> random_matrix(std::int64_t rows, std::int64_t cols, std::uint64_t seed) {
  Random random(seed);
  Matrix<float> matrix(rows, cols);
  for (std::int64_t i = 0; i < matrix.numel(); ++i) matrix.data()[i] = static_cast<float>(random.uniform() - 0.5);
  return matrix;
}

Matrix<std::uint16_t> rounded(const Matrix<float>& m) {
  Matrix<std::uint16_t> bits(m.rows(), m.cols());
  from_f32(m.data(), m.numel(), DType::bf16, reinterpret_cast<std::byte*>(bits.data()));
  return bits;
}

void count_flops(benchmark::State& state, double flops) {
  state.counters["GFLOP/s"] = benchmark::Counter(flops * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
}

void count_bytes(benchmark::State& state, double bytes) {
  state.counters["GB/s"] = benchmark::Counter(bytes * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
}

// A few elements of C = A·Bᵀ by the definition.
void check_product(const Matrix<float>& a, const Matrix<float>& b, const Matrix<float>& c, double tolerance) {
  for (std::int64_t i = 0; i < 7; ++i) {
    const std::int64_t row = i * (c.rows() - 1) / 6;
    const std::int64_t col = (6 - i) * (c.cols() - 1) / 6;
    double dot = 0.0;
    for (std::int64_t k = 0; k < a.cols(); ++k) dot += static_cast<double>(a(row, k)) * static_cast<double>(b(col, k));
    if (!(std::fabs(static_cast<double>(c(row, col)) - dot) <= tolerance)) throw std::runtime_error("wrong product");
  }
}

enum class Library { lacuna, lacuna_bf16, onednn };

void bench_gemm(benchmark::State& state, Library library, std::int64_t m, std::int64_t n, std::int64_t k) {
  const auto a = random_matrix(m, k, 1);
  const auto b = random_matrix(n, k, 2);
  const auto a16 = rounded(a);
  const auto b16 = rounded(b);
  Matrix<float> c(m, n);
  const auto run = [&] {
    switch (library) {
      case Library::lacuna: return gemm_nt(a.view(), b.view(), c.view());
      case Library::lacuna_bf16: return gemm_nt_bf16(a16.view(), b16.view(), c.view());
      case Library::onednn: dnnl_sgemm('N', 'T', m, n, k, 1.0F, a.data(), k, b.data(), k, 0.0F, c.data(), n);
    }
  };
  run();
  // f32: rounding of k products below 1/4; bf16 operands: 2⁻⁸ of each product, signs at random.
  const double root = std::sqrt(static_cast<double>(k));
  check_product(a, b, c, library == Library::lacuna_bf16 ? root * 0x1p-8 : root * 0x1p-16);
  for (auto _ : state) {
    run();
    benchmark::ClobberMemory();
  }
  count_flops(state, 2.0 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k));
}

// Counted as a full product, 2·t·n², for both, so that the figures compare as times do.
void bench_gram(benchmark::State& state, Library library, std::int64_t t, std::int64_t n) {
  const auto x = random_matrix(t, n, 3);
  auto gram = Matrix<float>::zeroed(n, n);
  const auto run = [&] {
    if (library == Library::lacuna) return gram_update(x.view(), gram.view(), 1.0F, 0.0F);
    dnnl_sgemm('T', 'N', n, n, t, 1.0F, x.data(), n, x.data(), n, 0.0F, gram.data(), n);
  };
  run();
  Matrix<float> columns(n, t);
  for (std::int64_t r = 0; r < t; ++r) {
    for (std::int64_t c = 0; c < n; ++c) columns(c, r) = x(r, c);
  }
  check_product(columns, columns, gram, static_cast<double>(t) * 0x1p-18);
  for (auto _ : state) {
    run();
    benchmark::ClobberMemory();
  }
  count_flops(state, 2.0 * static_cast<double>(t) * static_cast<double>(n) * static_cast<double>(n));
}

void bench_attention(benchmark::State& state, std::int64_t sequences, std::int64_t length, std::int64_t heads,
                     std::int64_t d) {
  AttentionShape shape;
  shape.sequences = sequences;
  shape.query_length = shape.key_length = length;
  shape.heads = shape.kv_heads = heads;
  shape.head_dim = d;
  shape.scale = 1.0F / std::sqrt(static_cast<float>(d));
  const auto q = random_matrix(sequences * length, heads * d, 4);
  const auto k = random_matrix(sequences * length, heads * d, 5);
  const auto v = random_matrix(sequences * length, heads * d, 6);
  Matrix<float> out(q.rows(), q.cols());
  causal_attention(shape, q.view(), k.view(), v.view(), out.view());
  if (std::fabs(out(0, 0) - v(0, 0)) > 1e-6F) throw std::runtime_error("wrong attention");
  for (auto _ : state) {
    causal_attention(shape, q.view(), k.view(), v.view(), out.view());
    benchmark::ClobberMemory();
  }
  // The causal half: length·(length + 1)/2 pairs, two products of d each.
  const auto pairs = static_cast<double>(sequences * heads) * static_cast<double>(length * (length + 1)) / 2.0;
  count_flops(state, 4.0 * pairs * static_cast<double>(d));
}

void bench_gemv(benchmark::State& state, bool bf16, std::int64_t rows, std::int64_t cols) {
  const auto w = random_matrix(rows, cols, 7);
  const auto w16 = rounded(w);
  const auto x = random_matrix(1, cols, 8);
  Matrix<float> y(1, rows);
  for (auto _ : state) {
    if (bf16) {
      gemv_bf16(w16.view(), x.data(), y.data());
    } else {
      gemv(w.view(), x.data(), y.data());
    }
    benchmark::ClobberMemory();
  }
  check_product(x, w, y, bf16 ? std::sqrt(static_cast<double>(cols)) * 0x1p-8 : 1e-2);
  count_bytes(state, static_cast<double>(rows * cols) * (bf16 ? 2.0 : 4.0));
}

void bench_convert(benchmark::State& state, DType dtype, bool widen) {
  constexpr std::int64_t kElements = 1 << 24;
  const auto values = random_matrix(1, kElements, 9);
  AlignedBuffer<std::byte> narrow(kElements * 2);
  Matrix<float> wide(1, kElements);
  from_f32(values.data(), kElements, dtype, narrow.data());
  const TensorView view = make_tensor_view(dtype, {kElements}, narrow.data());
  to_f32(view, wide.data());
  if (std::fabs(wide(0, 77) - values(0, 77)) > 0.01F) throw std::runtime_error("wrong conversion");
  for (auto _ : state) {
    if (widen) {
      to_f32(view, wide.data());
    } else {
      from_f32(values.data(), kElements, dtype, narrow.data());
    }
    benchmark::ClobberMemory();
  }
  count_bytes(state, static_cast<double>(kElements) * 6.0);  // read and written
}

void bench_rms_norm(benchmark::State& state) {
  const auto x = random_matrix(2048, 512, 10);
  const std::vector<float> weight(512, 1.0F);
  Matrix<float> y(2048, 512);
  for (auto _ : state) {
    rms_norm(x.view(), weight, 1e-5F, y.view());
    benchmark::ClobberMemory();
  }
  if (!(std::fabs(y(9, 9)) < 2.0F)) throw std::runtime_error("wrong norm");
  count_bytes(state, static_cast<double>(x.numel()) * 8.0);
}

void register_products() {
  const std::vector<std::array<std::int64_t, 3>> shapes = {{2048, 192, 192},  {2048, 512, 192},  {2048, 192, 512},
                                                           {2048, 512, 512},  {2048, 1376, 512}, {2048, 512, 1376},
                                                           {1024, 1024, 512}, {2048, 4096, 4096}};
  const std::vector<std::pair<std::string, Library>> libraries = {{"lacuna", Library::lacuna},
                                                                  {"onednn-sgemm", Library::onednn}};
  for (const auto& [m, n, k] : shapes) {
    const std::string shape = std::to_string(m) + "x" + std::to_string(n) + "x" + std::to_string(k);
    for (const auto& [name, library] : libraries) {
      benchmark::RegisterBenchmark(("gemm/" + name + "/" + shape).c_str(), [=](benchmark::State& s) {
        bench_gemm(s, library, m, n, k);
      })->UseRealTime();
    }
    if (!cpu_has_bf16()) continue;
    benchmark::RegisterBenchmark(("gemm/lacuna-bf16/" + shape).c_str(), [=](benchmark::State& s) {
      bench_gemm(s, Library::lacuna_bf16, m, n, k);
    })->UseRealTime();
  }
  for (const auto& [t, n] : std::vector<std::pair<std::int64_t, std::int64_t>>{
           {256, 192}, {256, 512}, {2048, 512}, {2048, 1376}, {256, 4096}, {2048, 4096}}) {
    const std::string shape = std::to_string(t) + "x" + std::to_string(n);
    benchmark::RegisterBenchmark(("gram/lacuna/" + shape).c_str(), [t = t, n = n](benchmark::State& s) {
      bench_gram(s, Library::lacuna, t, n);
    })->UseRealTime();
    benchmark::RegisterBenchmark(("gram/onednn-gemm/" + shape).c_str(), [t = t, n = n](benchmark::State& s) {
      bench_gram(s, Library::onednn, t, n);
    })->UseRealTime();
  }
}

void register_others() {
  for (const auto& [sequences, length, heads, d] :
       std::vector<std::array<std::int64_t, 4>>{{4, 512, 6, 32}, {4, 512, 8, 64}, {1, 2048, 8, 128}}) {
    benchmark::RegisterBenchmark(("attention/" + std::to_string(sequences) + "x" + std::to_string(length) + "x" +
                                  std::to_string(heads) + "x" + std::to_string(d))
                                     .c_str(),
                                 [=, sequences = sequences, length = length, heads = heads,
                                  d = d](benchmark::State& s) { bench_attention(s, sequences, length, heads, d); })
        ->UseRealTime();
  }
  for (const bool bf16 : {false, true}) {
    benchmark::RegisterBenchmark((std::string("gemv/") + (bf16 ? "bf16" : "f32") + "/4096x4096").c_str(),
                                 [=](benchmark::State& s) { bench_gemv(s, bf16, 4096, 4096); })
        ->UseRealTime();
  }
  for (const DType dtype : {DType::bf16, DType::f16}) {
    for (const bool widen : {true, false}) {
      const std::string name(dtype_name(dtype));
      benchmark::RegisterBenchmark(("convert/" + (widen ? name + "-f32" : "f32-" + name)).c_str(),
                                   [=](benchmark::State& s) { bench_convert(s, dtype, widen); })
          ->UseRealTime();
    }
  }
  benchmark::RegisterBenchmark("rms_norm/2048x512", bench_rms_norm)->UseRealTime();
}

[[maybe_unused]] const bool registered = (register_products(), register_others(), true);

}  // namespace
}  // namespace lacuna::kernels
