#include <cstring>

#include "lacuna/kernels/block_gemv/block_gemv.hpp"

namespace lacuna::kernels::scalar {
namespace {

float value_at(DType dtype, const std::byte* at) {
  if (dtype == DType::f32) {
    float value = 0.0F;
    std::memcpy(&value, at, sizeof(value));
    return value;
  }
  std::uint16_t bits = 0;
  std::memcpy(&bits, at, sizeof(bits));
  return dtype == DType::bf16 ? bf16_to_f32(bits) : f16_to_f32(bits);
}

}  // namespace

void block_gemv(const BlockRows& w, const float* x, float* y, float alpha, float beta) {
  const std::size_t width = dtype_bytes(w.dtype);
  for (std::int64_t r = 0; r < w.rows; ++r) {
    const std::uint64_t* bitmap = w.row_bitmap(r);
    const std::byte* next = w.row_values(r);
    double sum = 0.0;
    for (std::int64_t g = 0; g < w.blocks; ++g) {
      if ((bitmap[g / 64] >> (g % 64) & 1U) == 0) continue;
      for (std::int64_t i = 0; i < kBlockFeatures; ++i, next += width) {
        sum += static_cast<double>(value_at(w.dtype, next)) * static_cast<double>(x[g * kBlockFeatures + i]);
      }
    }
    y[r] = alpha * static_cast<float>(sum) + (beta == 0.0F ? 0.0F : beta * y[r]);
  }
}

}  // namespace lacuna::kernels::scalar
