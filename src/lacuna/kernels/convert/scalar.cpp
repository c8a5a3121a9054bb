#include <fmt/format.h>

#include <cstring>

#include "lacuna/core/error.hpp"
#include "lacuna/kernels/convert/convert.hpp"

namespace lacuna::kernels::scalar {
namespace {

template <typename T, typename Convert>
void widen(const std::byte* in, std::int64_t n, float* out, Convert convert) {
  for (std::int64_t i = 0; i < n; ++i) {
    T value;
    std::memcpy(&value, in + i * static_cast<std::int64_t>(sizeof(T)), sizeof(T));
    out[i] = convert(value);
  }
}

template <typename T>
void widen_number(const std::byte* in, std::int64_t n, float* out) {
  widen<T>(in, n, out, [](T value) { return static_cast<float>(value); });
}

template <typename T, typename Convert>
void narrow(const float* in, std::int64_t n, std::byte* out, Convert convert) {
  for (std::int64_t i = 0; i < n; ++i) {
    const T value = convert(in[i]);
    std::memcpy(out + i * static_cast<std::int64_t>(sizeof(T)), &value, sizeof(T));
  }
}

}  // namespace

void to_f32(DType dtype, const std::byte* in, std::int64_t n, float* out) {
  switch (dtype) {
    case DType::f64: return widen_number<double>(in, n, out);
    case DType::f32: return widen_number<float>(in, n, out);
    case DType::f16: return widen<std::uint16_t>(in, n, out, f16_to_f32);
    case DType::bf16: return widen<std::uint16_t>(in, n, out, bf16_to_f32);
    case DType::f8_e4m3: return widen<std::uint8_t>(in, n, out, f8_e4m3_to_f32);
    case DType::f8_e5m2: return widen<std::uint8_t>(in, n, out, f8_e5m2_to_f32);
    case DType::i64: return widen_number<std::int64_t>(in, n, out);
    case DType::i32: return widen_number<std::int32_t>(in, n, out);
    case DType::i16: return widen_number<std::int16_t>(in, n, out);
    case DType::i8: return widen_number<std::int8_t>(in, n, out);
    case DType::u64: return widen_number<std::uint64_t>(in, n, out);
    case DType::u32: return widen_number<std::uint32_t>(in, n, out);
    case DType::u16: return widen_number<std::uint16_t>(in, n, out);
    case DType::u8:
    case DType::boolean: return widen_number<std::uint8_t>(in, n, out);
  }
}

void from_f32(const float* in, std::int64_t n, DType dtype, std::byte* out) {
  switch (dtype) {
    case DType::f64: return narrow<double>(in, n, out, [](float x) { return static_cast<double>(x); });
    case DType::f32: return narrow<float>(in, n, out, [](float x) { return x; });
    case DType::f16: return narrow<std::uint16_t>(in, n, out, f32_to_f16);
    case DType::bf16: return narrow<std::uint16_t>(in, n, out, f32_to_bf16);
    case DType::f8_e4m3: return narrow<std::uint8_t>(in, n, out, f32_to_f8_e4m3);
    case DType::f8_e5m2: return narrow<std::uint8_t>(in, n, out, f32_to_f8_e5m2);
    default:
      throw Error(ErrorCode::unsupported_dtype,
                  fmt::format("expected a floating type to convert to, got {}", dtype_name(dtype)));
  }
}

}  // namespace lacuna::kernels::scalar
