// Measuring one model on one text, as a record.
//
// Errors  those of read_token_source and model/perplexity.hpp.
#pragma once

#include <optional>
#include <string>

#include "lacuna/core/run_context.hpp"
#include "lacuna/model/perplexity.hpp"
#include "lacuna/study/records.hpp"
#include "lacuna/study/token_source.hpp"

namespace lacuna {

struct EvaluationRequest {
  std::string model;    // reference
  std::string dataset;  // name shown; the tokens are what counts
  std::string against;  // dense model; empty: none
  PerplexityOptions options;
};

EvaluationRecord evaluate(const EvaluationRequest& request, const TokenSource& text, const RunContext& context);

// Tokens of a text or token file for a model, with the model's own tokenizer where the file is text. Sequences count as
// one stream.
TokenSource read_evaluation_text(const std::string& model, const std::filesystem::path& file);

}  // namespace lacuna
