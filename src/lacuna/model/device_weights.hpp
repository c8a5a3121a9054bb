// A decoder's weights in the memory of a CUDA device.
//
//   DeviceWeights weights = load_device_weights(decoder, {}, context);
//
// Linears that read one input form one product: {q, k, v}, {o}, {gate, up}, {down}. A product whose linears are packed
// stays packed, as 2:4 where every linear has that layout; where not every linear is, or columns are asked for and
// keep_packed does not say otherwise, packed ones are expanded. f16 and bf16 weights keep their type; others are
// rounded to bf16.
//
// Families  RMSNorm before each block, RoPE, a gated MLP with SiLU, no projection around the embedding: LLaMA, Mistral,
//           Qwen2, Qwen3. The rest: Error{unsupported_model}, which names what is missing.
// Memory    on the device the weights; on the host one product at a time.
// Threads   parallel inside.
// Errors    out_of_memory (of the device too), io_failed (the driver refused), interrupted, unsupported_model.
//
// Built only with LACUNA_CUDA.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "lacuna/core/run_context.hpp"
#include "lacuna/kernels/device/device.hpp"
#include "lacuna/model/decoder.hpp"
#include "lacuna/model/device_product.hpp"

namespace lacuna {

// Of a packed product; above, 2:4 blocks have no room for the input (kernels/packed_gemv/two_four.hpp).
inline constexpr std::int64_t kMostPackedColumns = 30000;

struct DeviceLayer {
  DeviceProduct qkv;
  DeviceProduct output;
  DeviceProduct gate_up;
  DeviceProduct down;
  kernels::DeviceBuffer attention_norm;  // f32
  kernels::DeviceBuffer mlp_norm;
  kernels::DeviceBuffer query_norm;  // empty: none
  kernels::DeviceBuffer key_norm;
  kernels::DeviceBuffer qkv_bias;  // of the weights' type; empty: none
  kernels::DeviceBuffer output_bias;
  kernels::DeviceBuffer gate_up_bias;
  kernels::DeviceBuffer down_bias;

  DeviceProduct& product(InputGroup group);
  const DeviceProduct& product(InputGroup group) const { return const_cast<DeviceLayer*>(this)->product(group); }
};

struct DeviceWeights {
  DecoderConfig config;
  DType dtype = DType::f16;
  kernels::DeviceDense embedding;     // vocab×hidden
  std::optional<DeviceProduct> head;  // absent: the embedding
  kernels::DeviceBuffer final_norm;   // f32
  std::vector<DeviceLayer> layers;

  kernels::Overlap overlap() const;  // of the launches of a step
  std::size_t step_bytes() const;    // of the weights of one step's products
};

struct DeviceLoadOptions {
  bool columns = false;  // for input thresholds
  // Then: packed linears of one input that stay packed and take one threshold (device_product.hpp). Null: none.
  std::function<bool(std::int64_t layer, std::span<const Linear* const> linears)> keep_packed = nullptr;
};

// Whether that takes no longer than dense columns would, of which a share of `input_sparsity` is skipped. Fitted to
// the tokens that an H200 decodes a second: docs/kernels-cuda.md, "Both sparsities".
bool packed_outruns_columns(std::span<const Linear* const> packed, double input_sparsity);

void require_device_support(const DecoderConfig& config);
DeviceWeights load_device_weights(const Decoder& decoder, const DeviceLoadOptions& options, const RunContext& context);

// Packed rows as bundles for all warps of this device.
kernels::DeviceRowBundles upload_row_bundles(std::span<const kernels::PackedRows> parts, kernels::RowOrder order);

}  // namespace lacuna
