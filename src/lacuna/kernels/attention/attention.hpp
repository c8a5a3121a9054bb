// Causal softmax attention with grouped key/value heads.
//
//   out_h = softmax(scale · Q_h·K_gᵀ, restricted to keys a query may see) · V_g        g = h / (heads / kv_heads)
//
// The query at position p sees keys 0 … p, or with a window only keys p − window + 1 … p.
//
// Layout    row-major f32. queries, out: (sequences·query_length)×(heads·d); keys, values:
//           (sequences·key_length)×(kv_heads·d). Row r of a sequence's queries has position
//           key_length − query_length + r: all positions in a full forward, the last ones with a KV cache.
// Cost      about half of 4·query_length·key_length·heads·d flop per sequence; one score block per thread.
// Accuracy  f32 GEMMs and softmax.hpp. Results of one sequence do not depend on the others in the call.
// Threads   parallel over sequences, heads and query blocks inside; out aliases no input.
// Source    kernels/attention/README.md.
#pragma once

#include "lacuna/core/tensor.hpp"

namespace lacuna::kernels {

struct AttentionShape {
  std::int64_t sequences = 1;
  std::int64_t query_length = 0;
  std::int64_t key_length = 0;  // ≥ query_length
  std::int64_t heads = 0;
  std::int64_t kv_heads = 0;  // divides heads
  std::int64_t head_dim = 0;
  std::int64_t window = 0;  // 0: none
  float scale = 1.0F;
};

void causal_attention(const AttentionShape& shape, MatrixView<const float> queries, MatrixView<const float> keys,
                      MatrixView<const float> values, MatrixView<float> out);

namespace scalar {
void causal_attention(const AttentionShape& shape, MatrixView<const float> queries, MatrixView<const float> keys,
                      MatrixView<const float> values, MatrixView<float> out);
}  // namespace scalar

}  // namespace lacuna::kernels
