// Normalizers of tokenizer.json: what happens to a text before it is cut.
//
// Supported  Sequence, NFC, NFD, NFKC, NFKD, Prepend, Replace, Lowercase, Strip, StripAccents, ByteLevel. Others are
//            Error{unsupported_tokenizer}, by name.
// Threads    const functions are safe from any thread.
#pragma once

#include <memory>
#include <string>

#include "lacuna/tokenizer/json_node.hpp"

namespace lacuna {

struct NormalizedText {
  std::string text;
  bool at_origin;  // its first character stems from the first character of the user's text
};

class Normalizer {
 public:
  virtual ~Normalizer() = default;
  virtual void apply(NormalizedText& text) const = 0;
};

std::unique_ptr<const Normalizer> load_normalizer(const JsonNode& node);

}  // namespace lacuna
