#include "lacuna/study/analyses/evaluation.hpp"

#include <chrono>

#include "lacuna/formats/checkpoint.hpp"
#include "lacuna/model/decoder.hpp"
#include "lacuna/tokenizer/tokenizer.hpp"

namespace lacuna {
namespace {
namespace fs = std::filesystem;

std::int64_t now_us() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

PerplexityResult measure(const EvaluationRequest& request, const TokenSource& text, const RunContext& context) {
  const Decoder model = Decoder::open(Checkpoint::open(request.model));
  if (request.against.empty()) return measure_perplexity(model, text.ids, request.options, context);
  const Decoder dense = Decoder::open(Checkpoint::open(request.against));
  return measure_divergence(model, dense, text.ids, request.options, context);
}

}  // namespace

EvaluationRecord evaluate(const EvaluationRequest& request, const TokenSource& text, const RunContext& context) {
  EvaluationRecord record;
  record.started_us = now_us();
  const PerplexityResult result = measure(request, text, context);
  record.elapsed_seconds = static_cast<double>(now_us() - record.started_us) * 1e-6;
  record.model = request.model;
  record.dataset = request.dataset;
  record.text_digest = text.digest;
  record.seqlen = result.seqlen;
  record.windows = result.windows;
  record.tokens = result.tokens;
  record.nll = result.nll;
  record.perplexity = result.perplexity;
  record.perplexity_stderr = result.perplexity_stderr;
  record.against = request.against;
  if (result.divergence) {
    record.kl_mean = result.divergence->kl_mean;
    record.kl_stderr = result.divergence->kl_stderr;
    record.top1_agreement = result.divergence->top1_agreement;
    record.top1_stderr = result.divergence->top1_stderr;
  }
  return record;
}

TokenSource read_evaluation_text(const std::string& model, const fs::path& file) {
  const Decoder decoder = Decoder::open(Checkpoint::open(model));
  const auto& folder = decoder.checkpoint().folder();
  std::optional<Tokenizer> tokenizer;
  if (fs::exists(folder / "tokenizer.json") || fs::exists(folder / "tokenizer.model"))
    tokenizer = Tokenizer::open(folder);
  return read_token_source(file, tokenizer ? &*tokenizer : nullptr, decoder.config().vocab_size);
}

}  // namespace lacuna
