#include <algorithm>
#include <cmath>

#include "lacuna/kernels/softmax/softmax.hpp"

namespace lacuna::kernels::scalar {

void softmax_window(std::span<float> scores, std::int64_t begin, std::int64_t end) {
  const auto window = scores.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin));
  const float max = *std::max_element(window.begin(), window.end());
  double sum = 0.0;
  for (auto& score : window) {
    score = std::exp(score - max);
    sum += static_cast<double>(score);
  }
  const auto scale = static_cast<float>(1.0 / sum);
  for (auto& score : window) score *= scale;
  std::fill(scores.begin(), scores.begin() + begin, 0.0F);
  std::fill(scores.begin() + end, scores.end(), 0.0F);
}

}  // namespace lacuna::kernels::scalar
