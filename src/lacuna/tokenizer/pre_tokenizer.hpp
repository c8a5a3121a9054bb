// Pre-tokenizers of tokenizer.json: how a normalized text is cut into the words that the model encodes one by one.
//
// Supported  Sequence, ByteLevel, Split, Metaspace, Digits, Punctuation, Whitespace, WhitespaceSplit,
//            BertPreTokenizer. Others are Error{unsupported_tokenizer}, by name. limit_exceeded: growth_limit.hpp.
// Threads    const functions are safe from any thread.
#pragma once

#include <memory>
#include <vector>

#include "lacuna/tokenizer/json_node.hpp"
#include "lacuna/tokenizer/pieces.hpp"

namespace lacuna {

class PreTokenizerStep {
 public:
  virtual ~PreTokenizerStep() = default;
  virtual void apply(Pieces& pieces) const = 0;  // leaves pieces that are tokens alone
};

class PreTokenizer {
 public:
  PreTokenizer() = default;  // cuts nothing
  static PreTokenizer load(const JsonNode& node);
  void apply(Pieces& pieces) const;

 private:
  std::vector<std::unique_ptr<const PreTokenizerStep>> steps_;
};

}  // namespace lacuna
