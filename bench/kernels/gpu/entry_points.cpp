// C entry points of the CUDA kernels, for sparse_gpu_bench.py: PyTorch owns inputs, outputs and streams.
// A status of 0 is success; otherwise bench_error() says what failed.
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "lacuna/core/error.hpp"
#include "lacuna/kernels/gemm/cuda.hpp"
#include "lacuna/kernels/packed_gemv/cuda.hpp"
#include "lacuna/kernels/sparse_gemv/cuda.hpp"

using namespace lacuna;
using namespace lacuna::kernels;

namespace {

thread_local std::string last_error;

template <typename Call>
int guarded(Call call) {
  try {
    call();
    return 0;
  } catch (const std::exception& error) {
    last_error = error.what();
    return 1;
  }
}

Overlap overlap_of(int overlap) { return overlap == 0 ? Overlap::none : Overlap::two; }

DType type_of(int bf16) { return bf16 != 0 ? DType::bf16 : DType::f16; }

}  // namespace

extern "C" {

const char* bench_error() { return last_error.c_str(); }

int bench_sparse(int bf16, int batch, std::int64_t cols, const void* x, int n, const void* const* w,
                 const std::int64_t* rows, const float* thresholds, void* const* y, int gate_up, void* stream,
                 int warps, int splits, int tile, int overlap) {
  return guarded([&] {
    std::vector<SparseProduct> products;
    for (int i = 0; i < n; ++i) products.push_back({w[i], rows[i], rows[i], thresholds[i], nullptr, y[i]});
    const SparseInput input{type_of(bf16), x, cols, batch};
    const SparseGemvOptions options{warps, splits, tile, overlap_of(overlap)};
    if (gate_up != 0) return sparse_gate_up_cuda(input, products[0], products[1], y[0], stream, options);
    sparse_gemv_cuda(input, products, stream, options);
  });
}

int bench_gemm(int bf16, int columns, std::int64_t tokens, std::int64_t rows, std::int64_t cols, const void* w,
               const void* x, void* y, void* stream) {
  return guarded([&] {
    const GemmWeights weights{type_of(bf16), w, rows, cols, columns != 0 ? rows : cols, columns != 0};
    gemm_cuda(weights, {x, tokens, cols}, {y}, rows, stream);
  });
}

void* bench_bundles_make(const void* w, std::int64_t rows, std::int64_t cols, int bf16, int multiprocessors) {
  void* made = nullptr;
  guarded([&] {
    made = new RowBundles(
        make_row_bundles({static_cast<const std::uint16_t*>(w), rows, cols}, type_of(bf16), multiprocessors));
  });
  return made;
}
std::int64_t bench_bundles_bytes(const void* packed) {
  return static_cast<std::int64_t>(static_cast<const RowBundles*>(packed)->bytes());
}
int bench_bundles_gap_bits(const void* packed) { return static_cast<const RowBundles*>(packed)->gap_bits; }
void bench_bundles_free(void* packed) { delete static_cast<RowBundles*>(packed); }
void* bench_bundles_upload(const void* packed) {
  void* device = nullptr;
  guarded([&] { device = new DeviceRowBundles(*static_cast<const RowBundles*>(packed)); });
  return device;
}
void bench_bundles_release(void* device) { delete static_cast<DeviceRowBundles*>(device); }
int bench_bundles(const void* device, const void* x, void* y, void* stream, int overlap) {
  return guarded(
      [&] { static_cast<const DeviceRowBundles*>(device)->multiply({x}, {y}, stream, overlap_of(overlap)); });
}

void* bench_two_four_make(const void* w, std::int64_t rows, std::int64_t cols, int bf16) {
  void* made = nullptr;
  guarded(
      [&] { made = new TwoFour(make_two_four({static_cast<const std::uint16_t*>(w), rows, cols}, type_of(bf16))); });
  return made;
}
void bench_two_four_free(void* packed) { delete static_cast<TwoFour*>(packed); }
void* bench_two_four_upload(const void* packed) {
  void* device = nullptr;
  guarded([&] { device = new DeviceTwoFour(*static_cast<const TwoFour*>(packed)); });
  return device;
}
std::int64_t bench_two_four_bytes(const void* device) {
  return static_cast<std::int64_t>(static_cast<const DeviceTwoFour*>(device)->bytes());
}
void bench_two_four_release(void* device) { delete static_cast<DeviceTwoFour*>(device); }
int bench_two_four(const void* device, const void* x, void* y, void* stream, int overlap) {
  return guarded([&] { static_cast<const DeviceTwoFour*>(device)->multiply({x}, {y}, stream, overlap_of(overlap)); });
}
}
