// Pre-tokenizers of tokenizer.json: how a normalized text is cut into the words that the model encodes one by one.
//
// Supported  Sequence, ByteLevel, Split, Metaspace, Digits, Punctuation, Whitespace, WhitespaceSplit,
//            BertPreTokenizer. Others are Error{unsupported_tokenizer}, by name.
// Threads    const functions are safe from any thread.
#pragma once

#include <memory>

#include "lacuna/tokenizer/json_node.hpp"
#include "lacuna/tokenizer/pieces.hpp"

namespace lacuna {

class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;
  virtual void apply(Pieces& pieces) const = 0;  // leaves pieces that are tokens alone
};

std::unique_ptr<const PreTokenizer> load_pre_tokenizer(const JsonNode& node);

}  // namespace lacuna
