#include "lacuna/tokenizer/sentencepiece_normalizer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "lacuna/core/checked.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/tokenizer/metaspace_cuts.hpp"
#include "lacuna/tokenizer/utf8.hpp"

namespace lacuna {
namespace {

constexpr std::string_view kReplacementCharacter = "\xEF\xBF\xBD";
constexpr std::size_t kMaxRuleBytes = 256;  // honest rules have less than 60; a damaged trie can have endless ones
constexpr std::size_t kMaxGrowth = 64;      // the longest honest replacement is eleven times as long as its character

// A unit of a darts-clone double array.
struct Unit {
  std::uint32_t bits;
  bool has_leaf() const { return (bits >> 8U & 1U) != 0; }
  std::uint32_t value() const { return bits & 0x7FFFFFFFU; }
  std::uint32_t label() const { return bits & 0x800000FFU; }
  std::uint32_t offset() const { return bits >> 10U << ((bits & 1U << 9U) >> 6U); }
};

[[noreturn]] void fail(const std::string& what) {
  throw Error(ErrorCode::bad_tokenizer, fmt::format("the normalization rules are damaged: {}", what));
}

}  // namespace

CharacterMap::CharacterMap(std::string_view blob) {
  if (blob.empty()) return;
  std::uint32_t trie_bytes = 0;
  if (blob.size() <= sizeof trie_bytes) fail(fmt::format("{} bytes are too few", blob.size()));
  std::memcpy(&trie_bytes, blob.data(), sizeof trie_bytes);
  if (!range_inside(sizeof trie_bytes, trie_bytes, blob.size()) || trie_bytes % sizeof(std::uint32_t) != 0) {
    fail(fmt::format("a trie of {} bytes in {}", trie_bytes, blob.size()));
  }
  units_.resize(trie_bytes / sizeof(std::uint32_t));
  if (!units_.empty()) std::memcpy(units_.data(), blob.data() + sizeof trie_bytes, trie_bytes);
  replacements_ = blob.substr(sizeof trie_bytes + trie_bytes);
  if (find_invalid_utf8(replacements_)) fail("a replacement is not UTF-8");
}

CharacterMap::Rule CharacterMap::longest(std::string_view text) const {
  if (units_.empty()) return {};
  std::size_t length = 0;
  std::uint32_t value = 0;
  std::uint32_t node = Unit{units_[0]}.offset();
  for (std::size_t i = 0; i < std::min(text.size(), kMaxRuleBytes); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    node ^= byte;
    if (node >= units_.size()) break;
    const Unit unit{units_[node]};
    if (unit.label() != byte) break;
    node ^= unit.offset();
    if (!unit.has_leaf()) continue;
    if (node >= units_.size()) break;
    length = i + 1;
    value = Unit{units_[node]}.value();
  }
  if (length == 0) return {};
  if (value > replacements_.size()) fail(fmt::format("replacement at {} of {}", value, replacements_.size()));
  const auto tail = std::string_view(replacements_).substr(value);
  const auto replacement = tail.substr(0, tail.find('\0'));
  if (!replacement.empty() && is_utf8_continuation(replacement[0])) fail("a replacement begins inside a character");
  return {length, replacement};
}

SentencePieceNormalizer::SentencePieceNormalizer(const SentencePieceModel& model)
    : model_(model), map_(model.character_map) {
  for (std::size_t id = 0; id < model.pieces.size(); ++id) {
    if (model.pieces[id].type != PieceType::user_defined) continue;
    const auto token = model.vocabulary.token(static_cast<std::int64_t>(id));
    if (token) user_defined_.add(*token, static_cast<std::int32_t>(id));
  }
}

SentencePieceNormalizer::Step SentencePieceNormalizer::next(std::string_view rest) const {
  if (const auto symbol = user_defined_.longest(rest, 0); symbol.length > 0) {
    return {rest.substr(0, symbol.length), symbol.length};
  }
  if (const auto rule = map_.longest(rest); rule.length > 0) return {rule.replacement, rule.length};
  // A rule of a damaged model can end inside a character; what is left of it is no UTF-8.
  if (is_utf8_continuation(rest[0])) return {kReplacementCharacter, 1};
  const std::size_t length = utf8_length(rest[0]);
  return {rest.substr(0, length), length};
}

std::size_t SentencePieceNormalizer::end_of_leading_spaces(std::string_view text) const {
  std::size_t at = 0;
  while (at < text.size()) {
    const auto step = next(text.substr(at));
    if (step.text != " ") break;
    at += step.consumed;
  }
  return at;
}

std::string SentencePieceNormalizer::apply(std::string_view text) const {
  const bool squeeze = model_.remove_extra_whitespaces;
  const std::string_view space = model_.escape_whitespaces ? kMetaspace : " ";
  std::size_t at = squeeze ? end_of_leading_spaces(text) : 0;
  std::string normalized;
  if (at == text.size()) return normalized;
  normalized.reserve(text.size() + text.size() / 2);
  if (model_.add_dummy_prefix && !model_.whitespace_as_suffix) normalized += space;
  bool after_space = squeeze;
  while (at < text.size()) {
    auto [part, consumed] = next(text.substr(at));
    while (after_space && part.starts_with(' ')) part.remove_prefix(1);
    for (const char c : part) {
      if (c == ' ') {
        normalized += space;
      } else {
        normalized += c;
      }
    }
    if (!part.empty()) after_space = part.ends_with(' ');
    if (!squeeze) after_space = false;
    at += consumed;
    if (normalized.size() > kMaxGrowth * text.size() + (1U << 20U)) {
      throw Error(ErrorCode::limit_exceeded,
                  fmt::format("normalization made {} bytes more than {} times as long", text.size(), kMaxGrowth));
    }
  }
  while (squeeze && normalized.ends_with(space)) normalized.resize(normalized.size() - space.size());
  if (model_.add_dummy_prefix && model_.whitespace_as_suffix) normalized += space;
  return normalized;
}

}  // namespace lacuna
