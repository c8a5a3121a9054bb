#include "lacuna/kernels/gemm/wgmma.cuh"

#include <algorithm>

#include "lacuna/kernels/device/check.cuh"
#include "lacuna/kernels/gemm/wgmma_kernel.cuh"

namespace lacuna::kernels::cuda {
namespace {

using TensorMapEncoder = decltype(&cuTensorMapEncodeTiled);

// Through the runtime, so that nothing has to be linked with the driver's library.
TensorMapEncoder tensor_map_encoder() {
  static const auto encoder = [] {
    void* address = nullptr;
    cudaDriverEntryPointQueryResult found = cudaDriverEntryPointSymbolNotFound;
    const cudaError_t status =
        cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &address, 12000, cudaEnableDefault, &found);
    if (status != cudaSuccess || found != cudaDriverEntryPointSuccess) address = nullptr;
    return reinterpret_cast<TensorMapEncoder>(address);
  }();
  return encoder;
}

bool device_fits() {
  static const bool fits = [] {
    int device = 0;
    int major = 0;
    int minor = 0;
    return cudaGetDevice(&device) == cudaSuccess &&
           cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device) == cudaSuccess &&
           cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device) == cudaSuccess && major == 9 &&
           minor == 0;
  }();
  return fits && tensor_map_encoder() != nullptr;
}

// `lines` lines of `length` elements, `stride` apart, read in boxes of box_lines × 64.
CUtensorMap map_of(DType dtype, const void* p, std::int64_t length, std::int64_t lines, std::int64_t stride,
                   unsigned box_lines) {
  CUtensorMap map;
  const cuuint64_t sizes[2] = {static_cast<cuuint64_t>(length), static_cast<cuuint64_t>(lines)};
  const cuuint64_t strides[1] = {static_cast<cuuint64_t>(stride) * 2};
  const cuuint32_t box[2] = {64, box_lines};
  const cuuint32_t steps[2] = {1, 1};
  const auto type = dtype == DType::f16 ? CU_TENSOR_MAP_DATA_TYPE_FLOAT16 : CU_TENSOR_MAP_DATA_TYPE_BFLOAT16;
  const CUresult status = tensor_map_encoder()(&map, type, 2, const_cast<void*>(p), sizes, strides, box, steps,
                                               CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
                                               CU_TENSOR_MAP_L2_PROMOTION_L2_128B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  if (status != CUDA_SUCCESS) {
    throw Error(ErrorCode::io_failed,
                "gemm on CUDA: the driver refused a tensor map, status " + std::to_string(static_cast<int>(status)));
  }
  return map;
}

constexpr int kMultiprocessors = 132;

int tile_count(const GemmArgs& args, int rows) {
  return (args.tokens + kBlockTokens - 1) / kBlockTokens * ((args.rows + rows - 1) / rows);
}

template <typename T, int kRows, bool kColumns>
void launch(const GemmArgs& args, DType dtype, cudaStream_t stream) {
  auto* kernel = gemm_wgmma_kernel<T, kRows, kColumns>;
  constexpr int kBytes = kGroupStages * group_stage_bytes<kRows>() + 1024;
  static const cudaError_t raised = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kBytes);
  check_cuda(raised, "raise the shared memory limit");
  const CUtensorMap inputs = map_of(dtype, args.x, args.cols, args.tokens, args.x_stride, kBlockTokens);
  const CUtensorMap weights = kColumns ? map_of(dtype, args.w, args.rows, args.cols, args.w_stride, kStageDepth)
                                       : map_of(dtype, args.w, args.cols, args.rows, args.w_stride, kRows);
  const int tiles = tile_count(args, kRows);
  kernel<<<static_cast<unsigned>(std::min(tiles, kMultiprocessors)), kGroupThreads, kBytes, stream>>>(inputs, weights,
                                                                                                      args);
  check_cuda(cudaGetLastError(), "launch gemm");
}

// Rows of W a block: 128, or fewer where that leaves multiprocessors without a block.
template <typename T, bool kColumns>
void launch_rows(const GemmArgs& args, DType dtype, cudaStream_t stream) {
  constexpr int kMost = kMultiprocessors * 3 / 4;
  if (tile_count(args, 128) > kMost) return launch<T, 128, kColumns>(args, dtype, stream);
  launch<T, 64, kColumns>(args, dtype, stream);
}

template <typename T>
void launch_type(const GemmArgs& args, DType dtype, bool columns, cudaStream_t stream) {
  columns ? launch_rows<T, true>(args, dtype, stream) : launch_rows<T, false>(args, dtype, stream);
}

}  // namespace

bool launch_wgmma(const GemmArgs& args, DType dtype, bool columns, cudaStream_t stream) {
  if (!device_fits()) return false;
  dtype == DType::f16 ? launch_type<__half>(args, dtype, columns, stream)
                      : launch_type<__nv_bfloat16>(args, dtype, columns, stream);
  return true;
}

}  // namespace lacuna::kernels::cuda
