#include "lacuna/model/generate.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "lacuna/core/error.hpp"

namespace lacuna {
namespace {

constexpr std::size_t kPrefillTokens = 512;  // prompt tokens computed at once: bounds the scratch of long prompts

std::vector<std::int32_t> start_tokens(std::span<const std::int32_t> prompt, const DecoderConfig& config) {
  if (!prompt.empty()) return {prompt.begin(), prompt.end()};
  if (config.bos_token && *config.bos_token >= 0) return {static_cast<std::int32_t>(*config.bos_token)};
  throw Error(ErrorCode::invalid_argument, "prompt: expected at least one token, as this model has no BOS token");
}

void check_length(std::int64_t length, const DecoderConfig& config, const RunContext& context) {
  if (length <= config.max_positions) return;
  const auto message =
      fmt::format("prompt and new tokens: {} positions, the model was made for {}", length, config.max_positions);
  if (config.positions == PositionKind::learned) throw Error(ErrorCode::invalid_argument, message);
  context.warn(message);
}

bool is_stop(std::int32_t token, const GenerateOptions& options, const DecoderConfig& config) {
  if (std::find(options.stop_tokens.begin(), options.stop_tokens.end(), token) != options.stop_tokens.end())
    return true;
  return options.stop_at_eos &&
         std::find(config.eos_tokens.begin(), config.eos_tokens.end(), token) != config.eos_tokens.end();
}

}  // namespace

Generator::Generator(const Decoder& decoder, Compute compute)
    : compute_(compute), forward_(decoder, compute), logits_(static_cast<std::size_t>(decoder.config().vocab_size)) {}

void Generator::start(std::int64_t capacity) { cache_.emplace(config(), capacity); }

std::span<const float> Generator::advance(std::span<const std::int32_t> tokens, const RunContext& context) {
  Matrix<float> states;
  for (std::size_t first = 0; first < tokens.size(); first += kPrefillTokens) {
    states = forward_.extend(tokens.subspan(first, std::min(kPrefillTokens, tokens.size() - first)), *cache_, context);
  }
  const MatrixView<float> logits(logits_.data(), 1, static_cast<std::int64_t>(logits_.size()));
  forward_.head().logits(states.view().block(states.rows() - 1, 1, 0, states.cols()), logits);
  return logits_.span();
}

std::vector<std::int32_t> generate_tokens(LogitSource& source, std::span<const std::int32_t> prompt,
                                          const GenerateOptions& options, const NewTokenFn& on_token,
                                          const RunContext& context) {
  const DecoderConfig& config = source.config();
  check_sampling_options(options.sampling);
  if (options.max_new_tokens < 0 || options.max_new_tokens > config.max_positions * 64) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("new tokens: expected 0 to {}, got {}", config.max_positions * 64, options.max_new_tokens));
  }
  std::vector<std::int32_t> pending = start_tokens(prompt, config);
  const std::int64_t capacity = static_cast<std::int64_t>(pending.size()) + options.max_new_tokens;
  check_length(capacity, config, context);

  source.start(capacity);
  Random random(options.seed);
  std::vector<std::int32_t> produced;
  while (static_cast<std::int64_t>(produced.size()) < options.max_new_tokens) {
    context.check_stop();
    const std::int32_t token = sample_token(source.advance(pending, context), options.sampling, random);
    produced.push_back(token);
    const bool go_on = !on_token || on_token(token);
    if (!go_on || is_stop(token, options, config)) break;
    pending.assign(1, token);
  }
  return produced;
}

}  // namespace lacuna
