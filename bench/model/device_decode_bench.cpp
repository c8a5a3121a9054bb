// Tokens per second of a decoder with random weights on a CUDA device: dense, with activation sparsity, packed.
//
// usage: device_decode_bench [SHAPE] [STEPS] [parts]        SHAPE: 7b, 8b, 1b or tiny
//
// A time is the median of STEPS calls of DeviceDecoder::advance, logits on the host included. "bound" is the time in
// which the device's memory delivers what the step has to read, at the speed of a copy measured in the same run, bytes
// read and written counted. Checked before: logits are finite, and columns of threshold 0 give the dense model's.
// parts: also the launches of each kind alone, in a graph of one per layer.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <string>

#include "lacuna/core/error.hpp"
#include "lacuna/core/random.hpp"
#include "model/random_device_model.hpp"

using namespace lacuna;
using bench::WeightForm;

namespace {

constexpr std::int64_t kPromptTokens = 16;

struct Timing {
  double seconds = 0.0;  // of a token
  std::vector<float> logits;
};

Timing time_steps(DeviceDecoder& decoder, int steps) {
  decoder.start(kPromptTokens + steps + 64);
  std::vector<std::int32_t> tokens;
  for (std::int64_t i = 0; i < kPromptTokens; ++i) tokens.push_back(static_cast<std::int32_t>(i * 37 % 1000));
  Timing timing;
  const auto first = decoder.advance(tokens, {});
  timing.logits.assign(first.begin(), first.end());
  if (!std::all_of(first.begin(), first.end(), [](float logit) { return std::isfinite(logit); })) {
    throw Error(ErrorCode::not_finite, "a logit is not finite");
  }
  std::vector<double> seconds;
  for (int i = 0; i < steps; ++i) {
    const std::int32_t token = i * 53 % 1000;
    const auto start = std::chrono::steady_clock::now();
    (void)decoder.advance({&token, 1}, {});
    seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  std::nth_element(seconds.begin(), seconds.begin() + steps / 2, seconds.end());
  timing.seconds = seconds[static_cast<std::size_t>(steps / 2)];
  return timing;
}

// Microseconds a launch of each product, its input and output as in a step, in chains of one launch a layer.
void print_parts(const DeviceDecoder& decoder) {
  const DeviceWeights& w = decoder.weights();
  const DecoderConfig& c = w.config;
  const std::int64_t widest = std::max(2 * c.intermediate_size, c.query_size() + 2 * c.kv_size());
  // Zeros and ones: half of the columns are active at every threshold below 1.
  std::vector<float> bits;
  std::vector<std::uint16_t> half_bits;
  Random random(1);
  for (std::int64_t i = 0; i < widest; ++i) {
    bits.push_back(static_cast<float>(random.below(2)));
    half_bits.push_back(f32_to_f16(bits.back()));
  }
  kernels::DeviceBuffer hidden(bits.data(), static_cast<std::size_t>(c.hidden_size) * 4);
  const kernels::DeviceBuffer x(half_bits.data(), static_cast<std::size_t>(widest) * 2);
  kernels::DeviceBuffer y(static_cast<std::size_t>(widest) * 4);
  const kernels::DeviceQueue queue;
  const auto time = [&](const std::string& name, const auto& launch) {
    const auto chain = [&] {
      for (const DeviceLayer& layer : w.layers) launch(layer);
    };
    chain();
    const auto graph = kernels::DeviceGraph::record(queue, chain);
    std::vector<double> seconds;
    for (int i = 0; i < 9; ++i) seconds.push_back(kernels::device_seconds(queue, [&] { graph.launch(queue); }));
    std::nth_element(seconds.begin(), seconds.begin() + 4, seconds.end());
    fmt::print("  {} {:.1f}", name, seconds[4] / static_cast<double>(w.layers.size()) * 1e6);
  };
  const auto normed = [&](const kernels::DeviceBuffer& weight) {
    return kernels::ProductInput{hidden.data(), kernels::InputKind::normalised,
                                 reinterpret_cast<const float*>(weight.data()), 1e-5F};
  };
  const kernels::ProductOutput residual{y.data(), kernels::OutputKind::add_f32};
  const bool gate = w.layers[0].gate_up.has_gate();
  const kernels::ProductInput inner{x.data(), gate ? kernels::InputKind::plain : kernels::InputKind::gated};
  time("qkv", [&](const DeviceLayer& l) { l.qkv.run(normed(l.attention_norm), {y.data()}, queue.stream()); });
  time("qkv-plain", [&](const DeviceLayer& l) { l.qkv.run({x.data()}, {y.data()}, queue.stream()); });
  time("output", [&](const DeviceLayer& l) { l.output.run({x.data()}, residual, queue.stream()); });
  time("gate-up", [&](const DeviceLayer& l) {
    if (gate) return l.gate_up.run_gate(normed(l.mlp_norm), nullptr, y.data(), queue.stream());
    l.gate_up.run(normed(l.mlp_norm), {y.data()}, queue.stream());
  });
  time("down", [&](const DeviceLayer& l) { l.down.run(inner, residual, queue.stream()); });
  fmt::print("\n");
}

struct Report {
  double memory_speed;
  double dense_seconds = 0.0;

  void line(const std::string& name, double bytes, double seconds) {
    if (dense_seconds == 0.0) dense_seconds = seconds;
    fmt::print("{:<24} {:>8.1f} {:>9.3f} {:>8.2f} {:>9.2f} {:>9.2f}\n", name, 1.0 / seconds, seconds * 1e3,
               bytes * 1e-9, bytes / memory_speed / seconds, dense_seconds / seconds);
    std::fflush(stdout);
  }
};

double difference(const std::vector<float>& a, const std::vector<float>& b) {
  double error = 0.0;
  double size = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    error += (static_cast<double>(a[i]) - b[i]) * (static_cast<double>(a[i]) - b[i]);
    size += static_cast<double>(b[i]) * b[i];
  }
  return std::sqrt(error / size);
}

void run(const std::string& shape, int steps, bool parts) {
  const auto info = kernels::device_info();
  if (!info) throw Error(ErrorCode::invalid_argument, "there is no CUDA device");
  const DecoderConfig config = bench::shape_config(shape);
  Report report{bench::copy_speed()};
  fmt::print("{}, copy {:.2f} TB/s; LLaMA {} shape, f16, random weights, {} steps\n", info->name,
             report.memory_speed * 1e-12, shape, steps);
  fmt::print("{:<24} {:>8} {:>9} {:>8} {:>9} {:>9}\n", "weights", "tokens/s", "ms/token", "GB/token", "of bound",
             "of dense");
  std::vector<float> dense_logits;
  {
    DeviceDecoder decoder(bench::random_device_weights(config, WeightForm::dense, 1.0));
    const Timing timing = time_steps(decoder, steps);
    dense_logits = timing.logits;
    report.line("dense", static_cast<double>(decoder.weights().step_bytes()), timing.seconds);
    if (parts) print_parts(decoder);
  }
  {
    DeviceDecoder decoder(bench::random_device_weights(config, WeightForm::columns, 1.0));
    const auto head = static_cast<double>(decoder.weights().head->bytes());
    const auto bytes = static_cast<double>(decoder.weights().step_bytes()) - head;
    Timing timing = time_steps(decoder, steps);
    report.line("columns, all read", bytes + head, timing.seconds);
    fmt::print("  logits against dense: {:.1e} relative\n", difference(timing.logits, dense_logits));
    for (const double sparsity : {0.25, 0.5, 0.7, 0.9}) {
      const double read = bench::calibrate_thresholds(decoder, sparsity);
      report.line(fmt::format("activation {:.0f} % ({:.1f} %)", sparsity * 100, 100 - read * 100), bytes * read + head,
                  time_steps(decoder, steps).seconds);
      if (parts && sparsity == 0.5) print_parts(decoder);
    }
  }
  for (const double density : {0.5, 0.3, 0.1}) {
    DeviceDecoder decoder(bench::random_device_weights(config, WeightForm::lanes, density));
    report.line(fmt::format("packed {:.0f} %", 100 - 100 * density),
                static_cast<double>(decoder.weights().step_bytes()), time_steps(decoder, steps).seconds);
    if (parts && density == 0.5) print_parts(decoder);
  }
  DeviceDecoder decoder(bench::random_device_weights(config, WeightForm::two_four, 0.5));
  report.line("packed 2:4", static_cast<double>(decoder.weights().step_bytes()), time_steps(decoder, steps).seconds);
  if (parts) print_parts(decoder);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run(argc > 1 ? argv[1] : "7b", argc > 2 ? std::stoi(argv[2]) : 100, argc > 3);
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "device_decode_bench: {}\n", error.what());
    return 1;
  }
}
