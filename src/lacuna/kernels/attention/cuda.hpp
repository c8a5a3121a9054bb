// One decoding step of causal attention on a CUDA device: the newest token's query against a cache of keys and values.
//
//   q, k ← rope(norm(q)), rope(norm(k)) at position p; k and v go into the cache at p
//   out_h = softmax(scale · q_h·K_g, keys max(0, p − window + 1) … p) · V_g             g = h / (heads / kv_heads)
//
// The position is read from device memory, so that a recorded graph serves every position.
//
// Layout    qkv: heads·d queries, kv_heads·d keys, kv_heads·d values of the newest token. Cache: kv_heads × capacity ×
//           d. cosines, sines: capacity × d/2 f32, or null. query_norm, key_norm: d f32, or null. out: heads·d. qkv,
//           cache and out are of one type, f16 or bf16; they and the tables are aligned to 16 bytes; d a multiple of 8,
//           at most 256.
// Accuracy  f32 throughout but for the cache and out, which are rounded to the type. The keys are dealt to a fixed
//           number of groups that are merged in order: the same bits every time.
// Cost      the cached keys and values read once a query head; one launch, asynchronous on the stream.
// Threads   where launches overlap, only qkv may be the predecessor's work, the position and what
//           the cache holds are older.
// Errors    Error{invalid_argument}: dtype or shape; Error{io_failed}: the driver refused.
//           Calls that share scratch memory must follow each other.
// Source    arXiv:2205.14135 (online softmax), arXiv:2311.01282 (keys split over blocks).
#pragma once

#include <cstddef>
#include <cstdint>

#include "lacuna/core/dtype.hpp"
#include "lacuna/kernels/device/device.hpp"
#include "lacuna/kernels/device/ends.hpp"

namespace lacuna::kernels {

struct DecodeAttention {
  DType dtype = DType::f16;
  std::int64_t heads = 0;
  std::int64_t kv_heads = 0;  // divides heads
  std::int64_t head_dim = 0;
  std::int64_t capacity = 0;  // positions
  std::int64_t window = 0;    // 0: none
  float scale = 1.0F;
  float epsilon = 0.0F;  // of the norms
  const float* query_norm = nullptr;
  const float* key_norm = nullptr;
  const float* cosines = nullptr;
  const float* sines = nullptr;
  void* keys = nullptr;
  void* values = nullptr;
  void* scratch = nullptr;  // decode_attention_scratch_bytes(), zeros before the first call
};

std::size_t decode_attention_scratch_bytes(std::int64_t heads, std::int64_t head_dim);

void decode_attention_cuda(const DecodeAttention& attention, const void* qkv, const std::int32_t* position, void* out,
                           DeviceStream stream = nullptr, Overlap overlap = Overlap::none);

}  // namespace lacuna::kernels
