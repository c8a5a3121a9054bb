#include "lacuna/kernels/block_gemv/block_gemv.hpp"
#include "lacuna/kernels/convert/convert.hpp"

namespace lacuna::kernels::scalar {

void block_gemv(const BlockRows& w, const float* x, float* y, float alpha, float beta) {
  const std::size_t block_bytes = static_cast<std::size_t>(kBlockFeatures) * dtype_bytes(w.dtype);
  for (std::int64_t r = 0; r < w.rows; ++r) {
    const std::uint64_t* bitmap = w.row_bitmap(r);
    const std::byte* next = w.row_values(r);
    double sum = 0.0;
    for (std::int64_t g = 0; g < w.blocks; ++g) {
      if ((bitmap[g / 64] >> (g % 64) & 1U) == 0) continue;
      float block[kBlockFeatures];
      to_f32(w.dtype, next, kBlockFeatures, block);
      next += block_bytes;
      for (std::int64_t i = 0; i < kBlockFeatures; ++i) {
        sum += static_cast<double>(block[i]) * static_cast<double>(x[g * kBlockFeatures + i]);
      }
    }
    y[r] = alpha * static_cast<float>(sum) + (beta == 0.0F ? 0.0F : beta * y[r]);
  }
}

}  // namespace lacuna::kernels::scalar
