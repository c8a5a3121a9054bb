// Tokens per second of a decoder with random weights on a CUDA device: dense, with activation sparsity, packed.
//
// usage: device_decode_bench [SHAPE] [STEPS] [parts|columns]        SHAPE: 7b, 8b, 1b or tiny
//
// A time is the median of STEPS calls of DeviceDecoder::advance, logits on the host included. "bound" is the time in
// which the device's memory delivers what the step has to read, at the speed of a copy measured in the same run, bytes
// read and written counted. Checked before: logits are finite, and columns of threshold 0 give the dense model's.
// parts: also the launches of each kind alone, in a graph of one per layer. columns: dense and columns only, no
// prompts.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <string>

#include "lacuna/bench/random_device_model.hpp"
#include "lacuna/bench/random_model.hpp"
#include "lacuna/core/error.hpp"
#include "model/device_parts.hpp"

using namespace lacuna;

namespace {

constexpr int kCopyRounds = 8;

DecoderConfig config_of(const std::string& shape) {
  if (shape == "7b") return random_model_config({32, 4096, 11008, 32, 32, 32000});
  if (shape == "8b") return random_model_config({32, 4096, 14336, 32, 8, 128256});
  if (shape == "1b") return random_model_config({22, 2048, 5632, 32, 4, 32000});
  if (shape == "tiny") return random_model_config({2, 256, 688, 4, 2, 1000});
  throw Error(ErrorCode::invalid_argument, "shape: expected 7b, 8b, 1b or tiny, got " + shape);
}

struct Timing {
  double seconds = 0.0;  // of a token
  std::vector<float> logits;
};

Timing time_steps(DeviceDecoder& decoder, int steps) {
  Timing timing;
  timing.logits = start_random(decoder, kRandomPromptTokens + steps + 64);
  if (!std::all_of(timing.logits.begin(), timing.logits.end(), [](float logit) { return std::isfinite(logit); })) {
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

// Seconds of a prompt in chunks, and of one token by token.
double time_prompt(DeviceDecoder& decoder, std::int64_t tokens, std::int64_t chunk) {
  std::vector<std::int32_t> prompt;
  for (std::int64_t i = 0; i < tokens; ++i) prompt.push_back(static_cast<std::int32_t>(i * 37 % 1000));
  decoder.set_prompt_tokens(chunk);
  double best = 1e300;
  for (int i = 0; i < 3; ++i) {
    decoder.start(tokens);
    const auto start = std::chrono::steady_clock::now();
    (void)decoder.advance(prompt, {});
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

void print_prompt(DeviceDecoder& decoder) {
  constexpr std::int64_t kLongPrompt = 2049;
  constexpr std::int64_t kPrompt = 513;
  const double steps = time_prompt(decoder, kPrompt, 0);
  const double chunk = time_prompt(decoder, kPrompt, DeviceDecoder::kPromptTokens);
  const double chunks = time_prompt(decoder, kLongPrompt, DeviceDecoder::kPromptTokens);
  fmt::print("  prompt: 513 tokens token by token {:.0f} tokens/s, in a chunk {:.0f}; 2049 in four {:.0f}\n",
             kPrompt / steps, kPrompt / chunk, kLongPrompt / chunks);
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

void run(const std::string& shape, int steps, const std::string& mode) {
  const bool parts = mode == "parts";
  const bool columns_only = mode == "columns";
  if (!mode.empty() && !parts && !columns_only)
    throw Error(ErrorCode::invalid_argument, "expected parts or columns, got " + mode);
  const auto info = kernels::device_info();
  if (!info) throw Error(ErrorCode::invalid_argument, "there is no CUDA device");
  const DecoderConfig config = config_of(shape);
  Report report{device_copy_bandwidth(kCopyRounds, {})};
  fmt::print("{}, copy {:.2f} TB/s; LLaMA {} shape, f16, random weights, {} steps\n", info->name,
             report.memory_speed * 1e-12, shape, steps);
  fmt::print("{:<24} {:>8} {:>9} {:>8} {:>9} {:>9}\n", "weights", "tokens/s", "ms/token", "GB/token", "of bound",
             "of dense");
  const auto decoder_of = [&](DeviceForm form, const RandomWeights& random) {
    DeviceWeights weights = RandomDeviceModel(config, random).upload(form);
    if (parts) bench::print_parts(weights);
    return DeviceDecoder(std::move(weights));
  };
  std::vector<float> dense_logits;
  {
    DeviceDecoder decoder = decoder_of(DeviceForm::dense, {});
    const Timing timing = time_steps(decoder, steps);
    dense_logits = timing.logits;
    report.line("dense", static_cast<double>(decoder.weights().step_bytes()), timing.seconds);
    if (!columns_only) print_prompt(decoder);
  }
  {
    DeviceDecoder decoder = decoder_of(DeviceForm::columns, {});
    const auto head = static_cast<double>(decoder.weights().head->bytes());
    const auto bytes = static_cast<double>(decoder.weights().step_bytes()) - head;
    const Timing timing = time_steps(decoder, steps);
    report.line("columns, all read", bytes + head, timing.seconds);
    fmt::print("  logits against dense: {:.1e} relative\n", difference(timing.logits, dense_logits));
    for (const double sparsity : {0.25, 0.5, 0.7, 0.9}) {
      set_input_quantiles(decoder, sparsity);
      const double read = active_bytes(decoder);
      report.line(fmt::format("activation {:.0f} % ({:.1f} %)", sparsity * 100, 100 - (read - head) / bytes * 100),
                  read, time_steps(decoder, steps).seconds);
    }
    if (columns_only) return;
    print_prompt(decoder);
  }
  for (const double zeros : {0.5, 0.7, 0.9}) {
    DeviceDecoder decoder = decoder_of(DeviceForm::bundles, {DType::f16, zeros});
    report.line(fmt::format("packed {:.0f} %", 100 * zeros), static_cast<double>(decoder.weights().step_bytes()),
                time_steps(decoder, steps).seconds);
    print_prompt(decoder);
  }
  DeviceDecoder decoder = decoder_of(DeviceForm::two_four, {DType::f16, 0.5, true});
  report.line("packed 2:4", static_cast<double>(decoder.weights().step_bytes()), time_steps(decoder, steps).seconds);
  print_prompt(decoder);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run(argc > 1 ? argv[1] : "7b", argc > 2 ? std::stoi(argv[2]) : 100, argc > 3 ? argv[3] : "");
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "device_decode_bench: {}\n", error.what());
    return 1;
  }
}
