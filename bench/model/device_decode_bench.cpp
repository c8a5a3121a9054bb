// Tokens per second of a decoder with random weights on a CUDA device: dense, with activation sparsity, packed.
//
// usage: device_decode_bench [SHAPE] [STEPS]        SHAPE: 7b, 8b, 1b or tiny
//
// A time is the median of STEPS calls of DeviceDecoder::advance, logits on the host included. "bound" is the time in
// which the device's memory delivers what the step has to read, at the speed of a copy measured in the same run, bytes
// read and written counted. Checked before: logits are finite, and columns of threshold 0 give the dense model's.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <string>

#include "lacuna/core/error.hpp"
#include "lacuna/core/random.hpp"
#include "lacuna/core/threads.hpp"
#include "lacuna/model/device_decoder.hpp"

using namespace lacuna;

namespace {

constexpr std::int64_t kPromptTokens = 16;

DecoderConfig shape_config(const std::string& name) {
  DecoderConfig c;
  const auto set = [&](std::int64_t hidden, std::int64_t inner, std::int64_t layers, std::int64_t heads,
                       std::int64_t kv_heads, std::int64_t vocabulary) {
    c.hidden_size = c.embedding_size = hidden;
    c.intermediate_size = inner;
    c.n_layers = layers;
    c.n_heads = heads;
    c.n_kv_heads = kv_heads;
    c.head_dim = hidden / heads;
    c.vocab_size = vocabulary;
  };
  if (name == "7b") set(4096, 11008, 32, 32, 32, 32000);
  if (name == "8b") set(4096, 14336, 32, 32, 8, 128256);
  if (name == "1b") set(2048, 5632, 22, 32, 4, 32000);
  if (name == "tiny") set(256, 688, 2, 4, 2, 1000);
  if (c.n_layers == 0) throw Error(ErrorCode::invalid_argument, "shape: expected 7b, 8b, 1b or tiny, got " + name);
  c.model_type = "llama";
  c.max_positions = 4096;
  c.windows.assign(static_cast<std::size_t>(c.n_layers), 0);
  c.names.gate = "mlp.gate_proj";
  c.names.final_norm = "model.norm";
  return c;
}

enum class Form { dense, columns, lanes, two_four };

// Normal values of variance 1/cols, kept with probability `density` (2:4: two of every four).
class RandomRows {
 public:
  RandomRows() : table_(1 << 16) {
    Random random(3);
    for (auto& value : table_) value = static_cast<float>(random.normal());
  }

  Matrix<std::uint16_t> make(std::int64_t rows, std::int64_t cols, Form form, double density,
                             std::uint64_t seed) const {
    Matrix<std::uint16_t> w(rows, cols);
    const float scale = 1.0F / std::sqrt(static_cast<float>(cols) * static_cast<float>(density));
    const auto limit = static_cast<std::uint32_t>(density * 65536.0);
    parallel_for(rows, 16, [&](std::int64_t begin, std::int64_t end) {
      for (auto r = begin; r < end; ++r) {
        std::uint64_t state = seed * 0x9e3779b97f4a7c15ULL + static_cast<std::uint64_t>(r) + 1;
        for (std::int64_t c = 0; c < cols; ++c) {
          state ^= state << 13U;
          state ^= state >> 7U;
          state ^= state << 17U;
          bool kept = (state >> 16U & 0xffffU) < limit;
          if (form == Form::two_four) kept = (c / 4 + r + c) % 2 == 0;
          w(r, c) = kept ? f32_to_f16(scale * table_[state >> 40U & 0xffffU]) : std::uint16_t{0};
        }
      }
    });
    return w;
  }

 private:
  std::vector<float> table_;
};

kernels::DeviceDense dense_of(MatrixView<const std::uint16_t> rows) {
  kernels::DeviceDense dense(DType::f16, rows.rows, rows.cols);
  dense.upload(0, rows);
  return dense;
}

// One random product of a layer, converted once and uploaded for every layer.
class ProductSource {
 public:
  ProductSource(const RandomRows& random, std::vector<std::int64_t> rows, std::int64_t cols, Form form, double density,
                std::uint64_t seed)
      : rows_(std::move(rows)), form_(form) {
    std::int64_t total = 0;
    for (const auto n : rows_) total += n;
    w_ = random.make(total, cols, form, density, seed);
    if (form == Form::two_four) two_four_ = kernels::make_two_four(w_.view(), DType::f16);
    if (form != Form::lanes) return;
    const int multiprocessors = kernels::device_info()->multiprocessors;
    const int warps = kernels::packed_gemv_warps(total, cols, multiprocessors);
    lanes_ = kernels::make_lane_streams(w_.view(), DType::f16, multiprocessors * warps);
  }

  DeviceProduct upload() const {
    if (form_ == Form::lanes) return DeviceProduct(kernels::DeviceLaneStreams(lanes_));
    if (form_ == Form::two_four) return DeviceProduct(kernels::DeviceTwoFour(two_four_));
    kernels::DeviceDense dense = dense_of(w_.view());
    if (form_ == Form::dense) return DeviceProduct(std::move(dense));
    return DeviceProduct(make_device_columns(dense, rows_));
  }

 private:
  std::vector<std::int64_t> rows_;
  Form form_;
  Matrix<std::uint16_t> w_;
  kernels::LaneStreams lanes_;
  kernels::TwoFour two_four_;
};

kernels::DeviceBuffer ones(std::int64_t n) {
  const std::vector<float> values(static_cast<std::size_t>(n), 1.0F);
  return {values.data(), values.size() * 4};
}

DeviceWeights random_weights(const DecoderConfig& c, const RandomRows& random, Form form, double density) {
  const ProductSource qkv(random, {c.query_size(), c.kv_size(), c.kv_size()}, c.hidden_size, form, density, 1);
  const ProductSource output(random, {c.hidden_size}, c.query_size(), form, density, 2);
  const ProductSource gate_up(random, {c.intermediate_size, c.intermediate_size}, c.hidden_size, form, density, 3);
  const ProductSource down(random, {c.hidden_size}, c.intermediate_size, form, density, 4);
  const auto table = random.make(c.vocab_size, c.hidden_size, Form::dense, 1.0, 5);
  const auto head = random.make(c.vocab_size, c.hidden_size, Form::dense, 1.0, 6);
  DeviceWeights weights{
      c, DType::f16, dense_of(table.view()), DeviceProduct(dense_of(head.view())), ones(c.hidden_size), {}};
  for (std::int64_t i = 0; i < c.n_layers; ++i) {
    weights.layers.push_back(DeviceLayer{qkv.upload(),
                                         output.upload(),
                                         gate_up.upload(),
                                         down.upload(),
                                         ones(c.hidden_size),
                                         ones(c.hidden_size),
                                         {},
                                         {},
                                         {},
                                         {},
                                         {},
                                         {}});
  }
  return weights;
}

// Bytes per second of a copy inside the device's memory, read and written ones.
double copy_speed() {
  constexpr std::size_t kBytes = std::size_t{2} << 30U;
  kernels::DeviceBuffer from(kBytes);
  kernels::DeviceBuffer to(kBytes);
  from.fill(0x35);
  const kernels::DeviceQueue queue;
  double best = 1e300;
  for (int i = 0; i < 8; ++i) {
    best = std::min(best, kernels::device_seconds(queue, [&] { queue.copy(to.data(), from.data(), kBytes); }));
  }
  return 2.0 * static_cast<double>(kBytes) / best;
}

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

// Thresholds that leave out `sparsity` of every product's input at one token; returns the share of weights read at the
// next.
double calibrate(DeviceDecoder& decoder, double sparsity) {
  decoder.start(kPromptTokens + 64);
  std::vector<std::int32_t> tokens(static_cast<std::size_t>(kPromptTokens), 7);
  (void)decoder.advance(tokens, {});
  decoder.observe(11, [&](std::int64_t layer, InputGroup group, std::span<const float> input) {
    std::vector<float> sizes(input.size());
    std::transform(input.begin(), input.end(), sizes.begin(), [](float v) { return std::fabs(v); });
    const auto at = sizes.begin() + static_cast<std::ptrdiff_t>(sparsity * static_cast<double>(sizes.size()));
    std::nth_element(sizes.begin(), at, sizes.end());
    decoder.set_group_threshold(layer, group, *at);
  });
  double read = 0.0;
  double all = 0.0;
  decoder.observe(11, [&](std::int64_t layer, InputGroup group, std::span<const float> input) {
    const auto& product = decoder.weights().layers[static_cast<std::size_t>(layer)].product(group);
    for (const auto& part : std::get<DeviceColumns>(product.weights()).parts) {
      const float t = part.threshold;
      const auto active = std::count_if(input.begin(), input.end(), [&](float v) { return std::fabs(v) > t; });
      read += static_cast<double>(active) * static_cast<double>(part.rows);
      all += static_cast<double>(input.size()) * static_cast<double>(part.rows);
    }
  });
  return read / all;
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

void run(const std::string& shape, int steps) {
  const auto info = kernels::device_info();
  if (!info) throw Error(ErrorCode::invalid_argument, "there is no CUDA device");
  const DecoderConfig config = shape_config(shape);
  const RandomRows random;
  Report report{copy_speed()};
  fmt::print("{}, copy {:.2f} TB/s; LLaMA {} shape, f16, random weights, {} steps\n", info->name,
             report.memory_speed * 1e-12, shape, steps);
  fmt::print("{:<24} {:>8} {:>9} {:>8} {:>9} {:>9}\n", "weights", "tokens/s", "ms/token", "GB/token", "of bound",
             "of dense");
  std::vector<float> dense_logits;
  {
    DeviceDecoder decoder(random_weights(config, random, Form::dense, 1.0));
    const Timing timing = time_steps(decoder, steps);
    dense_logits = timing.logits;
    report.line("dense", static_cast<double>(decoder.weights().step_bytes()), timing.seconds);
  }
  {
    DeviceDecoder decoder(random_weights(config, random, Form::columns, 1.0));
    const auto head = static_cast<double>(decoder.weights().head->bytes());
    const auto bytes = static_cast<double>(decoder.weights().step_bytes()) - head;
    Timing timing = time_steps(decoder, steps);
    report.line("columns, all read", bytes + head, timing.seconds);
    fmt::print("  logits against dense: {:.1e} relative\n", difference(timing.logits, dense_logits));
    for (const double sparsity : {0.25, 0.5, 0.7, 0.9}) {
      const double read = calibrate(decoder, sparsity);
      report.line(fmt::format("activation {:.0f} % ({:.1f} %)", sparsity * 100, 100 - read * 100), bytes * read + head,
                  time_steps(decoder, steps).seconds);
    }
  }
  for (const double density : {0.5, 0.3, 0.1}) {
    DeviceDecoder decoder(random_weights(config, random, Form::lanes, density));
    report.line(fmt::format("packed {:.0f} %", 100 - 100 * density),
                static_cast<double>(decoder.weights().step_bytes()), time_steps(decoder, steps).seconds);
  }
  DeviceDecoder decoder(random_weights(config, random, Form::two_four, 0.5));
  report.line("packed 2:4", static_cast<double>(decoder.weights().step_bytes()), time_steps(decoder, steps).seconds);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run(argc > 1 ? argv[1] : "7b", argc > 2 ? std::stoi(argv[2]) : 100);
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "device_decode_bench: {}\n", error.what());
    return 1;
  }
}
