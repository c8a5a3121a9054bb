// Added tokens: texts that become one token wherever they stand, before the model sees them.
//
// Matching  leftmost, and among those that begin there the longest; tokens that are "normalized" are looked for in the
//           normalized text, the others in the text as given. single_word, lstrip and rstrip as in the reference.
// Cost      one step in a byte trie per byte and candidate; texts of added tokens are limited to 1,024 bytes.
// Threads   const functions are safe from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lacuna/tokenizer/byte_trie.hpp"
#include "lacuna/tokenizer/json_node.hpp"
#include "lacuna/tokenizer/normalizer.hpp"
#include "lacuna/tokenizer/pieces.hpp"

namespace lacuna {

struct AddedToken {
  std::string content;
  std::int32_t id = 0;
  bool single_word = false;
  bool lstrip = false;
  bool rstrip = false;
  bool normalized = true;
  bool special = false;
};

// Reads the "added_tokens" array. Ids are checked by the vocabulary they are added to.
std::vector<AddedToken> load_added_tokens(const JsonNode& node);

class AddedTokens {
 public:
  AddedTokens() = default;
  AddedTokens(std::vector<AddedToken> tokens, const Normalizer& normalizer);

  // Cuts the user's text at added tokens and normalizes what lies between.
  Pieces cut(std::string_view text, const Normalizer& normalizer) const;

 private:
  void cut_at(const ByteTrie& trie, std::string_view text, bool at_origin, std::vector<Piece>& out) const;
  void note_match(const AddedToken& token, std::string_view text, Piece match, std::size_t& covered, bool at_origin,
                  std::vector<Piece>& out) const;

  std::vector<AddedToken> tokens_;
  ByteTrie as_given_;  // values index tokens_
  ByteTrie normalized_;
};

}  // namespace lacuna
