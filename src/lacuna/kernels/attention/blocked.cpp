// Attention in blocks of queries: S = scale·Q·Kᵀ, softmax of its rows, O = S·V, both products by the GEMM library on
// one thread while the blocks of all sequences and heads spread over the threads. Keys that no query of a block may
// see are left out of both products; the rest of the causal triangle is zeroed by the softmax.
#include <omp.h>

#include <algorithm>
#include <exception>
#include <mutex>

#include "lacuna/core/buffer.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/kernels/attention/attention.hpp"
#include "lacuna/kernels/dispatch/dispatch.hpp"
#include "lacuna/kernels/gemm/onednn.hpp"
#include "lacuna/kernels/softmax/softmax.hpp"

namespace lacuna::kernels {
namespace {

constexpr std::int64_t kQueryBlock = 64;        // 64 queries × 512 keys of f32 scores: 128 KiB, inside L2
constexpr std::int64_t kSerialFlops = 1 << 19;  // less work than this stays on the calling thread

struct Block {
  std::int64_t sequence;
  std::int64_t head;
  std::int64_t first_row;  // of the sequence's queries
  std::int64_t rows;
};

Block block_at(const AttentionShape& shape, std::int64_t index) {
  const std::int64_t per_head = (shape.query_length + kQueryBlock - 1) / kQueryBlock;
  // The longest blocks, those of the last queries, come first: what is left over at the end is then small.
  const std::int64_t first_row = (per_head - 1 - index % per_head) * kQueryBlock;
  const std::int64_t pair = index / per_head;
  return {pair / shape.heads, pair % shape.heads, first_row, std::min(kQueryBlock, shape.query_length - first_row)};
}

void attend_block(const AttentionShape& shape, const Block& block, MatrixView<const float> queries,
                  MatrixView<const float> keys, MatrixView<const float> values, float* score_buffer,
                  MatrixView<float> out) {
  const std::int64_t d = shape.head_dim;
  const std::int64_t first_position = shape.key_length - shape.query_length + block.first_row;
  const std::int64_t key_end = first_position + block.rows;
  const std::int64_t key_begin = shape.window > 0 ? std::max<std::int64_t>(0, first_position - shape.window + 1) : 0;
  const std::int64_t n_keys = key_end - key_begin;

  const std::int64_t query_row = block.sequence * shape.query_length + block.first_row;
  const std::int64_t key_row = block.sequence * shape.key_length + key_begin;
  const std::int64_t kv_column = block.head / (shape.heads / shape.kv_heads) * d;
  const MatrixView<float> scores(score_buffer, block.rows, n_keys);

  onednn::sgemm(queries.block(query_row, block.rows, block.head * d, d), keys.block(key_row, n_keys, kv_column, d),
                onednn::Transpose::yes, scores, shape.scale, 0.0F);
  for (std::int64_t r = 0; r < block.rows; ++r) {
    const std::int64_t position = first_position + r;
    const std::int64_t first = shape.window > 0 ? std::max<std::int64_t>(0, position - shape.window + 1) : 0;
    softmax_window({scores.row(r), static_cast<std::size_t>(n_keys)}, first - key_begin, position + 1 - key_begin);
  }
  onednn::sgemm(scores, values.block(key_row, n_keys, kv_column, d), onednn::Transpose::no,
                out.block(query_row, block.rows, block.head * d, d), 1.0F, 0.0F);
}

}  // namespace

void causal_attention(const AttentionShape& shape, MatrixView<const float> queries, MatrixView<const float> keys,
                      MatrixView<const float> values, MatrixView<float> out) {
  LACUNA_ASSERT(shape.key_length >= shape.query_length && shape.heads % shape.kv_heads == 0);
  LACUNA_ASSERT(queries.rows == shape.sequences * shape.query_length &&
                keys.rows == shape.sequences * shape.key_length);
  if (!use_simd()) return scalar::causal_attention(shape, queries, keys, values, out);
  const std::int64_t per_head = (shape.query_length + kQueryBlock - 1) / kQueryBlock;
  const std::int64_t n_blocks = shape.sequences * shape.heads * per_head;
  const std::int64_t flops = 4 * shape.sequences * shape.heads * shape.head_dim * shape.query_length * shape.key_length;
  const auto n_scores = static_cast<std::size_t>(std::min(kQueryBlock, shape.query_length) * shape.key_length);
  std::exception_ptr failure;
  std::mutex failure_mutex;
#pragma omp parallel if (flops > kSerialFlops)
  {
    // Products stay on their block's thread. Without this, a region of one thread lets the library start another at
    // every product, beside the pool's, which spins: 20 times the time a token.
    omp_set_num_threads(1);
    AlignedBuffer<float> scores;
#pragma omp for schedule(dynamic)
    for (std::int64_t i = 0; i < n_blocks; ++i) {
      try {  // inside the loop, which every thread has to reach
        if (scores.empty()) scores = AlignedBuffer<float>(n_scores);
        attend_block(shape, block_at(shape, i), queries, keys, values, scores.data(), out);
      } catch (...) {
        const std::lock_guard<std::mutex> lock(failure_mutex);
        if (!failure) failure = std::current_exception();
      }
    }
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace lacuna::kernels
