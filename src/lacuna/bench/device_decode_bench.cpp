#include "lacuna/bench/device_decode_bench.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "lacuna/bench/device_bench.hpp"
#include "lacuna/bench/device_products.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/model/device_decoder.hpp"

namespace lacuna {
namespace {

constexpr std::int64_t kPromptTokens = 16;
constexpr int kSteps = 20;  // of a round, timed
constexpr std::int64_t kCapacity = kPromptTokens + kSteps;
constexpr double kLogitTolerance = 0.01;
using Clock = std::chrono::steady_clock;

struct GroupWeights {
  DeviceMatrix matrix;
  AlignedBuffer<std::byte> weights;
};

// One layer's products by group, and the two tables, on the host.
struct HostWeights {
  DecoderConfig config;
  DType dtype;
  std::vector<GroupWeights> groups;
  AlignedBuffer<std::byte> embedding;
  AlignedBuffer<std::byte> head;

  HostWeights(const DecodeBench& request, double zeros)
      : config(random_model_config(request.shape)), dtype(request.dtype) {
    const DecoderConfig& c = config;
    add({c.query_size(), c.kv_size(), c.kv_size()}, c.hidden_size, zeros, request.seed);
    add({c.hidden_size}, c.query_size(), zeros, request.seed);
    add({c.intermediate_size, c.intermediate_size}, c.hidden_size, zeros, request.seed);
    groups.back().matrix.gate = true;
    add({c.hidden_size}, c.intermediate_size, zeros, request.seed);
    embedding = random_weights(dtype, {c.vocab_size, c.hidden_size}, 0.0, request.seed + 100, kRandomModelScale);
    head = random_weights(dtype, {c.vocab_size, c.hidden_size}, 0.0, request.seed + 101, kRandomModelScale);
  }

  void add(std::vector<std::int64_t> parts, std::int64_t cols, double zeros, std::uint64_t seed) {
    std::int64_t rows = 0;
    for (const auto n : parts) rows += n;
    const BenchShape shape = {rows, cols};
    groups.push_back({{dtype, shape, std::move(parts), false},
                      random_weights(dtype, shape, zeros, seed + groups.size(), kRandomModelScale)});
  }
};

// The rows of gate and up in turns, as packed products take them.
AlignedBuffer<std::byte> interleaved(const GroupWeights& group) {
  const std::size_t row = static_cast<std::size_t>(group.matrix.shape.cols) * 2;
  const auto half = static_cast<std::size_t>(group.matrix.shape.rows) / 2;
  AlignedBuffer<std::byte> rows(group.weights.size());
  for (std::size_t r = 0; r < half; ++r) {
    std::copy_n(group.weights.data() + r * row, row, rows.data() + 2 * r * row);
    std::copy_n(group.weights.data() + (half + r) * row, row, rows.data() + (2 * r + 1) * row);
  }
  return rows;
}

std::vector<DeviceProduct> group_products(const HostWeights& host, std::size_t index, DeviceForm form) {
  const GroupWeights& group = host.groups[index];
  const std::int64_t layers = host.config.n_layers;
  if (form != DeviceForm::bundles || !group.matrix.gate) {
    return make_device_products(form, group.matrix, group.weights.span(), layers);
  }
  return make_device_products(form, group.matrix, interleaved(group).span(), layers);
}

DeviceWeights upload(const HostWeights& host, DeviceForm form) {
  const DecoderConfig& c = host.config;
  const DeviceMatrix table = {host.dtype, {c.vocab_size, c.hidden_size}, {}, false};
  const std::vector<float> norm(static_cast<std::size_t>(c.hidden_size), 1.0F);
  const auto ones = [&] { return kernels::DeviceBuffer(norm.data(), norm.size() * sizeof(float)); };
  DeviceWeights weights{c, host.dtype, make_device_dense(table, host.embedding.span()), {}, ones(), {}};
  weights.head.emplace(make_device_dense(table, host.head.span()));
  std::vector<std::vector<DeviceProduct>> groups;
  for (std::size_t g = 0; g < host.groups.size(); ++g) groups.push_back(group_products(host, g, form));
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

std::vector<float> start(DeviceDecoder& decoder) {
  decoder.set_prompt_tokens(0);  // through the steps that are measured
  decoder.start(kCapacity);
  std::vector<std::int32_t> tokens;
  const std::int64_t vocabulary = decoder.config().vocab_size;
  for (std::int64_t i = 0; i < kPromptTokens; ++i) tokens.push_back(static_cast<std::int32_t>(i * 37 % vocabulary));
  const auto logits = decoder.advance(tokens, {});
  return {logits.begin(), logits.end()};
}

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
  (void)start(decoder);
  const std::int64_t vocabulary = decoder.config().vocab_size;
  for (int i = 0; i < kSteps; ++i) {
    const auto token = static_cast<std::int32_t>(i * 53 % vocabulary);
    const auto from = Clock::now();
    (void)decoder.advance({&token, 1}, {});
    seconds.push_back(std::chrono::duration<double>(Clock::now() - from).count());
  }
}

double copy_bandwidth(int rounds, const RunContext& context) {
  const kernels::DeviceQueue queue;
  DeviceCopy copy;
  const DeviceCall call = copy.call(queue);
  return static_cast<double>(kDeviceCopyBytes) / time_on_device({&call, 1}, queue, rounds, context)[0].median;
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
  result.timing.bandwidth = copy_bandwidth(request.timing.rounds, context);
  return result;
}

// Thresholds that leave out `sparsity` of every product's input at one token.
void set_quantiles(DeviceDecoder& decoder, double sparsity) {
  (void)start(decoder);
  decoder.observe(1, [&](std::int64_t layer, InputGroup group, std::span<const float> input) {
    std::vector<float> sizes(input.size());
    std::transform(input.begin(), input.end(), sizes.begin(), [](float v) { return std::fabs(v); });
    const auto at = sizes.begin() + static_cast<std::ptrdiff_t>(sparsity * static_cast<double>(sizes.size() - 1));
    std::nth_element(sizes.begin(), at, sizes.end());
    decoder.set_group_threshold(layer, group, *at);
  });
}

// Bytes of columns whose input counts, at the token after that.
double active_bytes(DeviceDecoder& decoder) {
  double bytes = static_cast<double>(decoder.weights().head->bytes());
  decoder.observe(2, [&](std::int64_t layer, InputGroup group, std::span<const float> input) {
    const auto& product = decoder.weights().layers[static_cast<std::size_t>(layer)].product(group);
    const float threshold = std::get<DeviceColumns>(product.weights()).parts.front().threshold;
    const auto active =
        std::count_if(input.begin(), input.end(), [&](float v) { return !(std::fabs(v) <= threshold); });
    bytes += static_cast<double>(product.bytes()) * static_cast<double>(active) / static_cast<double>(input.size());
  });
  return bytes;
}

DecodeTiming measure_packed(const DecodeBench& request, double sparsity, const RunContext& context) {
  const HostWeights host(request, sparsity);
  DeviceDecoder dense(upload(host, DeviceForm::dense));
  DeviceDecoder packed(upload(host, DeviceForm::bundles));
  check_logits("packed", start(packed), start(dense));
  DecodeTiming result = time_in_turns(dense, packed, request, context);
  result.format = DecodeFormat::packed;
  result.timing.sparsity = sparsity;
  return result;
}

DecodeTiming measure_activation(DeviceDecoder& dense, DeviceDecoder& columns, const DecodeBench& request,
                                double sparsity, const RunContext& context) {
  set_quantiles(columns, sparsity);
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
    context.report({"bench decode", fmt::format("{} {:g} %", format, 100.0 * timing.timing.sparsity), "timings",
                    timings.size(), 2 * request.sparsities.size(), 0.0});
  };
  for (const double sparsity : request.sparsities) add(measure_packed(request, sparsity, context), "packed");
  const HostWeights host(request, 0.0);
  DeviceDecoder dense(upload(host, DeviceForm::dense));
  DeviceDecoder columns(upload(host, DeviceForm::columns));
  check_logits("activation", start(columns), start(dense));
  for (const double sparsity : request.sparsities) {
    add(measure_activation(dense, columns, request, sparsity, context), "activation");
  }
  return timings;
}

}  // namespace lacuna
