// The parts of the kernel for row bundles (cuda.cu): its arguments and one warp's walk through a stream.
#pragma once

#include <cfloat>

#include "lacuna/kernels/device/bulk_ring.cuh"
#include "lacuna/kernels/device/ends.cuh"
#include "lacuna/kernels/packed_gemv/bundle_blocks.cuh"
#include "lacuna/kernels/packed_gemv/row_bundles.hpp"

namespace lacuna::kernels::cuda {

constexpr int kBundleStages = 3;  // of a block each

struct BundleArgs {
  const unsigned char* blocks;
  const std::uint16_t* starts;
  const std::uint16_t* lengths;
  const std::uint32_t* row_order;
  const RowBundles::Stream* streams;
  ProductInput input;
  ProductOutput output;
  int cols;
  int n_bundles;
  int n_streams;
  int lanes_a_row;
  int lanes_shift;  // of 2
  bool overlaps;
};

// An element of the input by its shared address.
template <typename T>
__device__ __forceinline__ float load_shared_input(unsigned address) {
  std::uint16_t bits;
  asm volatile("ld.shared.u16 %0, [%1];" : "=h"(bits) : "r"(address));
  return to_f32(*reinterpret_cast<const T*>(&bits));
}

// A lane's eight entries.
template <typename T, int kGapBits>
struct Entries {
  uint4 values;
  std::uint32_t gaps[2];  // a byte each

  __device__ __forceinline__ void load(unsigned block, int lane) {
    values = load_shared_16(block + lane * 16);
    if constexpr (kGapBits == 8) {
      const uint2 both = load_shared_8(block + 512 + lane * 8);
      gaps[0] = both.x;
      gaps[1] = both.y;
    } else if constexpr (kGapBits == 6) {
      spread_gaps(load_shared_4(block + 512 + lane * 4), load_shared_2(block + 640 + lane * 2), gaps);
    } else {
      spread_gaps(load_shared_4(block + 512 + lane * 4), gaps);
    }
  }
  __device__ __forceinline__ void load(const unsigned char* block, int lane) {
    values = *reinterpret_cast<const uint4*>(block + lane * 16);
    load_gaps<kGapBits>(block, lane, gaps);
  }

  // Addresses of the inputs of four entries, from that of the entry before: sums of the first gaps, times two bytes.
  template <int kHalf>
  __device__ __forceinline__ void addresses(unsigned before, unsigned (&out)[4]) const {
    out[0] = __dp4a(gaps[kHalf], 0x00000002U, before);
    out[1] = __dp4a(gaps[kHalf], 0x00000202U, before);
    out[2] = __dp4a(gaps[kHalf], 0x00020202U, before);
    out[3] = __dp4a(gaps[kHalf], 0x02020202U, before);
  }
};

// One warp's walk through a stream.
template <typename T, int kGapBits>
class BundleWalk {
 public:
  static constexpr int kBlockBytes = bundle_block_bytes(kGapBits);
  using Ring = WarpRing<kBlockBytes, kBundleStages>;

  // input: shared address of x. Asks for the tables of the stream and of its first bundle: before any weights, behind
  // which they would wait.
  __device__ __forceinline__ BundleWalk(const BundleArgs& args, int stream, unsigned input)
      : args_(args), input_(input), lane_(static_cast<int>(threadIdx.x) % 32), bundle_(args.n_bundles) {
    if (stream >= args.n_streams) return;
    bundle_ = stream;
    place_ = args.streams[stream];
    fetch(stream);
  }

  // Asks for the first blocks. Touches weights and tables only: may run before the grids before have ended.
  __device__ __forceinline__ void open(Ring& ring) {
    ring.open(args_.blocks + static_cast<std::size_t>(place_.first) * kBlockBytes,
              static_cast<int>(place_.units) * kBlockBytes);
  }

  __device__ __forceinline__ void run(Ring& ring) {
    for (; bundle_ < args_.n_bundles; bundle_ += args_.n_streams) {
      const int start = start_;
      const int length = length_;
      const std::uint32_t row = row_;
      fetch(bundle_ + args_.n_streams);
      unsigned at = input_ + static_cast<unsigned>(start) * 2U;
      float even = 0.0F;
      float odd = 0.0F;
      for (int k = 0; k < length; ++k) {
        Entries<T, kGapBits> entries;
        entries.load(ring.wait(), lane_);
        ring.advance(entries.values.x ^ entries.gaps[0] ^ entries.gaps[1]);
        multiply(entries, at, even, odd);
      }
      const float sum = over_row(even + odd);
      // What is not finite may come of an input beside which a lane was filled up.
      if (__any_sync(~0U, !(fabsf(sum) <= FLT_MAX))) return finish_carefully(*this, ring);
      put(row, sum);
    }
  }

 private:
  __device__ __forceinline__ void fetch(int bundle) {
    if (bundle >= args_.n_bundles) return;
    start_ = args_.starts[32LL * bundle + lane_];
    length_ = args_.lengths[bundle];
    row_ = args_.row_order[bundle * (32 >> args_.lanes_shift) + (lane_ >> args_.lanes_shift)];
  }

  __device__ __forceinline__ static void multiply(const Entries<T, kGapBits>& entries, unsigned& at, float& even,
                                                  float& odd) {
    unsigned places[2][4];
    entries.template addresses<0>(at, places[0]);
    entries.template addresses<1>(places[0][3], places[1]);
    at = places[1][3];
    float x[8];
#pragma unroll
    for (int k = 0; k < 8; ++k) x[k] = load_shared_input<T>(places[k / 4][k % 4]);
    const std::uint32_t words[4] = {entries.values.x, entries.values.y, entries.values.z, entries.values.w};
#pragma unroll
    for (int k = 0; k < 4; ++k) {
      const float2 w = pair_to_f32<T>(words[k]);
      even = fmaf(w.x, x[2 * k], even);
      odd = fmaf(w.y, x[2 * k + 1], odd);
    }
  }

  // The rest of a stream, from a bundle on that has gone through the ring. A call after which nothing is needed any
  // more, so that the walk and its ring stay in registers.
  __device__ __noinline__ static void finish_carefully(BundleWalk walk, Ring ring) {
    const BundleArgs& args = walk.args_;
    for (bool arrived = true; walk.bundle_ < args.n_bundles; walk.bundle_ += args.n_streams, arrived = false) {
      walk.fetch(walk.bundle_);
      for (int k = 0; !arrived && k < walk.length_; ++k) {  // nothing may arrive in a block that has ended
        ring.wait();
        ring.advance(0);
      }
      walk.put(walk.row_, walk.over_row(walk.careful_sum()));
    }
  }

  // The same sum without what is filled up and what bridges gaps, from global memory.
  __device__ float careful_sum() const {
    const unsigned char* blocks =
        find_bundle<kGapBits>(args_.blocks, args_.streams, args_.lengths, args_.n_streams, bundle_);
    unsigned at = input_ + static_cast<unsigned>(start_) * 2U;
    float sums[2] = {};
    for (int k = 0; k < length_; ++k) {
      Entries<T, kGapBits> entries;
      entries.load(blocks + static_cast<std::size_t>(k) * kBlockBytes, lane_);
      const std::uint32_t words[4] = {entries.values.x, entries.values.y, entries.values.z, entries.values.w};
#pragma unroll
      for (int e = 0; e < 8; ++e) {
        at += (entries.gaps[e / 4] >> (e % 4 * 8) & 255U) * 2U;
        const float2 pair = pair_to_f32<T>(words[e / 2]);
        const float w = e % 2 == 0 ? pair.x : pair.y;
        if (w != 0.0F) sums[e % 2] = fmaf(w, load_shared_input<T>(at), sums[e % 2]);
      }
    }
    return sums[0] + sums[1];
  }

  __device__ __forceinline__ float over_row(float sum) const {
    for (int d = args_.lanes_a_row / 2; d > 0; d /= 2) sum += __shfl_xor_sync(~0U, sum, d);
    return sum;
  }

  __device__ __forceinline__ void put(std::uint32_t row, float sum) const {
    const float next = __shfl_down_sync(~0U, sum, args_.lanes_a_row % 32);  // of the row after this lane's
    if (lane_ % args_.lanes_a_row != 0 || row == RowBundles::kNoRow) return;
    if (args_.output.kind != OutputKind::gate) {
      store_sum<T>(args_.output.y, args_.output.kind, row, biased<T>(args_.output, row, sum));
    } else if (row % 2 == 0) {
      store_gate<T>(args_.output, row / 2, sum, next);
    }
  }

  const BundleArgs& args_;
  unsigned input_;
  int lane_;
  int bundle_;
  RowBundles::Stream place_ = {};
  int start_ = 0;  // of the bundle that comes next
  int length_ = 0;
  std::uint32_t row_ = 0;  // this lane's
};

}  // namespace lacuna::kernels::cuda
