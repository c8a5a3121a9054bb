// A LLaMA of any size with random weights on the CUDA device, in any of its forms, for timing.
//
//   const RandomDeviceModel model(config, {DType::f16, 0.5});
//   DeviceDecoder decoder(model.upload(DeviceForm::bundles));
//   start_random(decoder, capacity);
//
// All layers hold equal weights at addresses of their own, so that a token reads all of them from memory. Embedding and
// head are dense and never 0.
//
// Memory   one layer and the tables on the host, everything in its form on the device.
// Errors   those of the forms; Error{out_of_memory}. Built only with LACUNA_CUDA.
#pragma once

#include <cstdint>
#include <vector>

#include "lacuna/bench/device_products.hpp"
#include "lacuna/model/device_decoder.hpp"

namespace lacuna {

struct RandomWeights {
  DType dtype = DType::f16;
  double zeros = 0.0;        // the share of a layer's weights that is 0
  bool two_of_four = false;  // instead: two of every four consecutive ones
  std::uint64_t seed = 0;
};

class RandomDeviceModel {
 public:
  RandomDeviceModel(const DecoderConfig& config, const RandomWeights& weights);

  // thresholded: packed forms take thresholds, as columns do.
  DeviceWeights upload(DeviceForm form, bool thresholded = false) const;

 private:
  struct Group {
    DeviceMatrix matrix;
    AlignedBuffer<std::byte> weights;
  };

  void add(std::vector<std::int64_t> parts, std::int64_t cols, const RandomWeights& weights);
  std::vector<DeviceProduct> products(const Group& group, DeviceForm form) const;

  DecoderConfig config_;
  DType dtype_;
  std::vector<Group> groups_;  // {q, k, v}, output, gate and up, down
  AlignedBuffer<std::byte> embedding_;
  AlignedBuffer<std::byte> head_;
};

inline constexpr std::int64_t kRandomPromptTokens = 16;

// A sequence of that many tokens through the steps of single tokens; the last one's logits.
std::vector<float> start_random(DeviceDecoder& decoder, std::int64_t capacity);

// Thresholds of columns that leave out `sparsity` of every product's input at one token after start_random.
void set_input_quantiles(DeviceDecoder& decoder, double sparsity);

// Bytes that the token after that reads: the head's, packed products', and of columns those whose input counts.
double active_bytes(DeviceDecoder& decoder);

}  // namespace lacuna
