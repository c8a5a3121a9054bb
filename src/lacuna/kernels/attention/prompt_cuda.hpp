// Causal attention of several new tokens on a CUDA device: those of a prompt, which follow what the cache holds.
//
//   for each token t of the chunk, at position p + t: what cuda.hpp says, with all keys up to its own
//
// Layout    qkv: tokens × qkv_stride, each row as in cuda.hpp; out: tokens × out_stride, heads·d of each written. The
//           rest as in cuda.hpp; scratch is not used.
// Accuracy  scores and sums in f32; queries and the softmax's weights are rounded to the type before they are
//           multiplied. The same bits every time.
// Cost      4·tokens·keys·d operations a head on tensor cores, up to 126 masked keys a query computed in vain; two
//           launches, asynchronous on the stream.
// Threads   safe on distinct outputs and caches.
// Errors    Error{invalid_argument}: dtype or shape, a chunk beyond the cache; Error{io_failed}: the driver refused.
// Source    arXiv:2307.08691 (queries over warps, online softmax).
#pragma once

#include "lacuna/kernels/attention/cuda.hpp"

namespace lacuna::kernels {

struct PromptChunk {
  const void* qkv = nullptr;
  std::int64_t qkv_stride = 0;  // elements, a multiple of 8
  void* out = nullptr;
  std::int64_t out_stride = 0;
  std::int64_t tokens = 0;
  std::int64_t position = 0;  // of the first
};

void prompt_attention_cuda(const DecodeAttention& attention, const PromptChunk& chunk, DeviceStream stream = nullptr);

}  // namespace lacuna::kernels
