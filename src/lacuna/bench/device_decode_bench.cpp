#include "lacuna/bench/device_decode_bench.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "lacuna/bench/device_bench.hpp"
#include "lacuna/bench/random_device_model.hpp"
#include "lacuna/core/error.hpp"

namespace lacuna {
namespace {

constexpr int kSteps = 20;  // of a round, timed
constexpr std::int64_t kCapacity = kRandomPromptTokens + kSteps;
constexpr double kLogitTolerance = 0.01;
constexpr std::int64_t kHeadCalls = 32;  // in a graph
using Clock = std::chrono::steady_clock;

void check_logits(const char* what, const std::vector<float>& found, const std::vector<float>& expected) {
  double error = 0.0;
  double size = 0.0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const double difference = static_cast<double>(found[i]) - static_cast<double>(expected[i]);
    error += difference * difference;
    size += static_cast<double>(expected[i]) * static_cast<double>(expected[i]);
  }
  const double relative = std::sqrt(error / size);
  if (relative <= kLogitTolerance) return;  // false where either is not finite
  throw Error(ErrorCode::internal, fmt::format("{}: logits are {:.3g} from the dense model's, expected at most {}; "
                                               "not timed",
                                               what, relative, kLogitTolerance));
}

void time_round(DeviceDecoder& decoder, std::vector<double>& seconds) {
  (void)start_random(decoder, kCapacity);
  const std::int64_t vocabulary = decoder.config().vocab_size;
  for (int i = 0; i < kSteps; ++i) {
    const auto token = static_cast<std::int32_t>(i * 53 % vocabulary);
    const auto from = Clock::now();
    (void)decoder.advance({&token, 1}, {});
    seconds.push_back(std::chrono::duration<double>(Clock::now() - from).count());
  }
}

// Norm and product with the vocabulary, in a chain of their own.
double head_seconds(const DeviceWeights& weights, int rounds, const RunContext& context) {
  const auto hidden = static_cast<std::size_t>(weights.config.hidden_size);
  const std::vector<float> values(hidden, 1.0F);
  const kernels::DeviceBuffer x(values.data(), hidden * sizeof(float));
  kernels::DeviceBuffer logits(static_cast<std::size_t>(weights.config.vocab_size) * sizeof(float));
  const kernels::DeviceQueue queue;
  const kernels::ProductInput input = {x.data(), kernels::InputKind::normalised,
                                       reinterpret_cast<const float*>(weights.final_norm.data()), 1e-5F};
  const DeviceCall call = {kHeadCalls, [&](std::int64_t) {
                             weights.head->run(input, {logits.data(), kernels::OutputKind::store_f32},
                                               {queue.stream(), weights.overlap()});
                           }};
  return time_on_device({&call, 1}, queue, rounds, context)[0].median;
}

DecodeTiming time_in_turns(DeviceDecoder& dense, DeviceDecoder& sparse, const DecodeBench& request,
                           const RunContext& context) {
  std::vector<double> seconds[2];
  for (int round = 0; round < request.timing.rounds; ++round) {
    context.check_stop();
    time_round(dense, seconds[0]);
    time_round(sparse, seconds[1]);
  }
  DecodeTiming result;
  result.timing.dense = call_time(seconds[0]);
  result.timing.time = call_time(seconds[1]);
  result.timing.dense_bytes = static_cast<double>(dense.weights().step_bytes());
  result.timing.bytes = static_cast<double>(sparse.weights().step_bytes());
  result.head_seconds = head_seconds(sparse.weights(), request.timing.rounds, context);
  result.timing.bandwidth = device_copy_bandwidth(request.timing.rounds, context);
  return result;
}

// Packed; unstructured also with thresholds on its inputs that leave out as large a share of them.
std::vector<DecodeTiming> measure_packed(const DecodeBench& request, const RandomWeights& weights,
                                         const RunContext& context) {
  const RandomDeviceModel model(random_model_config(request.shape), weights);
  DeviceDecoder dense(model.upload(DeviceForm::dense));
  const auto form = weights.two_of_four ? DeviceForm::two_four : DeviceForm::bundles;
  DeviceDecoder packed(model.upload(form, !weights.two_of_four));
  check_logits("packed", start_random(packed, kCapacity), start_random(dense, kCapacity));
  std::vector<DecodeTiming> results = {time_in_turns(dense, packed, request, context)};
  results.back().format = weights.two_of_four ? DecodeFormat::two_four : DecodeFormat::packed;
  if (!weights.two_of_four) {
    set_input_quantiles(packed, weights.zeros);
    results.push_back(time_in_turns(dense, packed, request, context));
    results.back().format = DecodeFormat::both;
  }
  for (DecodeTiming& result : results) result.timing.sparsity = weights.zeros;
  return results;
}

DecodeTiming measure_activation(DeviceDecoder& dense, DeviceDecoder& columns, const DecodeBench& request,
                                double sparsity, const RunContext& context) {
  set_input_quantiles(columns, sparsity);
  const double bytes = active_bytes(columns);
  DecodeTiming result = time_in_turns(dense, columns, request, context);
  result.timing.bytes = bytes;
  result.format = DecodeFormat::activation;
  result.timing.sparsity = sparsity;
  return result;
}

}  // namespace

std::vector<DecodeTiming> bench_decode_cuda(const DecodeBench& request, const RunContext& context) {
  check_decode_sparsities(request.sparsities);
  check_device_type(request.dtype);
  require_device_support(random_model_config(request.shape));
  std::vector<DecodeTiming> timings;
  const auto add = [&](const DecodeTiming& timing, const char* format) {
    timings.push_back(timing);
    if (request.finished) request.finished(timing);
    context.report({"bench decode", fmt::format("{} {:g} %", format, 100.0 * timing.timing.sparsity), "timings",
                    timings.size(), 3 * request.sparsities.size() + 1, 0.0});
  };
  const DType dtype = request.dtype;
  for (const double zeros : request.sparsities) {
    const auto results = measure_packed(request, {dtype, zeros, false, request.seed}, context);
    add(results.front(), "packed");
    add(results.back(), "both");
  }
  add(measure_packed(request, {dtype, 0.5, true, request.seed}, context).front(), "2:4");
  const RandomDeviceModel model(random_model_config(request.shape), {dtype, 0.0, false, request.seed});
  DeviceDecoder dense(model.upload(DeviceForm::dense));
  DeviceDecoder columns(model.upload(DeviceForm::columns));
  check_logits("activation", start_random(columns, kCapacity), start_random(dense, kCapacity));
  for (const double sparsity : request.sparsities) {
    add(measure_activation(dense, columns, request, sparsity, context), "activation");
  }
  return timings;
}

}  // namespace lacuna
