#include "lacuna/bench/decode_bench.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>

#include "lacuna/core/error.hpp"
#include "lacuna/kernels/convert/convert.hpp"
#include "lacuna/kernels/norm/norm.hpp"
#include "lacuna/model/forward.hpp"

namespace lacuna {
namespace {

constexpr std::int64_t kContext = 128;  // positions before a sequence starts anew

// One model decoding one sequence after the other.
class TokenLoop {
 public:
  TokenLoop(const RandomModel& model, const std::vector<LayerWeights>& layers)
      : model_(model),
        layers_(layers),
        forward_(model.config(), Compute::f32),
        product_(Compute::f32),
        hidden_(1, model.config().hidden_size),
        logits_(1, model.config().vocab_size),
        norm_(static_cast<std::size_t>(model.config().hidden_size), 1.0F) {}

  // The most likely token after `token`.
  std::int32_t step(std::int32_t token) {
    if (!cache_ || cache_->length() == kContext) cache_.emplace(model_.config(), kContext);
    TensorView row = model_.embedding();
    row.data += token * row.shape[1] * static_cast<std::int64_t>(dtype_bytes(row.dtype));
    row.shape[0] = 1;
    kernels::to_f32(row, hidden_.data());
    for (const auto& layer : layers_) forward_.extend(layer, hidden_.view(), *cache_);
    cache_->advance(1);
    return likeliest();
  }

  std::int32_t likeliest() {
    kernels::rms_norm(hidden_.view(), norm_, 1e-5F, hidden_.view());
    product_.apply_rows(model_.head(), 0, product_.prepare(hidden_.view()), logits_.view());
    return static_cast<std::int32_t>(std::max_element(logits_.data(), logits_.data() + logits_.numel()) -
                                     logits_.data());
  }

  void decode(std::int64_t) { token_ = step(token_); }
  LayerForward& forward() { return forward_; }

 private:
  const RandomModel& model_;
  const std::vector<LayerWeights>& layers_;
  LayerForward forward_;
  LinearProduct product_;
  Matrix<float> hidden_;
  Matrix<float> logits_;
  std::vector<float> norm_;
  std::optional<KvCache> cache_;
  std::int32_t token_ = 1;
};

Matrix<float> first_states(const RandomModel& model) {
  constexpr std::int64_t kTokens = 64;
  Matrix<float> hidden(kTokens, model.config().hidden_size);
  TensorView rows = model.embedding();
  rows.shape[0] = std::min(kTokens, model.config().vocab_size);
  std::memset(hidden.data(), 0, static_cast<std::size_t>(hidden.numel()) * sizeof(float));
  kernels::to_f32(rows, hidden.data());
  return hidden;
}

// The quantile of |x| over the inputs of each layer, as the layers before it leave them.
void set_quantile_thresholds(const RandomModel& model, std::vector<LayerWeights>& layers, double sparsity) {
  Matrix<float> hidden = first_states(model);
  LayerForward forward(model.config(), Compute::f32);
  for (auto& layer : layers) {
    forward.run(layer, hidden.view(), hidden.rows(), [&](const TappedInput& tap) {
      std::vector<float> magnitudes;
      for (std::int64_t r = 0; r < tap.input.rows; ++r) {
        for (std::int64_t c = 0; c < tap.input.cols; ++c) magnitudes.push_back(std::fabs(tap.input(r, c)));
      }
      const auto rank = static_cast<std::ptrdiff_t>(sparsity * static_cast<double>(magnitudes.size() - 1));
      std::nth_element(magnitudes.begin(), magnitudes.begin() + rank, magnitudes.end());
      for (const std::size_t i : tap.linears)
        layer.linears[i].input_threshold = magnitudes[static_cast<std::size_t>(rank)];
    });
  }
}

// One layer's output for the embedding of one token.
std::vector<float> layer_output(const RandomModel& model, const LayerWeights& layer) {
  Matrix<float> states = first_states(model);
  KvCache cache(model.config(), 1);
  LayerForward forward(model.config(), Compute::f32);
  forward.extend(layer, states.view().block(0, 1, 0, states.cols()), cache);
  return {states.data(), states.data() + states.cols()};
}

void check_same(const char* what, const std::vector<float>& found, const std::vector<float>& expected,
                double tolerance) {
  double scale = 0.0;
  for (const float value : expected) scale = std::max(scale, std::fabs(static_cast<double>(value)));
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (std::fabs(static_cast<double>(found[i]) - static_cast<double>(expected[i])) <= tolerance * scale) continue;
    throw Error(ErrorCode::internal, fmt::format("{}: a layer's output {} is {:.9g}, expected {:.9g}; not timed", what,
                                                 i, found[i], expected[i]));
  }
}

// linear_bytes: of all linears in the form of `layers`.
DecodeTiming measure(const RandomModel& model, const std::vector<LayerWeights>& layers, double linear_bytes,
                     const DecodeBench& request, const RunContext& context) {
  TokenLoop dense(model, model.layers());
  TokenLoop sparse(model, layers);
  std::uint64_t seen = 0;
  const std::span<const std::byte> head(model.head().data, model.head().bytes());
  const TimedCall calls[] = {
      [&](std::int64_t) { seen += read_once(head); }, [&](std::int64_t turn) { dense.decode(turn); },
      [&](std::int64_t turn) { sparse.decode(turn); }, [&](std::int64_t) { sparse.likeliest(); }};
  const auto times = time_in_turns(calls, request.timing, context);
  DecodeTiming result;
  result.timing.dense = times[1];
  result.timing.time = times[2];
  result.timing.dense_bytes = model.linear_bytes() + model.head_bytes();
  result.timing.bandwidth = model.head_bytes() / times[0].median;
  result.head_seconds = times[3].median;
  const auto skipped = sparse.forward().skipped_weights();
  result.timing.bytes = model.head_bytes() + linear_bytes * (1.0 - skipped.value_or(0.0));
  return result;
}

DecodeTiming measure_packed(const DecodeBench& request, double sparsity, const RunContext& context) {
  const RandomModel model(request.shape, request.dtype, sparsity, request.seed);
  std::vector<LayerWeights> packed = model.copy_layers();
  const double bytes = pack_layers(packed);
  // The same bits, but for slices: sums in another order, 1e-5 of the output.
  const bool sliced = std::ranges::any_of(packed[0].linears, [](const Linear& l) { return l.slices != nullptr; });
  check_same("packed", layer_output(model, packed[0]), layer_output(model, model.layers()[0]), sliced ? 1e-4 : 0.0);
  DecodeTiming result = measure(model, packed, bytes, request, context);
  result.format = DecodeFormat::packed;
  result.timing.sparsity = sparsity;
  return result;
}

void copy_thresholds(const std::vector<LayerWeights>& from, std::vector<LayerWeights>& to) {
  for (std::size_t i = 0; i < to.size(); ++i) {
    for (std::size_t l = 0; l < to[i].linears.size(); ++l) {
      to[i].linears[l].input_threshold = from[i].linears[l].input_threshold;
    }
  }
}

DecodeTiming measure_activation(const DecodeBench& request, const RandomModel& model, std::vector<LayerWeights>& layers,
                                double sparsity, const RunContext& context) {
  auto whole = model.copy_layers();
  set_quantile_thresholds(model, whole, sparsity);
  copy_thresholds(whole, layers);
  // Sums in another order, 1e-5 of the output; and an input that lies as near to its threshold may count here and not
  // there: a weight times the threshold, 1e-2 of the largest output.
  check_same("activation", layer_output(model, layers[0]), layer_output(model, whole[0]), 0.03);
  DecodeTiming result = measure(model, layers, model.linear_bytes(), request, context);
  result.format = DecodeFormat::activation;
  result.timing.sparsity = sparsity;
  return result;
}

// As much of the weights 0 as of the inputs skipped.
DecodeTiming measure_both(const DecodeBench& request, double sparsity, const RunContext& context) {
  const RandomModel model(request.shape, request.dtype, sparsity, request.seed);
  auto whole = model.copy_layers();
  set_quantile_thresholds(model, whole, sparsity);
  std::vector<LayerWeights> packed = model.copy_layers();
  pack_layers(packed);
  copy_thresholds(whole, packed);
  double bytes = 0.0;
  for (auto& layer : packed) {
    context.check_stop();
    for (auto& linear : layer.linears) {
      linear.slices = nullptr;
      make_columns(linear);
      bytes += static_cast<double>(linear.packed_columns != nullptr ? linear.packed_columns->bytes()
                                                                    : linear.columns->bytes());
    }
  }
  for (auto& linear : whole[0].linears) make_columns(linear);
  check_same("both", layer_output(model, packed[0]), layer_output(model, whole[0]), 0.0);
  DecodeTiming result = measure(model, packed, bytes, request, context);
  result.format = DecodeFormat::both;
  result.timing.sparsity = sparsity;
  return result;
}

}  // namespace

void check_decode_sparsities(std::span<const double> sparsities) {
  for (const double sparsity : sparsities) {
    if (sparsity > 0.0 && sparsity < 1.0) continue;
    throw Error(ErrorCode::invalid_argument, fmt::format("sparsity: expected one in (0, 1), got {}", sparsity));
  }
}

std::vector<DecodeTiming> bench_decode(const DecodeBench& request, const RunContext& context) {
  check_decode_sparsities(request.sparsities);
  std::vector<DecodeTiming> timings;
  const auto add = [&](const DecodeTiming& timing, const char* format) {
    timings.push_back(timing);
    if (request.finished) request.finished(timing);
    context.report({"bench decode", fmt::format("{} {:g} %", format, 100.0 * timing.timing.sparsity), "timings",
                    timings.size(), 3 * request.sparsities.size(), 0.0});
  };
  for (const double sparsity : request.sparsities) {
    add(measure_packed(request, sparsity, context), "packed");
  }
  for (const double sparsity : request.sparsities) {
    add(measure_both(request, sparsity, context), "both");
  }
  const RandomModel model(request.shape, request.dtype, 0.0, request.seed);
  std::vector<LayerWeights> layers = model.copy_layers();
  for (auto& layer : layers) {
    context.check_stop();
    for (auto& linear : layer.linears) make_columns(linear);
  }
  for (const double sparsity : request.sparsities) {
    add(measure_activation(request, model, layers, sparsity, context), "activation");
  }
  return timings;
}

}  // namespace lacuna
