// Normalizers of tokenizer.json: what happens to a text before it is cut.
//
// Supported  Sequence, NFC, NFD, NFKC, NFKD, Prepend, Replace, Lowercase, Strip, StripAccents, ByteLevel. Others are
//            Error{unsupported_tokenizer}, by name. limit_exceeded: growth_limit.hpp.
// Threads    const functions are safe from any thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lacuna/tokenizer/json_node.hpp"
#include "lacuna/tokenizer/regex.hpp"

namespace lacuna {

struct NormalizedText {
  std::string text;
  bool at_origin;  // its first character stems from the first character of the user's text
};

class NormalizerStep {
 public:
  virtual ~NormalizerStep() = default;
  virtual void apply(NormalizedText& text, StepBudget& budget) const = 0;
};

class Normalizer {
 public:
  Normalizer() = default;  // changes nothing
  static Normalizer load(const JsonNode& node);
  // `budget` serves all texts that belong together: those of one file, or of one encoding.
  void apply(NormalizedText& text, StepBudget& budget) const;

 private:
  std::vector<std::unique_ptr<const NormalizerStep>> steps_;
};

}  // namespace lacuna
