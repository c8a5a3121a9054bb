#include "lacuna/bench/random_device_model.hpp"

#include <algorithm>
#include <cmath>

#include "lacuna/bench/random_model.hpp"

namespace lacuna {
namespace {

// The rows of gate and up in turns, as packed products take them.
AlignedBuffer<std::byte> interleaved(BenchShape shape, std::span<const std::byte> weights) {
  const std::size_t row = static_cast<std::size_t>(shape.cols) * 2;
  const auto half = static_cast<std::size_t>(shape.rows) / 2;
  AlignedBuffer<std::byte> rows(weights.size());
  for (std::size_t r = 0; r < half; ++r) {
    std::copy_n(weights.data() + r * row, row, rows.data() + 2 * r * row);
    std::copy_n(weights.data() + (half + r) * row, row, rows.data() + (2 * r + 1) * row);
  }
  return rows;
}

}  // namespace

RandomDeviceModel::RandomDeviceModel(const DecoderConfig& c, const RandomWeights& weights)
    : config_(c), dtype_(weights.dtype) {
  add({c.query_size(), c.kv_size(), c.kv_size()}, c.hidden_size, weights);
  add({c.hidden_size}, c.query_size(), weights);
  add({c.intermediate_size, c.intermediate_size}, c.hidden_size, weights);
  groups_.back().matrix.gate = true;
  add({c.hidden_size}, c.intermediate_size, weights);
  const BenchShape table = {c.vocab_size, c.hidden_size};
  embedding_ = random_weights(dtype_, table, 0.0, weights.seed + 100, kRandomModelScale);
  head_ = random_weights(dtype_, table, 0.0, weights.seed + 101, kRandomModelScale);
}

void RandomDeviceModel::add(std::vector<std::int64_t> parts, std::int64_t cols, const RandomWeights& weights) {
  std::int64_t rows = 0;
  for (const auto n : parts) rows += n;
  const BenchShape shape = {rows, cols};
  const std::uint64_t seed = weights.seed + groups_.size();
  auto values = random_weights(dtype_, shape, weights.two_of_four ? 0.0 : weights.zeros, seed, kRandomModelScale);
  if (weights.two_of_four) leave_two_of_four(values, shape, seed);
  groups_.push_back({{dtype_, shape, std::move(parts), false}, std::move(values)});
}

std::vector<DeviceProduct> RandomDeviceModel::products(const Group& group, DeviceForm form) const {
  const bool packed = form == DeviceForm::bundles || form == DeviceForm::two_four;
  if (!packed || !group.matrix.gate) {
    return make_device_products(form, group.matrix, group.weights.span(), config_.n_layers);
  }
  const auto pairs = interleaved(group.matrix.shape, group.weights.span());
  return make_device_products(form, group.matrix, pairs.span(), config_.n_layers);
}

DeviceWeights RandomDeviceModel::upload(DeviceForm form, bool thresholded) const {
  const DecoderConfig& c = config_;
  const DeviceMatrix table = {dtype_, {c.vocab_size, c.hidden_size}, {}, false};
  const std::vector<float> norm(static_cast<std::size_t>(c.hidden_size), 1.0F);
  const auto ones = [&] { return kernels::DeviceBuffer(norm.data(), norm.size() * sizeof(float)); };
  DeviceWeights weights{c, dtype_, make_device_dense(table, embedding_.span()), {}, ones(), {}};
  weights.head.emplace(make_device_dense(table, head_.span()));
  std::vector<std::vector<DeviceProduct>> groups;
  groups.reserve(groups_.size());
  for (const Group& group : groups_) {
    groups.push_back(products(group, form));
    if (!thresholded || form == DeviceForm::columns) continue;
    for (DeviceProduct& product : groups.back()) product.take_thresholds(group.matrix.part_rows().size());
  }
  for (std::size_t i = 0; i < static_cast<std::size_t>(c.n_layers); ++i) {
    weights.layers.push_back(DeviceLayer{std::move(groups[0][i]),
                                         std::move(groups[1][i]),
                                         std::move(groups[2][i]),
                                         std::move(groups[3][i]),
                                         ones(),
                                         ones(),
                                         {},
                                         {},
                                         {},
                                         {},
                                         {},
                                         {}});
  }
  return weights;
}

std::vector<float> start_random(DeviceDecoder& decoder, std::int64_t capacity) {
  decoder.set_prompt_tokens(0);  // through the steps that are measured
  decoder.start(capacity);
  std::vector<std::int32_t> tokens;
  tokens.reserve(kRandomPromptTokens);
  const std::int64_t vocabulary = decoder.config().vocab_size;
  for (std::int64_t i = 0; i < kRandomPromptTokens; ++i) {
    tokens.push_back(static_cast<std::int32_t>(i * 37 % vocabulary));
  }
  const auto logits = decoder.advance(tokens, {});
  return {logits.begin(), logits.end()};
}

void set_input_quantiles(DeviceDecoder& decoder, double sparsity) {
  (void)start_random(decoder, kRandomPromptTokens + 4);
  decoder.observe(1, [&](std::int64_t layer, InputGroup group, std::span<const float> input) {
    std::vector<float> sizes(input.size());
    std::transform(input.begin(), input.end(), sizes.begin(), [](float v) { return std::fabs(v); });
    const auto at = sizes.begin() + static_cast<std::ptrdiff_t>(sparsity * static_cast<double>(sizes.size() - 1));
    std::nth_element(sizes.begin(), at, sizes.end());
    decoder.set_group_threshold(layer, group, *at);
  });
}

double active_bytes(DeviceDecoder& decoder) {
  double bytes = static_cast<double>(decoder.weights().head->bytes());
  decoder.observe(2, [&](std::int64_t layer, InputGroup group, std::span<const float> input) {
    const auto& product = decoder.weights().layers[static_cast<std::size_t>(layer)].product(group);
    const std::string_view form = product.form();
    if (form != "columns") {
      bytes += static_cast<double>(product.bytes());
      return;
    }
    const float threshold = product.threshold(0);
    const auto active =
        std::count_if(input.begin(), input.end(), [&](float v) { return !(std::fabs(v) <= threshold); });
    bytes += static_cast<double>(product.bytes()) * static_cast<double>(active) / static_cast<double>(input.size());
  });
  return bytes;
}

}  // namespace lacuna
