#include "lacuna/kernels/rope/rope.hpp"

namespace lacuna::kernels::scalar {

void apply_rope(MatrixView<float> x, std::int64_t head_dim, const RopeTable& table, std::int64_t first_position,
                std::int64_t length) {
  const std::int64_t half = head_dim / 2;
  for (std::int64_t r = 0; r < x.rows; ++r) {
    const std::int64_t position = first_position + r % length;
    for (std::int64_t head = 0; head < x.cols / head_dim; ++head) {
      float* low = x.row(r) + head * head_dim;
      float* high = low + half;
      for (std::int64_t i = 0; i < half; ++i) {
        const float cosine = table.cosines(position, i);
        const float sine = table.sines(position, i);
        const float a = low[i];
        const float b = high[i];
        low[i] = a * cosine - b * sine;
        high[i] = b * cosine + a * sine;
      }
    }
  }
}

}  // namespace lacuna::kernels::scalar
