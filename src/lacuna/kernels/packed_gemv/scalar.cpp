#include "lacuna/kernels/convert/convert.hpp"
#include "lacuna/kernels/packed_gemv/packed_gemv.hpp"

namespace lacuna::kernels::scalar {
void packed_gemv(const PackedRows& w, const float* x, float* y, float alpha, float beta) {
  const std::size_t width = dtype_bytes(w.dtype);
  for (std::int64_t r = 0; r < w.rows; ++r) {
    const std::uint8_t* bitmap = w.row_bitmap(r);
    const std::byte* next = w.values + w.row_starts[r] * width;
    double sum = 0.0;
    for (std::int64_t c = 0; c < w.cols; ++c) {
      float value = 0.0F;
      if ((bitmap[c / 8] >> (c % 8) & 1U) != 0) {
        to_f32(w.dtype, next, 1, &value);
        next += width;
      }
      sum += static_cast<double>(value) * static_cast<double>(x[c]);
    }
    y[r] = alpha * static_cast<float>(sum) + (beta == 0.0F ? 0.0F : beta * y[r]);
  }
}

}  // namespace lacuna::kernels::scalar
