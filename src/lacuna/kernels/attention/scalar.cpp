#include <algorithm>
#include <vector>

#include "lacuna/kernels/attention/attention.hpp"
#include "lacuna/kernels/softmax/softmax.hpp"

namespace lacuna::kernels::scalar {
namespace {

// One query of one head: q and out have d elements; keys and values start at the sequence's first row of the head.
void attend(const AttentionShape& shape, std::int64_t position, const float* q, MatrixView<const float> keys,
            MatrixView<const float> values, std::vector<float>& scores, float* out) {
  const std::int64_t first = shape.window > 0 ? std::max<std::int64_t>(0, position - shape.window + 1) : 0;
  for (std::int64_t j = first; j <= position; ++j) {
    double dot = 0.0;
    for (std::int64_t c = 0; c < shape.head_dim; ++c)
      dot += static_cast<double>(q[c]) * static_cast<double>(keys(j, c));
    scores[static_cast<std::size_t>(j)] = static_cast<float>(dot) * shape.scale;
  }
  softmax_window({scores.data(), static_cast<std::size_t>(position + 1)}, first, position + 1);
  for (std::int64_t c = 0; c < shape.head_dim; ++c) {
    double sum = 0.0;
    for (std::int64_t j = first; j <= position; ++j) {
      sum += static_cast<double>(scores[static_cast<std::size_t>(j)]) * static_cast<double>(values(j, c));
    }
    out[c] = static_cast<float>(sum);
  }
}

}  // namespace

void causal_attention(const AttentionShape& shape, MatrixView<const float> queries, MatrixView<const float> keys,
                      MatrixView<const float> values, MatrixView<float> out) {
  const std::int64_t d = shape.head_dim;
  std::vector<float> scores(static_cast<std::size_t>(shape.key_length));
  for (std::int64_t s = 0; s < shape.sequences; ++s) {
    for (std::int64_t h = 0; h < shape.heads; ++h) {
      const std::int64_t column = h / (shape.heads / shape.kv_heads) * d;
      const auto k = keys.block(s * shape.key_length, shape.key_length, column, d);
      const auto v = values.block(s * shape.key_length, shape.key_length, column, d);
      for (std::int64_t r = 0; r < shape.query_length; ++r) {
        const std::int64_t row = s * shape.query_length + r;
        attend(shape, shape.key_length - shape.query_length + r, queries.row(row) + h * d, k, v, scores,
               out.row(row) + h * d);
      }
    }
  }
}

}  // namespace lacuna::kernels::scalar
