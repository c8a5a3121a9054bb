// What Split and Replace look for: a literal string or a regular expression.
//
// JSON     {"String": "…"} or {"Regex": "…"}.
// Threads  const functions are safe from any thread.
// Errors   those of regex.hpp.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lacuna/tokenizer/json_node.hpp"
#include "lacuna/tokenizer/pieces.hpp"
#include "lacuna/tokenizer/regex.hpp"

namespace lacuna {

class TextPattern {
 public:
  static TextPattern load(const JsonNode& node);
  static TextPattern load_for_replacing(const JsonNode& node);  // refuses what can match nothing, as "x*"
  static TextPattern literal(std::string text);
  static TextPattern regex(std::string_view pattern);

  // Cuts `text` into matches and what lies between; together they cover it.
  std::vector<Stretch> stretches(std::string_view text) const;

  // The same for many texts, sharing one search. The pattern must outlive it.
  class Search {
   public:
    explicit Search(const TextPattern& pattern);
    void stretches(std::string_view text, std::vector<Stretch>& out);

   private:
    const TextPattern& pattern_;
    std::optional<RegexSearch> regex_search_;
  };

 private:
  std::string literal_;  // when there is no regex
  std::optional<Regex> regex_;
};

}  // namespace lacuna
