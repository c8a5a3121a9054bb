// Decoding one token at a time on a CUDA device.
//
//   DeviceDecoder decoder(load_device_weights(model, {}, context));
//   auto tokens = generate_tokens(decoder, prompt, options, on_token, context);
//
// A step is: embed the token; per layer norm·{q, k, v}, attention, output projection into the residual stream,
// norm·{gate, up}, down projection of silu(gate)·up into the residual stream; norm·head. The launches of a step are
// recorded once as a graph that reads token and position from device memory; each may start while the one before it
// ends; where weights are columns, all layers are one launch, where the device can. A prompt of several tokens goes
// through the layers in chunks first (device_prompt.hpp), all but its last token.
//
// Accuracy  sums, norms, attention and the residual stream in f32; inputs of products, keys and values are rounded to
//           the weights' type. The same tokens give the same logits every time on one device type; dense and packed
//           weights add in another order, so theirs differ by rounding.
// Memory    on the device: the weights, and for `capacity` positions 2·layers·kv_heads·head_dim·2 bytes each.
// Threads   one call at a time per object.
// Errors    bad_token; interrupted; out_of_memory; io_failed: the driver refused. set_thresholds: missing_tensor, a
//           threshold for a linear that the model does not have; invalid_argument, weights that are not columns, or a
//           threshold that is not finite and at least 0.
//
// Built only with LACUNA_CUDA.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "lacuna/kernels/device/graph.hpp"
#include "lacuna/model/device_layers.hpp"
#include "lacuna/model/device_prompt.hpp"
#include "lacuna/model/device_weights.hpp"
#include "lacuna/model/logit_source.hpp"
#include "lacuna/model/whole_forward.hpp"

namespace lacuna {

class DeviceDecoder final : public LogitSource {
 public:
  static constexpr std::int64_t kPromptTokens = 512;

  explicit DeviceDecoder(DeviceWeights weights);
  DeviceDecoder(const DeviceDecoder&) = delete;  // prompts refer to the weights in place
  DeviceDecoder& operator=(const DeviceDecoder&) = delete;

  const DecoderConfig& config() const override { return weights_.config; }
  void start(std::int64_t capacity) override;
  std::span<const float> advance(std::span<const std::int32_t> tokens, const RunContext& context) override;

  // Of a prompt's chunk; 0: prompts go through the step too, token by token.
  void set_prompt_tokens(std::int64_t tokens);

  // Input thresholds of linears (layer.hpp) whose weights are columns; those not named keep theirs.
  void set_thresholds(std::span<const InputThreshold> thresholds);
  void set_group_threshold(std::int64_t layer, InputGroup group, float threshold);  // of all that read one input

  // As advance for one token, without logits; shows every product's input, as it is read, before the product runs. The
  // callback may set thresholds.
  using DeviceTap = std::function<void(std::int64_t layer, InputGroup group, std::span<const float> input)>;
  void observe(std::int32_t token, const DeviceTap& tap);

  const DeviceWeights& weights() const { return weights_; }
  std::int64_t position() const { return position_; }

 private:
  struct State {
    std::int32_t token;
    std::int32_t position;
  };

  void check_token(std::int32_t token, std::size_t index) const;
  void set_state(std::int32_t token);
  void record();
  void run_step(bool with_logits, const DeviceTap& tap);
  void run_layer(std::int64_t index, const DeviceTap& tap);
  kernels::DecodeAttention attention_of(std::int64_t index);
  std::size_t run_prompt(std::span<const std::int32_t> tokens, const RunContext& context);
  std::vector<float> read_input(const kernels::ProductInput& input, std::int64_t cols) const;

  DeviceLaunch launch() const { return {queue_.stream(), overlap_}; }

  DeviceWeights weights_;
  std::int64_t prompt_tokens_ = kPromptTokens;
  kernels::Overlap overlap_;
  kernels::DeviceQueue queue_;
  kernels::DeviceBuffer state_;
  kernels::DeviceBuffer hidden_;   // f32
  kernels::DeviceBuffer qkv_;      // of the weights' type, as all but the logits
  kernels::DeviceBuffer context_;  // attention's output
  kernels::DeviceBuffer inner_;    // silu(gate)·up
  kernels::DeviceBuffer logits_;   // f32
  kernels::DeviceBuffer scratch_;  // of attention
  kernels::DeviceBuffer cosines_;
  kernels::DeviceBuffer sines_;
  kernels::DeviceBuffer cache_;  // of each layer keys, then values
  kernels::HostBuffer host_state_;
  kernels::HostBuffer host_logits_;
  std::optional<kernels::DecodeLayers> layers_;  // where all weights are columns and the device can
  kernels::DeviceGraph step_;
  kernels::DeviceGraph prompt_step_;
  std::optional<DevicePrompt> prompt_;  // once one has been long enough
  std::int64_t capacity_ = 0;
  std::int64_t position_ = 0;
};

}  // namespace lacuna
