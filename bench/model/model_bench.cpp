// The forward pass of one layer beside the bare GEMM libraries on that layer's linears, in GFLOP/s of what each does
// (the layer: linears and the causal half of attention); and the whole of perplexity and generation where a model is at
// hand (examples/tiny-llama).
#include <benchmark/benchmark.h>

#include <cmath>
#include <filesystem>
#include <oneapi/dnnl/dnnl.hpp>
#include <stdexcept>

#include "lacuna/core/cpu.hpp"
#include "lacuna/core/random.hpp"
#include "lacuna/model/forward.hpp"
#include "lacuna/model/generate.hpp"
#include "lacuna/model/perplexity.hpp"

namespace lacuna {
namespace {

constexpr std::int64_t kSequences = 4;
constexpr std::int64_t kLength = 512;

struct Dimensions {
  const char* name;
  std::int64_t hidden;
  std::int64_t inner;
  std::int64_t heads;
  std::int64_t kv_heads;
};
constexpr Dimensions kDimensions[] = {
    {"tiny-llama", 192, 512, 6, 6}, {"books-llama-32m", 512, 1376, 8, 4}, {"llama-1b", 2048, 8192, 32, 8}};

DecoderConfig config_of(const Dimensions& d) {
  return parse_config(R"({"model_type": "llama", "vocab_size": 100, "num_hidden_layers": 1, "hidden_size": )" +
                      std::to_string(d.hidden) + R"(, "intermediate_size": )" + std::to_string(d.inner) +
                      R"(, "num_attention_heads": )" + std::to_string(d.heads) + R"(, "num_key_value_heads": )" +
                      std::to_string(d.kv_heads) + "}");
}

void fill(float* values, std::int64_t n, std::uint64_t seed, double scale) {
  Random random(seed);
  for (std::int64_t i = 0; i < n; ++i) values[i] = static_cast<float>((random.uniform() - 0.5) * scale);
}

LayerWeights random_layer(const DecoderConfig& config) {
  LayerWeights layer;
  for (auto& spec : layer_linears(config, 0)) {
    Linear linear;
    linear.weights = Matrix<float>(spec.rows, spec.cols);
    fill(linear.weights.data(), linear.weights.numel(), 1, 2.0 / std::sqrt(static_cast<double>(spec.cols)));
    linear.spec = std::move(spec);
    layer.linears.push_back(std::move(linear));
  }
  layer.attention_norm.weight.assign(static_cast<std::size_t>(config.hidden_size), 1.0F);
  layer.mlp_norm = layer.attention_norm;
  return layer;
}

double linear_flops(const DecoderConfig& config) {
  double flops = 0.0;
  for (const auto& spec : layer_linears(config, 0)) {
    flops += 2.0 * static_cast<double>(kSequences * kLength) * static_cast<double>(spec.rows * spec.cols);
  }
  return flops;
}

double attention_flops(const DecoderConfig& config) {
  return 4.0 * static_cast<double>(kSequences * config.query_size()) * static_cast<double>(kLength * (kLength + 1)) /
         2.0;
}

void count_flops(benchmark::State& state, double flops) {
  state.counters["GFLOP/s"] = benchmark::Counter(flops * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
}

void bench_layer(benchmark::State& state, const Dimensions& dimensions, Compute compute) {
  const DecoderConfig config = config_of(dimensions);
  const LayerWeights layer = random_layer(config);
  LayerForward forward(config, compute);
  Matrix<float> hidden(kSequences * kLength, config.hidden_size);
  fill(hidden.data(), hidden.numel(), 2, 1.0);
  for (auto _ : state) forward.run(layer, hidden.view(), kLength);
  for (std::int64_t i = 0; i < hidden.numel(); ++i) {
    if (!std::isfinite(hidden.data()[i])) throw std::runtime_error("the layer's output is not finite");
  }
  count_flops(state, linear_flops(config) + attention_flops(config));
}

void bench_bare(benchmark::State& state, const Dimensions& dimensions) {
  const DecoderConfig config = config_of(dimensions);
  const LayerWeights layer = random_layer(config);
  const std::int64_t m = kSequences * kLength;
  const std::int64_t widest = std::max(config.hidden_size, config.intermediate_size);
  Matrix<float> in(m, widest);
  Matrix<float> out(m, widest);
  fill(in.data(), in.numel(), 3, 1.0);
  for (auto _ : state) {
    for (const auto& linear : layer.linears) {
      const std::int64_t n = linear.rows();
      const std::int64_t k = linear.cols();
      dnnl_sgemm('N', 'T', m, n, k, 1.0F, in.data(), k, linear.weights.data(), k, 0.0F, out.data(), n);
    }
    benchmark::ClobberMemory();
  }
  count_flops(state, linear_flops(config));
}

std::vector<std::int32_t> random_tokens(std::int64_t n, std::int64_t vocabulary) {
  Random random(4);
  std::vector<std::int32_t> tokens(static_cast<std::size_t>(n));
  for (auto& token : tokens) token = static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(vocabulary)));
  return tokens;
}

void bench_perplexity(benchmark::State& state, const std::string& model, Compute compute) {
  const Decoder decoder = Decoder::open(Checkpoint::open(model));
  constexpr std::int64_t kWindows = 16;
  const auto tokens = random_tokens(kWindows * kLength, decoder.config().vocab_size);
  PerplexityOptions options;
  options.compute = compute;
  for (auto _ : state) {
    const auto result = measure_perplexity(decoder, tokens, options, RunContext{});
    if (result.windows != kWindows) throw std::runtime_error("wrong number of windows");
  }
  const DecoderConfig& c = decoder.config();
  double parameters = static_cast<double>(c.vocab_size * c.embedding_size);
  for (const auto& spec : layer_linears(c, 0)) parameters += static_cast<double>(c.n_layers * spec.rows * spec.cols);
  const double rows = static_cast<double>(kWindows * kLength);
  const double attention = 4.0 * rows * static_cast<double>((kLength + 1) / 2 * c.query_size() * c.n_layers);
  count_flops(state, 2.0 * rows * parameters + attention);
  state.counters["tokens/s"] = benchmark::Counter(rows, benchmark::Counter::kIsIterationInvariantRate);
}

void bench_generate(benchmark::State& state, const std::string& model) {
  const Decoder decoder = Decoder::open(Checkpoint::open(model));
  Generator generator(decoder, Compute::f32);
  GenerateOptions options;
  options.max_new_tokens = 128;
  options.stop_at_eos = false;
  const auto prompt = random_tokens(16, decoder.config().vocab_size);
  for (auto _ : state) {
    if (generator.run(prompt, options, {}, RunContext{}).size() != 128) throw std::runtime_error("too few tokens");
  }
  state.counters["tokens/s"] = benchmark::Counter(128, benchmark::Counter::kIsIterationInvariantRate);
}

void register_all() {
  for (const Dimensions& dimensions : kDimensions) {
    const std::string name = dimensions.name;
    const auto add = [](const std::string& title, auto body) {
      benchmark::RegisterBenchmark(title.c_str(), body)->UseRealTime()->Unit(benchmark::kMillisecond);
    };
    add("layer/f32/" + name, [&](benchmark::State& s) { bench_layer(s, dimensions, Compute::f32); });
    add("layer/bare-onednn/" + name, [&](benchmark::State& s) { bench_bare(s, dimensions); });
    if (cpu_has_bf16()) {
      add("layer/bf16/" + name, [&](benchmark::State& s) { bench_layer(s, dimensions, Compute::bf16); });
    }
  }
  const std::string model = LACUNA_EXAMPLE_MODEL;
  if (!std::filesystem::exists(model)) return;
  for (const Compute compute : {Compute::f32, Compute::bf16}) {
    if (compute == Compute::bf16 && !cpu_has_bf16()) continue;
    benchmark::RegisterBenchmark(("perplexity/" + std::string(compute_name(compute)) + "/tiny-llama/16x512").c_str(),
                                 [=](benchmark::State& s) { bench_perplexity(s, model, compute); })
        ->UseRealTime()
        ->Unit(benchmark::kMillisecond);
  }
  benchmark::RegisterBenchmark("generate/tiny-llama/16+128", [=](benchmark::State& s) { bench_generate(s, model); })
      ->UseRealTime()
      ->Unit(benchmark::kMillisecond);
}

[[maybe_unused]] const bool registered = (register_all(), true);

}  // namespace
}  // namespace lacuna
