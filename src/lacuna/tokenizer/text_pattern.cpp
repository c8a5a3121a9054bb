#include "lacuna/tokenizer/text_pattern.hpp"

#include <fmt/format.h>

#include "lacuna/core/error.hpp"

namespace lacuna {
namespace {

// Collects matches and fills the gaps between them.
class StretchCollector {
 public:
  StretchCollector(std::string_view text, std::vector<Stretch>& out) : text_(text), out_(out) { out_.clear(); }
  void match(std::size_t begin, std::size_t end) {
    if (covered_ != begin) out_.push_back({covered_, begin, false});
    out_.push_back({begin, end, true});
    covered_ = end;
  }
  void finish() {
    if (covered_ != text_.size()) out_.push_back({covered_, text_.size(), false});
  }

 private:
  std::string_view text_;
  std::vector<Stretch>& out_;
  std::size_t covered_ = 0;
};

}  // namespace

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

std::vector<Stretch> TextPattern::stretches(std::string_view text) const {
  std::vector<Stretch> found;
  Search(*this).stretches(text, found);
  return found;
}

TextPattern::Search::Search(const TextPattern& pattern) : pattern_(pattern) {
  if (pattern.regex_) regex_search_.emplace(*pattern.regex_);
}

void TextPattern::Search::stretches(std::string_view text, std::vector<Stretch>& out) {
  StretchCollector collector(text, out);
  if (regex_search_) {
    regex_search_->for_each_match(text, [&](const RegexMatch& m) { collector.match(m.begin, m.end); });
  } else {
    const std::string& literal = pattern_.literal_;
    for (auto at = text.find(literal); at != std::string_view::npos; at = text.find(literal, at + literal.size())) {
      collector.match(at, at + literal.size());
    }
  }
  collector.finish();
}

}  // namespace lacuna
