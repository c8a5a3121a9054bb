#include "model/device_parts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <string>

#include "lacuna/core/error.hpp"
#include "lacuna/core/random.hpp"
#include "lacuna/kernels/attention/cuda.hpp"
#include "lacuna/kernels/device/graph.hpp"

namespace lacuna::bench {
namespace {

using kernels::DeviceBuffer;
using kernels::InputKind;
using kernels::OutputKind;
using kernels::ProductInput;

constexpr std::int64_t kCached = 128;  // positions that attention sees
constexpr float kThreshold = 0.5F;

class Parts {
 public:
  explicit Parts(DeviceWeights& weights) : w_(weights), c_(weights.config) {
    const std::int64_t widest = std::max(2 * c_.intermediate_size, c_.query_size() + 2 * c_.kv_size());
    std::vector<float> bits;  // zeros and ones: half of the columns are active at a threshold between them
    std::vector<std::uint16_t> narrow;
    Random random(1);
    for (std::int64_t i = 0; i < widest; ++i) {
      bits.push_back(static_cast<float>(random.below(2)));
      narrow.push_back(f32_to_f16(bits.back()));
    }
    hidden_ = DeviceBuffer(bits.data(), static_cast<std::size_t>(c_.hidden_size) * 4);
    x_ = DeviceBuffer(narrow.data(), narrow.size() * 2);
    y_ = DeviceBuffer(static_cast<std::size_t>(widest) * 4);
    cache_ = DeviceBuffer(w_.layers.size() * 2 * kCached * static_cast<std::size_t>(c_.kv_size()) * 2);
    cache_.fill(0);
    const std::int32_t newest = kCached - 1;
    position_ = DeviceBuffer(&newest, sizeof newest);
  }

  double product(InputGroup group) {
    return time([&](DeviceLayer& layer) { run(layer, group); });
  }

  double attention() {
    std::int64_t layer = 0;
    kernels::DecodeAttention a;
    a.heads = c_.n_heads;
    a.kv_heads = c_.n_kv_heads;
    a.head_dim = c_.head_dim;
    a.capacity = kCached;
    return time([&](DeviceLayer&) {
      const std::int64_t bytes = kCached * c_.kv_size() * 2;
      a.keys = cache_.data() + layer++ % c_.n_layers * 2 * bytes;
      a.values = static_cast<std::byte*>(a.keys) + bytes;
      kernels::decode_attention_cuda(a, x_.data(), reinterpret_cast<const std::int32_t*>(position_.data()), y_.data(),
                                     queue_.stream(), w_.overlap());
    });
  }

  void set_options(InputGroup group, const kernels::SparseGemvOptions& options) {
    for (DeviceLayer& layer : w_.layers) layer.product(group).set_options(options);
  }

 private:
  double time(const std::function<void(DeviceLayer&)>& launch) {
    const auto chain = [&] {
      for (DeviceLayer& layer : w_.layers) launch(layer);
    };
    chain();
    const auto graph = kernels::DeviceGraph::record(queue_, chain);
    std::vector<double> seconds;
    for (int i = 0; i < 7; ++i) seconds.push_back(kernels::device_seconds(queue_, [&] { graph.launch(queue_); }));
    std::nth_element(seconds.begin(), seconds.begin() + 3, seconds.end());
    return seconds[3] / static_cast<double>(w_.layers.size()) * 1e6;
  }

  void run(DeviceLayer& layer, InputGroup group) {
    const auto normed = [&](const DeviceBuffer& weight) {
      return ProductInput{hidden_.data(), InputKind::normalised, reinterpret_cast<const float*>(weight.data()), 1e-5F};
    };
    const kernels::ProductOutput residual{y_.data(), OutputKind::add_f32};
    switch (group) {
      case InputGroup::attention: return layer.qkv.run(normed(layer.attention_norm), {y_.data()}, launch());
      case InputGroup::attention_output: return layer.output.run({x_.data()}, residual, launch());
      case InputGroup::mlp: return layer.gate_up.run_gate(normed(layer.mlp_norm), nullptr, y_.data(), launch());
      case InputGroup::mlp_output: return layer.down.run({x_.data()}, residual, launch());
    }
  }

  DeviceLaunch launch() const { return {queue_.stream(), w_.overlap()}; }

  DeviceWeights& w_;
  const DecoderConfig& c_;
  kernels::DeviceQueue queue_;
  DeviceBuffer hidden_;
  DeviceBuffer x_;
  DeviceBuffer y_;
  DeviceBuffer cache_;
  DeviceBuffer position_;
};

// The fastest three ways to launch a product of columns.
std::string fastest(Parts& parts, InputGroup group) {
  std::vector<std::pair<double, std::string>> found;
  for (const int tile : {64, 512}) {
    for (const int splits : {1, 2, 4, 8}) {
      for (const int warps : {4, 8, 16}) {
        parts.set_options(group, {warps, splits, tile});
        found.emplace_back(parts.product(group), fmt::format("{}w {}s {}t", warps, splits, tile));
      }
    }
  }
  parts.set_options(group, {});
  std::sort(found.begin(), found.end());
  std::string text;
  for (std::size_t i = 0; i < 3; ++i) text += fmt::format(" [{}: {:.1f}]", found[i].second, found[i].first);
  return text;
}

}  // namespace

void print_parts(DeviceWeights& weights) {
  const auto set_thresholds = [&](float threshold) {
    for (DeviceLayer& layer : weights.layers) {
      for (const InputGroup group :
           {InputGroup::attention, InputGroup::attention_output, InputGroup::mlp, InputGroup::mlp_output}) {
        DeviceProduct& product = layer.product(group);
        for (std::size_t part = 0; part < product.parts(); ++part) product.set_threshold(part, threshold);
      }
    }
  };
  set_thresholds(kThreshold);
  Parts parts(weights);
  for (const InputGroup group :
       {InputGroup::attention, InputGroup::attention_output, InputGroup::mlp, InputGroup::mlp_output}) {
    const std::size_t bytes = weights.layers[0].product(group).bytes();
    fmt::print("  {:<18} {:6.1f} us, {:.1f} MB{}\n", input_group_name(group), parts.product(group),
               static_cast<double>(bytes) * 1e-6,
               weights.layers[0].product(group).parts() > 0 ? fastest(parts, group) : "");
  }
  fmt::print("  {:<18} {:6.1f} us\n", "attention itself", parts.attention());
  set_thresholds(-1.0F);
}

}  // namespace lacuna::bench
