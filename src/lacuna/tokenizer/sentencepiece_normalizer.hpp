// How SentencePiece prepares a text: compiled rewriting rules (such as NFKC), white space made "▁", a "▁" in front.
//
// Exact    the same text as the reference for every valid input and model.
// Safe     the rules are a double array made by somebody else; every step in it is checked against its bounds.
// Cost     O(length of the longest rule) per byte.
// Errors   Error{bad_tokenizer}: the rules' blob is malformed.
// Threads  const functions are safe from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lacuna/tokenizer/byte_trie.hpp"
#include "lacuna/tokenizer/sentencepiece_model.hpp"

namespace lacuna {

// The compiled rules. Blob: u32 size of the trie in bytes; the trie, a double array of u32 units as darts-clone writes
// it; then the replacement texts, each ended by a zero byte.
class CharacterMap {
 public:
  explicit CharacterMap(std::string_view blob);  // an empty blob has no rules

  struct Rule {
    std::size_t length = 0;  // bytes of text it replaces; 0: no rule applies
    std::string_view replacement;
  };
  Rule longest(std::string_view text) const;  // the longest rule that applies at the beginning of the text

 private:
  std::vector<std::uint32_t> units_;
  std::string replacements_;
};

class SentencePieceNormalizer {
 public:
  // `model` must outlive the normalizer.
  explicit SentencePieceNormalizer(const SentencePieceModel& model);
  std::string apply(std::string_view text) const;

  const ByteTrie& user_defined() const { return user_defined_; }  // pieces that normalization must leave alone

 private:
  struct Step {
    std::string_view text;  // what the next characters become
    std::size_t consumed;
  };
  Step next(std::string_view rest) const;
  std::size_t end_of_leading_spaces(std::string_view text) const;

  const SentencePieceModel& model_;
  CharacterMap map_;
  ByteTrie user_defined_;
};

}  // namespace lacuna
