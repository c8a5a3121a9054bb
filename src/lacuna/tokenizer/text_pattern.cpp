#include "lacuna/tokenizer/text_pattern.hpp"

#include <fmt/format.h>

#include "lacuna/core/error.hpp"

namespace lacuna {
TextPattern TextPattern::literal(std::string text) {
  TextPattern pattern;
  pattern.literal_ = std::move(text);
  return pattern;
}

TextPattern TextPattern::regex(std::string_view pattern_text) {
  TextPattern pattern;
  pattern.regex_.emplace(pattern_text);
  return pattern;
}

TextPattern TextPattern::load(const JsonNode& node) {
  const auto text = node.find("String");
  const auto pattern = node.find("Regex");
  if (text.has_value() == pattern.has_value()) node.fail("expected one field, \"String\" or \"Regex\"");
  if (pattern) return regex(pattern->string());
  if (text->string().empty()) node.fail("expected a string that is not empty");
  return literal(std::string(text->string()));
}

// What the reference puts in place of an empty match is an accident of its bookkeeping, when it does not panic.
TextPattern TextPattern::load_for_replacing(const JsonNode& node) {
  auto pattern = load(node);
  if (pattern.regex_ && pattern.regex_->can_match_nothing()) {
    throw Error(ErrorCode::unsupported_tokenizer,
                fmt::format("{}: replacing with the pattern \"{}\", which can match nothing, is not supported",
                            node.where(), pattern.regex_->pattern().substr(0, 200)));
  }
  return pattern;
}

TextPattern::Search::Search(const TextPattern& pattern, StepBudget* shared) : pattern_(pattern) {
  if (pattern.regex_) regex_search_.emplace(*pattern.regex_, shared);
}

void TextPattern::Search::stretches(std::string_view text, std::vector<Stretch>& out) {
  out.clear();
  for_each_stretch(text, [&](const Stretch& stretch) { out.push_back(stretch); });
}

}  // namespace lacuna
