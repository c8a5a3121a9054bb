// Windows are computed in groups: enough of them together for the matrix products to reach their speed, and, where the
// weights do not fit into memory beside everything else, enough to be worth reading all weights from disk once more.
#include "lacuna/model/perplexity.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "lacuna/core/error.hpp"
#include "lacuna/core/threads.hpp"
#include "lacuna/kernels/softmax/softmax.hpp"
#include "lacuna/model/whole_forward.hpp"

namespace lacuna {
namespace {

constexpr std::int64_t kGroupTokens = 2048;

// Mean and standard error of one figure per window.
class WindowMean {
 public:
  void add(double value) { values_.push_back(value); }
  double mean() const {
    double sum = 0.0;
    for (const double value : values_) sum += value;
    return sum / static_cast<double>(values_.size());
  }
  double standard_error() const {
    const auto n = static_cast<double>(values_.size());
    if (values_.size() < 2) return 0.0;
    const double centre = mean();
    double squares = 0.0;
    for (const double value : values_) squares += (value - centre) * (value - centre);
    return std::sqrt(squares / (n - 1.0) / n);
  }

 private:
  std::vector<double> values_;
};

struct Sums {
  WindowMean nll;
  WindowMean dense_nll;
  WindowMean kl;
  WindowMean agreement;
};

// One position of a group: the distributions over its next token, and the logits of the token that came.
struct Position {
  kernels::DistributionPair pair;  // a: dense; b: the model. Without a dense model only b is fed.
  float target_logit = 0.0F;
  float dense_target_logit = 0.0F;
};

std::uint64_t physical_memory() {
  const long pages = sysconf(_SC_PHYS_PAGES);
  const long page_bytes = sysconf(_SC_PAGESIZE);
  if (pages <= 0 || page_bytes <= 0) return 1ULL << 30;
  return static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(page_bytes);
}

std::int64_t windows_per_group(const Decoder& model, const Decoder* dense, std::int64_t seqlen) {
  const std::uint64_t memory = physical_memory();
  std::uint64_t weights = model.checkpoint().weight_bytes();
  std::uint64_t window_bytes = static_cast<std::uint64_t>(seqlen * model.config().hidden_size) * 2 * sizeof(float);
  if (dense != nullptr) {
    weights += dense->checkpoint().weight_bytes();
    window_bytes += static_cast<std::uint64_t>(seqlen * dense->config().hidden_size) * 2 * sizeof(float);
  }
  const std::int64_t for_speed = std::max<std::int64_t>(1, kGroupTokens / seqlen);
  if (weights < memory / 2) return for_speed;
  return std::max(for_speed, static_cast<std::int64_t>(memory / 8 / window_bytes));
}

std::int64_t count_windows(std::span<const std::int32_t> tokens, const PerplexityOptions& options) {
  if (options.seqlen < 2) {
    throw Error(ErrorCode::invalid_argument, fmt::format("seqlen: expected at least 2, got {}", options.seqlen));
  }
  const auto windows = static_cast<std::int64_t>(tokens.size()) / options.seqlen;
  if (windows == 0) {
    throw Error(ErrorCode::not_enough_tokens,
                fmt::format("expected at least one window of {} tokens, found {}", options.seqlen, tokens.size()));
  }
  return options.max_windows > 0 ? std::min(windows, options.max_windows) : windows;
}

void check_vocabularies(const Decoder& model, const Decoder& dense) {
  if (model.config().vocab_size == dense.config().vocab_size) return;
  throw Error(ErrorCode::shape_mismatch,
              fmt::format("vocabularies differ: {} has {} tokens, {} has {}", model.checkpoint().folder().string(),
                          model.config().vocab_size, dense.checkpoint().folder().string(), dense.config().vocab_size));
}

// Feeds one block of logits to the positions of its rows. tokens are the group's; row r predicts token r + 1.
void feed_block(const LogitBlock& block, std::span<const std::int32_t> tokens, std::vector<Position>& positions) {
  const MatrixView<const float> model = block.logits[0];
  constexpr std::int64_t kRowsPerThread = 8;
  parallel_for(model.rows, kRowsPerThread, [&](std::int64_t begin, std::int64_t end) {
    for (auto r = begin; r < end; ++r) {
      const auto index = static_cast<std::size_t>(block.first_row + r);
      Position& position = positions[index];
      const std::span<const float> logits(model.row(r), static_cast<std::size_t>(model.cols));
      const std::int64_t target = index + 1 < tokens.size() ? tokens[index + 1] - block.first_token : -1;
      const bool here = 0 <= target && target < model.cols;
      if (here) position.target_logit = logits[static_cast<std::size_t>(target)];
      if (block.logits.size() == 1) {
        position.pair.b.add(logits);
        continue;
      }
      const std::span<const float> dense(block.logits[1].row(r), logits.size());
      if (here) position.dense_target_logit = dense[static_cast<std::size_t>(target)];
      position.pair.add(dense, logits);
    }
  });
}

void finish_window(std::span<const Position> positions, bool with_dense, std::int64_t window, Sums& sums) {
  double nll = 0.0;
  double dense_nll = 0.0;
  double kl = 0.0;
  double agreement = 0.0;
  for (const auto& position : positions) {
    const auto& pair = position.pair;
    nll += pair.b.log_sum_exp() - static_cast<double>(position.target_logit);
    if (!with_dense) continue;
    dense_nll += pair.a.log_sum_exp() - static_cast<double>(position.dense_target_logit);
    kl += pair.kl_divergence();
    agreement += pair.a.best == pair.b.best ? 1.0 : 0.0;
  }
  const auto n = static_cast<double>(positions.size());
  if (!std::isfinite(nll) || !std::isfinite(dense_nll)) {
    throw Error(ErrorCode::not_finite, fmt::format("window {}: expected finite logits, found NaN or infinity", window))
        .hint("look for the damaged weights with `lacuna show`");
  }
  sums.nll.add(nll / n);
  if (!with_dense) return;
  sums.dense_nll.add(dense_nll / n);
  sums.kl.add(kl / n);
  sums.agreement.add(agreement / n);
}

void evaluate_group(WholeForward& model, WholeForward* dense, std::span<const std::int32_t> tokens, std::int64_t seqlen,
                    std::int64_t first_window, Sums& sums, const RunContext& context) {
  std::vector<Matrix<float>> states;
  std::vector<HeadInput> inputs;
  states.push_back(model.states(tokens, seqlen, context));
  inputs.push_back({&model.head(), states[0].view()});
  if (dense != nullptr) {
    states.push_back(dense->states(tokens, seqlen, context));
    inputs.push_back({&dense->head(), states[1].view()});
  }
  std::vector<Position> positions(tokens.size());
  for_each_logit_block(inputs, [&](const LogitBlock& block) { feed_block(block, tokens, positions); });
  for (std::size_t first = 0; first < tokens.size(); first += static_cast<std::size_t>(seqlen)) {
    const auto targets = std::span(positions).subspan(first, static_cast<std::size_t>(seqlen - 1));
    finish_window(targets, dense != nullptr, first_window + static_cast<std::int64_t>(first) / seqlen, sums);
  }
}

PerplexityResult summarise(const Sums& sums, bool with_dense, std::int64_t seqlen, std::int64_t windows) {
  PerplexityResult result;
  result.nll = sums.nll.mean();
  result.nll_stderr = sums.nll.standard_error();
  result.perplexity = std::exp(result.nll);
  result.perplexity_stderr = result.perplexity * result.nll_stderr;
  result.seqlen = seqlen;
  result.windows = windows;
  result.tokens = windows * (seqlen - 1);
  if (with_dense) {
    Divergence divergence;
    divergence.kl_mean = sums.kl.mean();
    divergence.kl_stderr = sums.kl.standard_error();
    divergence.top1_agreement = sums.agreement.mean();
    divergence.top1_stderr = sums.agreement.standard_error();
    divergence.dense_nll = sums.dense_nll.mean();
    divergence.dense_perplexity = std::exp(divergence.dense_nll);
    result.divergence = divergence;
  }
  return result;
}

PerplexityResult measure(const Decoder& model, const Decoder* dense, std::span<const std::int32_t> tokens,
                         const PerplexityOptions& options, const RunContext& context) {
  const std::int64_t windows = count_windows(tokens, options);
  const std::int64_t step = windows_per_group(model, dense, options.seqlen);
  WholeForward forward(model, options.compute);
  forward.set_thresholds(options.thresholds);
  std::optional<WholeForward> dense_forward;
  if (dense != nullptr) dense_forward.emplace(*dense, options.compute);

  Sums sums;
  for (std::int64_t first = 0; first < windows; first += step) {
    const std::int64_t count = std::min(step, windows - first);
    const auto group = tokens.subspan(static_cast<std::size_t>(first * options.seqlen),
                                      static_cast<std::size_t>(count * options.seqlen));
    evaluate_group(forward, dense_forward ? &*dense_forward : nullptr, group, options.seqlen, first, sums, context);
    const auto done = static_cast<std::uint64_t>(first + count);
    const auto total = static_cast<std::uint64_t>(windows);
    // At most about two hundred reports, whatever the number of groups.
    if (done == total || done * 200 / total != static_cast<std::uint64_t>(first) * 200 / total) {
      context.report(
          {"perplexity", "", "windows", done, total, static_cast<double>(done) / static_cast<double>(total)});
    }
  }
  model.checkpoint().check_intact();
  if (dense != nullptr) dense->checkpoint().check_intact();
  PerplexityResult result = summarise(sums, dense != nullptr, options.seqlen, windows);
  result.skipped_weights = forward.skipped_weights();
  return result;
}

}  // namespace

PerplexityResult measure_perplexity(const Decoder& model, std::span<const std::int32_t> tokens,
                                    const PerplexityOptions& options, const RunContext& context) {
  return measure(model, nullptr, tokens, options, context);
}

PerplexityResult measure_divergence(const Decoder& model, const Decoder& dense, std::span<const std::int32_t> tokens,
                                    const PerplexityOptions& options, const RunContext& context) {
  check_vocabularies(model, dense);
  return measure(model, &dense, tokens, options, context);
}

}  // namespace lacuna
