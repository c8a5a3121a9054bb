// Element types of tensors, with the names of the formats that Lacuna reads and scalar conversions.
//
// bf16, f16 and the two FP8 types are stored as raw bits (std::uint16_t, std::uint8_t); conversion from float rounds to
// nearest, ties to even, as PyTorch does. Bulk conversion lives in kernels/convert.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace lacuna {

enum class DType : std::uint8_t {
  f64,
  f32,
  f16,
  bf16,
  f8_e4m3,
  f8_e5m2,
  i64,
  i32,
  i16,
  i8,
  u64,
  u32,
  u16,
  u8,
  boolean
};

std::size_t dtype_bytes(DType dtype);
std::string_view dtype_name(DType dtype);        // "bf16"
std::string_view safetensors_name(DType dtype);  // "BF16"
std::optional<DType> dtype_from_safetensors(std::string_view name);
bool is_floating(DType dtype);

float f16_to_f32(std::uint16_t bits);
float bf16_to_f32(std::uint16_t bits);
float f8_e4m3_to_f32(std::uint8_t bits);  // the "fn" variant: no infinity, 0x7f is NaN
float f8_e5m2_to_f32(std::uint8_t bits);
std::uint16_t f32_to_f16(float value);
std::uint16_t f32_to_bf16(float value);
std::uint8_t f32_to_f8_e4m3(float value);  // values beyond ±448 become NaN, as in PyTorch
std::uint8_t f32_to_f8_e5m2(float value);

}  // namespace lacuna
