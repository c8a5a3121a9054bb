#include "lacuna/core/dtype.hpp"

#include <array>
#include <bit>
#include <cmath>

namespace lacuna {
namespace {

struct DTypeRow {
  DType dtype;
  std::size_t bytes;
  std::string_view name;
  std::string_view safetensors;
  bool floating;
};

constexpr std::array<DTypeRow, 15> kTable = {{
    {DType::f64, 8, "f64", "F64", true},
    {DType::f32, 4, "f32", "F32", true},
    {DType::f16, 2, "f16", "F16", true},
    {DType::bf16, 2, "bf16", "BF16", true},
    {DType::f8_e4m3, 1, "f8_e4m3", "F8_E4M3", true},
    {DType::f8_e5m2, 1, "f8_e5m2", "F8_E5M2", true},
    {DType::i64, 8, "i64", "I64", false},
    {DType::i32, 4, "i32", "I32", false},
    {DType::i16, 2, "i16", "I16", false},
    {DType::i8, 1, "i8", "I8", false},
    {DType::u64, 8, "u64", "U64", false},
    {DType::u32, 4, "u32", "U32", false},
    {DType::u16, 2, "u16", "U16", false},
    {DType::u8, 1, "u8", "U8", false},
    {DType::boolean, 1, "bool", "BOOL", false},
}};

const DTypeRow& row(DType dtype) { return kTable[static_cast<std::size_t>(dtype)]; }

// A binary float of 1 + exponent_bits + mantissa_bits bits to f32, exactly. `has_infinity` is false for e4m3fn.
float widen(std::uint32_t bits, int exponent_bits, int mantissa_bits, bool has_infinity) {
  const std::uint32_t mantissa_mask = (1U << mantissa_bits) - 1;
  const std::uint32_t exponent_mask = (1U << exponent_bits) - 1;
  const int bias = static_cast<int>(exponent_mask >> 1);
  const std::uint32_t sign = (bits >> (exponent_bits + mantissa_bits)) & 1U;
  const std::uint32_t exponent = (bits >> mantissa_bits) & exponent_mask;
  const std::uint32_t mantissa = bits & mantissa_mask;
  float magnitude = 0.0F;
  if (has_infinity && exponent == exponent_mask) {
    const std::uint32_t payload = mantissa << (23 - mantissa_bits);
    return std::bit_cast<float>((sign << 31) | 0x7f800000U | payload);
  }
  if (!has_infinity && exponent == exponent_mask && mantissa == mantissa_mask) {
    return std::bit_cast<float>((sign << 31) | 0x7fc00000U);
  }
  if (exponent == 0) {
    magnitude = std::ldexp(static_cast<float>(mantissa), 1 - bias - mantissa_bits);
  } else {
    magnitude = std::ldexp(static_cast<float>(mantissa | (1U << mantissa_bits)),
                           static_cast<int>(exponent) - bias - mantissa_bits);
  }
  return sign != 0 ? -magnitude : magnitude;
}

// f32 to a narrower binary float, round to nearest, ties to even. Overflow gives infinity, or NaN without infinity.
std::uint32_t narrow(float value, int exponent_bits, int mantissa_bits, bool has_infinity) {
  const std::uint32_t exponent_mask = (1U << exponent_bits) - 1;
  const int bias = static_cast<int>(exponent_mask >> 1);
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = (bits >> 31) << (exponent_bits + mantissa_bits);
  const std::uint32_t all_ones = (exponent_mask << mantissa_bits) | ((1U << mantissa_bits) - 1);
  const std::uint32_t quiet_nan =
      has_infinity ? (exponent_mask << mantissa_bits) | (1U << (mantissa_bits - 1)) : all_ones;
  if (std::isnan(value)) return sign | quiet_nan;
  const std::uint32_t overflow = has_infinity ? exponent_mask << mantissa_bits : all_ones;
  if (std::isinf(value)) return sign | overflow;
  if (value == 0.0F) return sign;

  int exponent = 0;
  const double fraction = std::frexp(std::fabs(static_cast<double>(value)), &exponent);  // value = fraction·2^exponent
  const int lowest = 1 - bias;                                                           // smallest normal exponent
  const int scale_exponent = std::max(exponent - 1, lowest);
  const double scaled = std::ldexp(fraction, exponent - scale_exponent + mantissa_bits);
  auto integer = static_cast<std::uint32_t>(std::nearbyint(scaled));
  // `integer` counts units in the last place; adding it to the exponent field carries by itself.
  std::uint32_t result = 0;
  if (integer < (1U << mantissa_bits)) {
    result = integer;  // subnormal
  } else {
    result = (static_cast<std::uint32_t>(scale_exponent + bias) << mantissa_bits) + (integer - (1U << mantissa_bits));
  }
  const std::uint32_t largest = has_infinity ? (exponent_mask << mantissa_bits) - 1 : all_ones - 1;
  return sign | (result > largest ? overflow : result);
}

}  // namespace

std::size_t dtype_bytes(DType dtype) { return row(dtype).bytes; }
std::string_view dtype_name(DType dtype) { return row(dtype).name; }
std::string_view safetensors_name(DType dtype) { return row(dtype).safetensors; }
bool is_floating(DType dtype) { return row(dtype).floating; }

std::optional<DType> dtype_from_safetensors(std::string_view name) {
  for (const auto& candidate : kTable) {
    if (candidate.safetensors == name) return candidate.dtype;
  }
  return std::nullopt;
}

float f16_to_f32(std::uint16_t bits) { return widen(bits, 5, 10, true); }
float bf16_to_f32(std::uint16_t bits) { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }
float f8_e4m3_to_f32(std::uint8_t bits) { return widen(bits, 4, 3, false); }
float f8_e5m2_to_f32(std::uint8_t bits) { return widen(bits, 5, 2, true); }
std::uint16_t f32_to_f16(float value) { return static_cast<std::uint16_t>(narrow(value, 5, 10, true)); }
std::uint8_t f32_to_f8_e4m3(float value) { return static_cast<std::uint8_t>(narrow(value, 4, 3, false)); }
std::uint8_t f32_to_f8_e5m2(float value) { return static_cast<std::uint8_t>(narrow(value, 5, 2, true)); }

std::uint16_t f32_to_bf16(float value) {
  auto bits = std::bit_cast<std::uint32_t>(value);
  if (std::isnan(value)) return static_cast<std::uint16_t>((bits >> 16) | 0x40U);
  bits += 0x7fffU + ((bits >> 16) & 1U);
  return static_cast<std::uint16_t>(bits >> 16);
}

}  // namespace lacuna
