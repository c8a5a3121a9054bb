// The inputs of the batch kernel (batch_kernel.cuh) as the B of its tensor-core instructions, 16 columns × 8 inputs: of
// the columns that are active for any input, listed, or of all columns.
#pragma once

#include <type_traits>

#include "lacuna/kernels/sparse_gemv/finish.cuh"
#include "lacuna/kernels/sparse_gemv/select.cuh"

namespace lacuna::kernels::cuda {

constexpr int kMostBatch = 8;
constexpr int kStageColumns = 16;
constexpr int kListed = 256;            // entries of a warp's list, which goes round
constexpr int kScan = 128;              // columns listed at a time
constexpr int kInputRow = kListed + 8;  // elements: lanes of a B fragment lie in different banks
constexpr int kListBytes = kMostBatch * kInputRow * 2 + kListed * 4;

// |a|, and the greater of two, for two numbers at once; NaN stays NaN.
template <typename Pair>
__device__ __forceinline__ std::uint32_t greater_magnitude(std::uint32_t most, std::uint32_t next) {
  const Pair a = *reinterpret_cast<const Pair*>(&most);
  const Pair b = __habs2(*reinterpret_cast<const Pair*>(&next));
  const Pair c = __hmax2_nan(a, b);
  return *reinterpret_cast<const std::uint32_t*>(&c);
}

// A warp's list of the active columns first … last−1, made as it is needed. Entry e lies at place e % kListed. Lane l
// tests octet l % 16 of the scanned columns for the inputs l / 16, l / 16 + 2, ….
template <typename T>
class UnionList {
 public:
  __device__ __forceinline__ UnionList(const SparseArgs& args, float threshold, int first, int last,
                                       unsigned char* memory)
      : x_(static_cast<const T*>(args.input.x)),
        inputs_(reinterpret_cast<T*>(memory)),
        columns_(reinterpret_cast<int*>(memory + kMostBatch * kInputRow * 2)),
        cols_(args.cols),
        batch_(args.batch),
        threshold_(threshold),
        scanned_(first),
        last_(last),
        aligned_(reinterpret_cast<std::uintptr_t>(args.input.x) % 16 == 0 && args.cols % 8 == 0) {}

  // The inputs of the next scan on their way into registers.
  __device__ __forceinline__ void fetch() {
    const int c = scanned_ + lane() % 16 * 8;
#pragma unroll
    for (int i = 0; i < kMostBatch / 2; ++i) {
      const int b = 2 * i + lane() / 16;
      raw_[i] = make_uint4(0, 0, 0, 0);
      if (b < batch_ && c < last_)
        load_inputs(x_ + static_cast<long long>(b) * cols_ + c, last_ - c, aligned_, raw_[i]);
    }
  }

  // At least n entries, or all that there are. They may be read by all lanes.
  __device__ __forceinline__ void extend(int n) {
    while (size_ < n && scanned_ < last_) scan();
  }

  __device__ __forceinline__ int size() const { return size_; }
  __device__ __forceinline__ int column(int entry) const { return columns_[entry % kListed]; }

  // Inputs of the entries e (even) and e + 1 for the batch row lane / 4; 0 beyond the end.
  __device__ __forceinline__ std::uint32_t pair(int entry) const {
    if (lane() / 4 >= batch_ || entry >= size_) return 0U;
    const auto word = *reinterpret_cast<const std::uint32_t*>(inputs_ + lane() / 4 * kInputRow + entry % kListed);
    return entry + 1 < size_ ? word : word & 0xffffU;
  }

 private:
  __device__ __forceinline__ static int lane() { return static_cast<int>(threadIdx.x) % 32; }

  __device__ __forceinline__ unsigned mask() const {
    using Pair = std::conditional_t<std::is_same_v<T, __half>, __half2, __nv_bfloat162>;
    std::uint32_t most[4] = {};
#pragma unroll
    for (int i = 0; i < kMostBatch / 2; ++i) {
      most[0] = greater_magnitude<Pair>(most[0], raw_[i].x);
      most[1] = greater_magnitude<Pair>(most[1], raw_[i].y);
      most[2] = greater_magnitude<Pair>(most[2], raw_[i].z);
      most[3] = greater_magnitude<Pair>(most[3], raw_[i].w);
    }
    const unsigned own = active_mask<T>(make_uint4(most[0], most[1], most[2], most[3]), threshold_);
    const int n = last_ - scanned_ - lane() % 16 * 8;
    const unsigned valid = n >= 8 ? 255U : (1U << max(n, 0)) - 1U;
    return (own | __shfl_xor_sync(~0U, own, 16)) & valid;
  }

  __device__ __forceinline__ void scan() {
    const unsigned active = mask();
    int through = __popc(active);
#pragma unroll
    for (int d = 1; d < 16; d *= 2) {
      const int before = __shfl_up_sync(~0U, through, d, 16);
      if (lane() % 16 >= d) through += before;
    }
    int entry = size_ + through - __popc(active);
#pragma unroll
    for (int v = 0; v < 8; ++v) {
      if ((active >> v & 1U) == 0) continue;
      const int place = entry++ % kListed;
      if (lane() < 16) columns_[place] = scanned_ + lane() * 8 + v;
#pragma unroll
      for (int i = 0; i < kMostBatch / 2; ++i) {
        const int b = 2 * i + lane() / 16;
        if (b < batch_) inputs_[b * kInputRow + place] = kept(raw_[i], v);
      }
    }
    size_ += __shfl_sync(~0U, through, 15, 16);
    scanned_ += kScan;
    fetch();
    __syncwarp();
  }

  __device__ __forceinline__ T kept(const uint4& raw, int v) const {
    const std::uint32_t words[4] = {raw.x, raw.y, raw.z, raw.w};
    const float2 pair = pair_to_f32<T>(words[v / 2]);
    const float value = v % 2 == 0 ? pair.x : pair.y;
    return from_f32<T>(fabsf(value) <= threshold_ ? 0.0F : value);
  }

  const T* x_;
  T* inputs_;
  int* columns_;
  int cols_;
  int batch_;
  float threshold_;
  int scanned_;
  int last_;
  bool aligned_;
  int size_ = 0;
  uint4 raw_[kMostBatch / 2];
};

// Inputs of the columns first … last−1, all of which count, as B fragments in registers: those of kAhead stages, and of
// as many that come after them on their way. Nothing is listed.
template <typename T>
class AllInputs {
 public:
  static constexpr int kAhead = 8;

  __device__ __forceinline__ AllInputs(const SparseArgs& args, int first, int last)
      : x_(static_cast<const T*>(args.input.x) + static_cast<long long>(row()) * args.cols),
        first_(first),
        last_(row() < args.batch ? last : first),
        paired_(reinterpret_cast<std::uintptr_t>(args.input.x) % 4 == 0 && args.cols % 2 == 0) {}

  // All calls with the same `stage`, a multiple of kAhead: the first of those that are fetched.
  __device__ __forceinline__ void fetch(int stage) {
#pragma unroll
    for (int i = 0; i < kAhead; ++i) {
#pragma unroll
      for (int half = 0; half < 2; ++half) coming_[i][half] = pair((stage + i) * kStageColumns + 8 * half);
    }
  }
  // Those fetched last are at hand, the following ones are fetched.
  __device__ __forceinline__ void advance(int stage) {
#pragma unroll
    for (int i = 0; i < kAhead; ++i) {
      own_[i][0] = coming_[i][0];
      own_[i][1] = coming_[i][1];
    }
    fetch(stage + kAhead);
  }
  template <int kStage>
  __device__ __forceinline__ std::uint32_t fragment(int half) const {
    return own_[kStage][half];
  }

 private:
  __device__ __forceinline__ static int row() { return static_cast<int>(threadIdx.x) % 32 / 4; }

  __device__ __forceinline__ std::uint32_t pair(int entry) const {
    const int c = first_ + entry + static_cast<int>(threadIdx.x) % 4 * 2;
    if (c >= last_) return 0U;
    if (paired_ && c + 1 < last_) return *reinterpret_cast<const std::uint32_t*>(x_ + c);
    const auto* bits = reinterpret_cast<const std::uint16_t*>(x_);
    return bits[c] | (c + 1 < last_ ? static_cast<std::uint32_t>(bits[c + 1]) << 16U : 0U);
  }

  const T* x_;
  int first_;
  int last_;
  bool paired_;
  std::uint32_t coming_[kAhead][2];
  std::uint32_t own_[kAhead][2];
};

}  // namespace lacuna::kernels::cuda
