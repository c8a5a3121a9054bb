// A step is 16 values, 16 places, their look-up in the window (slice_lanes-inl.h) and one multiplication.
#include <algorithm>
#include <bit>
#include <cstring>

#include "lacuna/core/error.hpp"
#include "lacuna/core/threads.hpp"
#include "lacuna/kernels/dispatch/dispatch.hpp"
#include "lacuna/kernels/packed_gemv/packed_gemv.hpp"
#include "lacuna/kernels/packed_gemv/sliced_rows.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lacuna/kernels/packed_gemv/sliced_simd.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which redefines HWY_TARGET for each pass over this file.
#include <hwy/highway.h>
#include "lacuna/kernels/packed_gemv/slice_lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace lacuna::kernels::HWY_NAMESPACE {
namespace {

double most_stored() { return kMostStored; }

#if HWY_TARGET > HWY_AVX2 || HWY_TARGET == HWY_SCALAR  // narrower: scalar::sliced_gemv serves

void multiply_slices(const SlicedRows&, std::int64_t, std::int64_t, MatrixView<const float>, MatrixView<float>, float,
                     float) {}

#else

constexpr std::size_t kLanes = 16;
constexpr std::size_t kSteps = 4;
constexpr std::size_t kAhead = 2048;  // bytes, of blocks asked for

// A slice on its way past kInputs inputs: no branch but the caller's loop.
template <typename Element, int kInputs>
class SliceSums {
 public:
  HWY_INLINE SliceSums(const SlicedRows& w, std::int64_t slice)
      : block_(w.blocks.data() + w.starts[static_cast<std::size_t>(slice)] * kBlockBytes),
        window_(w.windows.data() + w.starts[static_cast<std::size_t>(slice)]),
        end_(w.windows.data() + w.starts[static_cast<std::size_t>(slice) + 1]) {
    for (auto& input : sums_) {
      for (auto& sum : input) sum = Lanes::zero();
    }
  }

  HWY_INLINE std::int64_t left() const { return end_ - window_; }  // blocks

  HWY_INLINE void add_block(MatrixView<const float> x) {
    for (std::size_t line = 0; line < kBlockBytes; line += 64) {
      _mm_prefetch(reinterpret_cast<const char*>(block_) + kAhead + line, _MM_HINT_T0);
    }
    HWY_UNROLL(2)
    for (int j = 0; j < kInputs; ++j) {
      const Window inputs(x.row(j) + *window_ * SlicedRows::kWindowUnit);
      HWY_UNROLL(4)
      for (std::size_t i = 0; i < kSteps; ++i) {
        const std::byte* places = block_ + kSteps * kValueBytes + i * kLanes;
        sums_[j][i] = multiply_add(Element::load(block_ + i * kValueBytes), inputs.at(places), sums_[j][i]);
      }
    }
    ++window_;
    block_ += kBlockBytes;
  }

  void write(const std::int32_t* row_of, MatrixView<float> y, float alpha, float beta) const {
    for (int j = 0; j < kInputs; ++j) {
      alignas(64) float sums[kLanes];
      const Lanes(&sum)[kSteps] = sums_[j];
      add(add(sum[0], sum[1]), add(sum[2], sum[3])).store(sums);
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        if (row_of[lane] < 0) continue;
        const float scaled = alpha * sums[lane];
        float& out = y(j, row_of[lane]);
        out = beta == 0.0F ? scaled : __builtin_fmaf(beta, out, scaled);
      }
    }
  }

 private:
  static constexpr std::size_t kValueBytes = kLanes * Element::kBytes;  // of a step
  static constexpr std::size_t kBlockBytes = kSteps * (kValueBytes + kLanes);

  const std::byte* block_;
  const std::uint16_t* window_;
  const std::uint16_t* end_;
  Lanes sums_[kInputs][kSteps];
};

template <typename Element, int kInputs>
HWY_INLINE void finish(const SlicedRows& w, std::int64_t slice, SliceSums<Element, kInputs>& sums,
                       MatrixView<const float> x, MatrixView<float> y, float alpha, float beta) {
  while (sums.left() > 0) sums.add_block(x);
  sums.write(w.row_of.data() + slice * SlicedRows::kLanes, y, alpha, beta);
}

// Slices `one` and `other`, so that each thread reads two streams (gemv/README.md); a single one where they are equal.
template <typename Element, int kInputs>
void multiply_pair(const SlicedRows& w, std::int64_t one, std::int64_t other, MatrixView<const float> x,
                   MatrixView<float> y, float alpha, float beta) {
  SliceSums<Element, kInputs> first(w, one);
  if (other == one) return finish(w, one, first, x, y, alpha, beta);
  SliceSums<Element, kInputs> second(w, other);
  for (std::int64_t n = std::min(first.left(), second.left()); n > 0; --n) {
    first.add_block(x);
    second.add_block(x);
  }
  finish(w, one, first, x, y, alpha, beta);
  finish(w, other, second, x, y, alpha, beta);
}

template <typename Element>
void multiply_typed(const SlicedRows& w, std::int64_t first, std::int64_t end, MatrixView<const float> x,
                    MatrixView<float> y, float alpha, float beta) {
  const std::int64_t stream = (end - first) / 2;  // slices
  for (std::int64_t s = first; s < end - stream; ++s) {
    const std::int64_t other = s < first + stream ? s + (end - first + 1) / 2 : s;
    for (std::int64_t j = 0; j < x.rows; j += kChunk) {
      const std::int64_t n = std::min<std::int64_t>(x.rows - j, kChunk);
      const auto inputs = x.block(j, n, 0, x.cols);
      const auto outputs = y.block(j, n, 0, y.cols);
      if (n == kChunk) {
        multiply_pair<Element, kChunk>(w, s, other, inputs, outputs, alpha, beta);
      } else {
        multiply_pair<Element, 1>(w, s, other, inputs, outputs, alpha, beta);
      }
    }
  }
}

// Slices [first, end); each row of x is followed by a window of zeros.
void multiply_slices(const SlicedRows& w, std::int64_t first, std::int64_t end, MatrixView<const float> x,
                     MatrixView<float> y, float alpha, float beta) {
  if (w.source.dtype == DType::bf16) return multiply_typed<Bf16>(w, first, end, x, y, alpha, beta);
  if (w.source.dtype == DType::f16) return multiply_typed<F16>(w, first, end, x, y, alpha, beta);
  multiply_typed<F32>(w, first, end, x, y, alpha, beta);
}

#endif

}  // namespace
}  // namespace lacuna::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lacuna::kernels {
namespace {

HWY_EXPORT(most_stored);
HWY_EXPORT(multiply_slices);

constexpr double kMostPlaces = 2.0;  // a value
constexpr std::uint64_t kBlocksPerThread = 512;

// Of the elements: above, bitmaps are the faster ones (README.md). 0: no slices at this level.
double most_stored_here() { return use_simd() ? HWY_DYNAMIC_DISPATCH(most_stored)() : 0.0; }

bool all_finite(const float* x, std::int64_t n) {
  std::uint32_t overflown = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    overflown |= static_cast<std::uint32_t>((std::bit_cast<std::uint32_t>(x[i]) & 0x7f800000U) == 0x7f800000U);
  }
  return overflown == 0;
}

// The slices between which the blocks are evenly split: part `part` begins here.
std::int64_t first_slice(const SlicedRows& w, std::int64_t part, std::int64_t parts) {
  const std::uint64_t block = w.starts.back() * static_cast<std::uint64_t>(part) / static_cast<std::uint64_t>(parts);
  return std::lower_bound(w.starts.begin(), w.starts.end() - 1, block) - w.starts.begin();
}

// Inputs of which some are not finite, or neither AVX-512 nor AVX2.
void one_by_one(const SlicedRows& w, MatrixView<const float> x, MatrixView<float> y, float alpha, float beta) {
  for (std::int64_t j = 0; j < x.rows; ++j) {
    if (!all_finite(x.row(j), w.source.cols)) {
      packed_gemv(w.source, x.row(j), y.row(j), alpha, beta);
    } else if (most_stored_here() > 0.0) {
      sliced_gemv(w, x.row(j), y.row(j), alpha, beta);
    } else {
      scalar::sliced_gemv(w, x.row(j), y.row(j), alpha, beta);
    }
  }
}

}  // namespace

std::shared_ptr<const SlicedRows> make_slices_if_faster(const PackedRows& source) {
  const auto stored = static_cast<double>(source.row_starts[source.rows]);
  if (source.cols > SlicedRows::kMostCols) return nullptr;
  const double most = most_stored_here();
  if (most == 0.0 || stored > most * static_cast<double>(source.rows * source.cols)) return nullptr;
  auto slices = std::make_shared<const SlicedRows>(make_sliced_rows(source));
  const auto places = static_cast<double>(slices->starts.back() * SlicedRows::kLanes);
  return places <= kMostPlaces * stored ? slices : nullptr;
}

void sliced_gemv(const SlicedRows& w, const float* x, float* y, float alpha, float beta) {
  sliced_gemv_batch(w, {x, 1, w.source.cols}, {y, 1, w.source.rows}, alpha, beta);
}

void sliced_gemv_batch(const SlicedRows& w, MatrixView<const float> x, MatrixView<float> y, float alpha, float beta) {
  const std::int64_t cols = w.source.cols;
  LACUNA_ASSERT(x.cols == cols && y.cols == w.source.rows && x.rows == y.rows);
  bool finite = most_stored_here() > 0.0;
  for (std::int64_t j = 0; j < x.rows; ++j) finite = finite && all_finite(x.row(j), cols);
  if (!finite) return one_by_one(w, x, y, alpha, beta);
  const std::int64_t stride = cols + SlicedRows::kWindow;
  AlignedBuffer<float> padded(static_cast<std::size_t>(x.rows * stride));
  for (std::int64_t j = 0; j < x.rows; ++j) {
    float* row = padded.data() + j * stride;
    if (cols != 0) std::memcpy(row, x.row(j), static_cast<std::size_t>(cols) * sizeof(float));
    std::fill_n(row + cols, SlicedRows::kWindow, 0.0F);
  }
  const MatrixView<const float> inputs(padded.data(), x.rows, cols, stride);
  const auto enough = static_cast<std::int64_t>(w.starts.back() / kBlocksPerThread);
  const std::int64_t parts = std::clamp<std::int64_t>(enough, 1, thread_count());
  parallel_for(parts, 1, [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t last = end == parts ? w.slices() : first_slice(w, end, parts);
    HWY_DYNAMIC_DISPATCH(multiply_slices)
    (w, begin == 0 ? 0 : first_slice(w, begin, parts), last, inputs, y, alpha, beta);
  });
}

}  // namespace lacuna::kernels
#endif  // HWY_ONCE
