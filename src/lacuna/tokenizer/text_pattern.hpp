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

  // Cuts texts into matches and what lies between; together they cover the text. The pattern must outlive the search.
  class Search {
   public:
    explicit Search(const TextPattern& pattern, StepBudget* shared = nullptr);  // see RegexSearch
    void stretches(std::string_view text, std::vector<Stretch>& out);
    // Calls visit(Stretch) from left to right, in memory that does not depend on their number.
    template <typename Visit>
    void for_each_stretch(std::string_view text, const Visit& visit);

   private:
    template <typename Visit>
    void for_each_match(std::string_view text, const Visit& visit);
    const TextPattern& pattern_;
    std::optional<RegexSearch> regex_search_;
  };

 private:
  std::string literal_;  // when there is no regex
  std::optional<Regex> regex_;
};

template <typename Visit>
void TextPattern::Search::for_each_match(std::string_view text, const Visit& visit) {
  if (regex_search_) {
    regex_search_->for_each_match(text, [&](const RegexMatch& match) { visit(match.begin, match.end); });
    return;
  }
  const std::string& literal = pattern_.literal_;
  for (auto at = text.find(literal); at != std::string_view::npos; at = text.find(literal, at + literal.size())) {
    visit(at, at + literal.size());
  }
}

template <typename Visit>
void TextPattern::Search::for_each_stretch(std::string_view text, const Visit& visit) {
  std::size_t covered = 0;
  for_each_match(text, [&](std::size_t begin, std::size_t end) {
    if (covered != begin) visit(Stretch{covered, begin, false});
    visit(Stretch{begin, end, true});
    covered = end;
  });
  if (covered != text.size()) visit(Stretch{covered, text.size(), false});
}

}  // namespace lacuna
