#include "lacuna/tokenizer/added_tokens.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "lacuna/core/error.hpp"
#include "lacuna/tokenizer/unicode.hpp"
#include "lacuna/tokenizer/utf8.hpp"

namespace lacuna {
namespace {

constexpr std::size_t kMaxTokenBytes =
    1024;  // bounds the work per byte of text; the longest honest ones have about 100

char32_t code_point_before(std::string_view text, std::size_t at) {
  std::size_t begin = at - 1;
  while (is_utf8_continuation(text[begin])) --begin;
  return next_code_point(text, begin);
}

bool word_before(std::string_view text, std::size_t at) { return at > 0 && is_word(code_point_before(text, at)); }

bool word_behind(std::string_view text, std::size_t at) {
  return at < text.size() && is_word(next_code_point(text, at));
}

std::size_t begin_of_spaces_before(std::string_view text, std::size_t at) {
  while (at > 0 && is_whitespace(code_point_before(text, at))) {
    do --at;
    while (is_utf8_continuation(text[at]));
  }
  return at;
}

std::size_t end_of_spaces_behind(std::string_view text, std::size_t at) {
  while (at < text.size()) {
    std::size_t next = at;
    if (!is_whitespace(next_code_point(text, next))) break;
    at = next;
  }
  return at;
}

}  // namespace

std::vector<AddedToken> load_added_tokens(const JsonNode& node) {
  std::vector<AddedToken> tokens;
  node.for_each_item([&](std::size_t, const JsonNode& item) {
    const std::uint64_t id = item.field("id").unsigned_integer();
    if (id > INT32_MAX) item.fail(fmt::format("expected an id below 2^31, got {}", id));
    tokens.push_back({.content = std::string(item.field("content").string()),
                      .id = static_cast<std::int32_t>(id),
                      .single_word = item.field("single_word").boolean(),
                      .lstrip = item.field("lstrip").boolean(),
                      .rstrip = item.field("rstrip").boolean(),
                      .normalized = item.field("normalized").boolean(),
                      .special = item.field("special").boolean()});
    if (tokens.back().content.size() > kMaxTokenBytes) {
      item.fail(
          fmt::format("expected at most {} bytes of content, got {}", kMaxTokenBytes, tokens.back().content.size()));
    }
  });
  return tokens;
}

AddedTokens::AddedTokens(std::vector<AddedToken> tokens, const Normalizer& normalizer) : tokens_(std::move(tokens)) {
  // Special tokens first: of two with the same text the reference keeps the first it sees, in this order.
  std::stable_partition(tokens_.begin(), tokens_.end(), [](const AddedToken& token) { return token.special; });
  StepBudget budget;
  for (std::size_t i = 0; i < tokens_.size(); ++i) {
    const auto& token = tokens_[i];
    if (!token.normalized) {
      as_given_.add(token.content, static_cast<std::int32_t>(i));
      continue;
    }
    NormalizedText content{token.content, true};
    normalizer.apply(content, budget);
    if (content.text.size() > 4 * kMaxTokenBytes) {
      throw Error(ErrorCode::bad_tokenizer,
                  fmt::format("added token {}: its normalized text has {} bytes", token.id, content.text.size()));
    }
    normalized_.add(content.text, static_cast<std::int32_t>(i));
  }
}

void AddedTokens::note_match(const AddedToken& token, std::string_view text, Piece match, std::size_t& covered,
                             bool at_origin, std::vector<Piece>& out) const {
  if (token.single_word && (word_before(text, match.begin) || word_behind(text, match.end))) return;
  if (token.lstrip) match.begin = std::max(begin_of_spaces_before(text, match.begin), covered);
  if (token.rstrip) match.end = end_of_spaces_behind(text, match.end);
  if (covered < match.begin) out.push_back({covered, match.begin, -1, at_origin && covered == 0});
  out.push_back(match);
  covered = match.end;
}

void AddedTokens::cut_at(const ByteTrie& trie, std::string_view text, bool at_origin, std::vector<Piece>& out) const {
  std::size_t covered = 0;
  for (std::size_t at = 0; at < text.size() && !trie.empty();) {
    const auto found = trie.longest(text, at);
    if (found.value < 0) {
      ++at;
      continue;
    }
    const auto& token = tokens_[static_cast<std::size_t>(found.value)];
    note_match(token, text, {at, at + found.length, token.id, false}, covered, at_origin, out);
    at += found.length;
  }
  if (covered < text.size()) out.push_back({covered, text.size(), -1, at_origin && covered == 0});
}

Pieces AddedTokens::cut(std::string_view text, const Normalizer& normalizer) const {
  std::vector<Piece> given;
  cut_at(as_given_, text, true, given);
  Pieces pieces;
  pieces.text.reserve(text.size());
  StepBudget budget;
  for (const auto& piece : given) {
    if (piece.is_token()) {
      pieces.list.push_back(piece);
      continue;
    }
    NormalizedText part{std::string(text.substr(piece.begin, piece.end - piece.begin)), piece.at_origin};
    normalizer.apply(part, budget);
    const std::size_t shift = pieces.text.size();
    const std::size_t first_new = pieces.list.size();
    cut_at(normalized_, part.text, part.at_origin, pieces.list);
    for (std::size_t i = first_new; i < pieces.list.size(); ++i) {
      pieces.list[i].begin += shift;
      pieces.list[i].end += shift;
    }
    pieces.text += part.text;
  }
  return pieces;
}

}  // namespace lacuna
