#include "lacuna/kernels/decode_layers/column_stripes.hpp"

#include <algorithm>
#include <numeric>

#include "lacuna/kernels/decode_layers/stripe.cuh"
#include "lacuna/kernels/device/check.cuh"

namespace lacuna::kernels {
namespace cuda {
namespace {

struct StripePart {
  uint4* data;
  long long stride;  // octets
  int first_octet;
};

struct CopyArgs {
  uint4* stripes;
  StripePart parts[kMostParts];
  int n_parts;
  int octets;
  int cols;
  bool gated;
};

// blockIdx.x: a stripe.
template <bool kExpand>
__global__ void stripes_kernel(const __grid_constant__ CopyArgs args) {
  const Stripe stripe = stripe_of(args.octets, args.gated, static_cast<int>(blockIdx.x), static_cast<int>(gridDim.x));
  const int matrices = args.gated ? 2 : 1;
  const int slots = stripe.width * matrices;
  if (slots == 0) return;
  uint4* weights = args.stripes + static_cast<long long>(stripe.first) * matrices * args.cols;
  const int rows_of_threads = static_cast<int>(blockDim.x) / slots;
  const int own = static_cast<int>(threadIdx.x);
  if (own >= rows_of_threads * slots) return;
  const StripePlace place(args, stripe, own % slots);
  const StripePart& part = args.parts[place.part];
  const int step = rows_of_threads * static_cast<int>(gridDim.y);
  for (int j = static_cast<int>(blockIdx.y) * rows_of_threads + own / slots; j < args.cols; j += step) {
    uint4& in_stripe = weights[static_cast<long long>(j) * slots + own % slots];
    uint4& in_column = part.data[j * part.stride + place.octet];
    if (kExpand) {
      in_column = in_stripe;
    } else {
      in_stripe = in_column;
    }
  }
}

void require(bool condition, const char* what) {
  if (!condition) throw Error(ErrorCode::invalid_argument, std::string("column stripes on CUDA: ") + what);
}

CopyArgs make_args(const ColumnStripes& stripes, std::span<const ColumnsView> parts) {
  LACUNA_ASSERT(parts.size() == stripes.rows().size());
  CopyArgs args = {};
  args.stripes = static_cast<uint4*>(const_cast<void*>(stripes.data()));
  args.n_parts = static_cast<int>(parts.size());
  args.cols = static_cast<int>(stripes.cols());
  args.gated = stripes.gated();
  for (std::size_t i = 0; i < parts.size(); ++i) {
    require(reinterpret_cast<std::uintptr_t>(parts[i].data) % 16 == 0 && parts[i].stride % 8 == 0,
            "columns must be aligned to 16 bytes");
    args.parts[i] = {static_cast<uint4*>(parts[i].data), parts[i].stride / 8, args.octets};
    if (!args.gated || i == 0) args.octets += static_cast<int>(stripes.rows()[i] / 8);
  }
  return args;
}

constexpr int kCopyThreads = 512;

}  // namespace
}  // namespace cuda

ColumnStripes::ColumnStripes(DType dtype, std::vector<std::int64_t> rows, std::int64_t cols, bool gated)
    : dtype_(dtype), rows_(std::move(rows)), cols_(cols), gated_(gated) {
  cuda::require(dtype_bytes(dtype) == 2, "the type must be f16 or bf16");
  cuda::require(!rows_.empty() && rows_.size() <= cuda::kMostParts && cols > 0 && cols < (1 << 24),
                "need 1 to 3 parts");
  cuda::require(
      std::all_of(rows_.begin(), rows_.end(), [](std::int64_t n) { return n > 0 && n % 8 == 0 && n < (1 << 24); }),
      "rows must be multiples of 8");
  cuda::require(!gated || (rows_.size() == 2 && rows_[0] == rows_[1]), "gate and up must have the same rows");
  const std::int64_t all = std::accumulate(rows_.begin(), rows_.end(), std::int64_t{0});
  weights_ = DeviceBuffer(static_cast<std::size_t>(all * cols) * 2);
}

void ColumnStripes::fill(std::span<const ColumnsView> parts) {
  const cuda::CopyArgs args = cuda::make_args(*this, parts);
  const int most_slots = (args.octets / device_multiprocessors() + 2) * 2;
  cuda::require(most_slots <= cuda::kCopyThreads, "too many rows");
  cuda::stripes_kernel<false><<<dim3(device_multiprocessors(), 16), cuda::kCopyThreads>>>(args);
  check_cuda(cudaGetLastError(), "launch column stripes");
  synchronize_device();
}

void ColumnStripes::expand(std::span<const ColumnsView> parts, DeviceStream stream) const {
  const cuda::CopyArgs args = cuda::make_args(*this, parts);
  cuda::stripes_kernel<true>
      <<<dim3(device_multiprocessors(), 16), cuda::kCopyThreads, 0, static_cast<cudaStream_t>(stream)>>>(args);
  check_cuda(cudaGetLastError(), "launch column stripes");
}

}  // namespace lacuna::kernels
