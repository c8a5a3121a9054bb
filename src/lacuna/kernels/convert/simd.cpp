#include <fmt/format.h>

#include <cstring>

#include "lacuna/core/buffer.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/core/threads.hpp"
#include "lacuna/kernels/convert/convert.hpp"
#include "lacuna/kernels/dispatch/dispatch.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lacuna/kernels/convert/simd.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which redefines HWY_TARGET for each pass over this file.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace lacuna::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Each of these converts the leading whole vectors and returns how many elements that was; scalar.cpp does the rest.

std::size_t bf16_to_f32_vectors(const std::uint16_t* in, std::size_t n, float* out) {
  const hn::ScalableTag<float> d;
  const hn::RebindToUnsigned<decltype(d)> d32;
  const hn::Rebind<std::uint16_t, decltype(d)> d16;
  const std::size_t lanes = hn::Lanes(d);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    hn::StoreU(hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(d32, hn::LoadU(d16, in + i)))), d, out + i);
  }
  return i;
}

std::size_t f32_to_bf16_vectors(const float* in, std::size_t n, std::uint16_t* out) {
  const hn::ScalableTag<float> d;
  const hn::RebindToUnsigned<decltype(d)> d32;
  const hn::Rebind<std::uint16_t, decltype(d)> d16;
  const std::size_t lanes = hn::Lanes(d);
  const auto one = hn::Set(d32, 1U);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto value = hn::LoadU(d, in + i);
    const auto bits = hn::BitCast(d32, value);
    // Round to nearest even: add 0x7fff, and one more where the kept part is odd. A NaN keeps its payload's top, quiet.
    const auto odd = hn::And(hn::ShiftRight<16>(bits), one);
    const auto rounded = hn::ShiftRight<16>(hn::Add(bits, hn::Add(odd, hn::Set(d32, 0x7fffU))));
    const auto nan = hn::Or(hn::ShiftRight<16>(bits), hn::Set(d32, 0x40U));
    const auto is_nan = hn::RebindMask(d32, hn::IsNaN(value));
    hn::StoreU(hn::TruncateTo(d16, hn::IfThenElse(is_nan, nan, rounded)), d16, out + i);
  }
  return i;
}

#if HWY_TARGET == HWY_SCALAR
std::size_t f16_to_f32_vectors(const std::uint16_t*, std::size_t, float*) { return 0; }
std::size_t f32_to_f16_vectors(const float*, std::size_t, std::uint16_t*) { return 0; }
#else
std::size_t f16_to_f32_vectors(const std::uint16_t* in, std::size_t n, float* out) {
  const hn::ScalableTag<float> d;
  const hn::RebindToUnsigned<decltype(d)> d32;
  const hn::Rebind<std::uint16_t, decltype(d)> d16;
  const hn::Rebind<hwy::float16_t, decltype(d)> df16;
  const std::size_t lanes = hn::Lanes(d);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto half = hn::LoadU(d16, in + i);
    const auto value = hn::PromoteTo(d, hn::BitCast(df16, half));
    // The instruction makes signalling NaNs quiet; the exact conversion only moves the payload.
    const auto wide = hn::PromoteTo(d32, half);
    const auto sign = hn::ShiftLeft<16>(hn::And(wide, hn::Set(d32, 0x8000U)));
    const auto payload = hn::ShiftLeft<13>(hn::And(wide, hn::Set(d32, 0x3ffU)));
    const auto nan = hn::Or(hn::Or(sign, hn::Set(d32, 0x7f800000U)), payload);
    hn::StoreU(hn::IfThenElse(hn::IsNaN(value), hn::BitCast(d, nan), value), d, out + i);
  }
  return i;
}

std::size_t f32_to_f16_vectors(const float* in, std::size_t n, std::uint16_t* out) {
  const hn::ScalableTag<float> d;
  const hn::RebindToUnsigned<decltype(d)> d32;
  const hn::Rebind<std::uint16_t, decltype(d)> d16;
  const hn::Rebind<hwy::float16_t, decltype(d)> df16;
  const std::size_t lanes = hn::Lanes(d);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto value = hn::LoadU(d, in + i);
    const auto half = hn::PromoteTo(d32, hn::BitCast(d16, hn::DemoteTo(df16, value)));
    const auto sign = hn::And(hn::ShiftRight<16>(hn::BitCast(d32, value)), hn::Set(d32, 0x8000U));
    const auto nan = hn::Or(sign, hn::Set(d32, 0x7e00U));  // one quiet NaN, as core/dtype.cpp
    const auto is_nan = hn::RebindMask(d32, hn::IsNaN(value));
    hn::StoreU(hn::TruncateTo(d16, hn::IfThenElse(is_nan, nan, half)), d16, out + i);
  }
  return i;
}
#endif

}  // namespace lacuna::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lacuna::kernels {
namespace {

HWY_EXPORT(bf16_to_f32_vectors);
HWY_EXPORT(f32_to_bf16_vectors);
HWY_EXPORT(f16_to_f32_vectors);
HWY_EXPORT(f32_to_f16_vectors);

constexpr std::int64_t kElementsPerThread = 1 << 16;  // below this a second thread costs more than it saves

// How many leading elements the vector code converted.
std::int64_t widen_vectors(DType dtype, const std::byte* in, std::int64_t n, float* out) {
  if (!use_simd()) return 0;
  const auto* half = reinterpret_cast<const std::uint16_t*>(in);
  const auto count = static_cast<std::size_t>(n);
  if (dtype == DType::bf16)
    return static_cast<std::int64_t>(HWY_DYNAMIC_DISPATCH(bf16_to_f32_vectors)(half, count, out));
  if (dtype == DType::f16) return static_cast<std::int64_t>(HWY_DYNAMIC_DISPATCH(f16_to_f32_vectors)(half, count, out));
  return 0;
}

std::int64_t narrow_vectors(const float* in, std::int64_t n, DType dtype, std::byte* out) {
  if (!use_simd()) return 0;
  auto* half = reinterpret_cast<std::uint16_t*>(out);
  const auto count = static_cast<std::size_t>(n);
  if (dtype == DType::bf16)
    return static_cast<std::int64_t>(HWY_DYNAMIC_DISPATCH(f32_to_bf16_vectors)(in, count, half));
  if (dtype == DType::f16) return static_cast<std::int64_t>(HWY_DYNAMIC_DISPATCH(f32_to_f16_vectors)(in, count, half));
  return 0;
}

void contiguous_to_f32(DType dtype, const std::byte* in, std::int64_t n, float* out) {
  const auto width = static_cast<std::int64_t>(dtype_bytes(dtype));
  if (dtype == DType::f32) {
    if (n > 0) std::memcpy(out, in, static_cast<std::size_t>(n * width));
    return;
  }
  parallel_for(n, kElementsPerThread, [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t done = begin + widen_vectors(dtype, in + begin * width, end - begin, out + begin);
    scalar::to_f32(dtype, in + done * width, end - done, out + done);
  });
}

}  // namespace

void to_f32(const TensorView& in, float* out) {
  if (in.is_contiguous()) {
    contiguous_to_f32(in.dtype, in.data, in.numel(), out);
    return;
  }
  AlignedBuffer<std::byte> row_major(in.bytes());
  copy_contiguous(in, row_major.data());
  contiguous_to_f32(in.dtype, row_major.data(), in.numel(), out);
}

void from_f32(const float* in, std::int64_t n, DType dtype, std::byte* out) {
  if (!is_floating(dtype)) {
    throw Error(ErrorCode::unsupported_dtype,
                fmt::format("expected a floating type to convert to, got {}", dtype_name(dtype)));
  }
  const auto width = static_cast<std::int64_t>(dtype_bytes(dtype));
  parallel_for(n, kElementsPerThread, [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t done = begin + narrow_vectors(in + begin, end - begin, dtype, out + begin * width);
    scalar::from_f32(in + done, end - done, dtype, out + done * width);
  });
}

}  // namespace lacuna::kernels
#endif  // HWY_ONCE
