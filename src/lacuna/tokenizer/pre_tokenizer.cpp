#include "lacuna/tokenizer/pre_tokenizer.hpp"

#include <fmt/format.h>

#include <functional>
#include <vector>

#include "lacuna/core/error.hpp"
#include "lacuna/tokenizer/byte_alphabet.hpp"
#include "lacuna/tokenizer/growth_limit.hpp"
#include "lacuna/tokenizer/text_pattern.hpp"
#include "lacuna/tokenizer/unicode.hpp"
#include "lacuna/tokenizer/utf8.hpp"

namespace lacuna {
namespace {

using StepPointer = std::unique_ptr<const PreTokenizerStep>;

constexpr std::string_view kGpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

// Replaces every piece that is no token by parts of itself. `find` fills the stretches of one piece's text.
template <typename Find>
void split_pieces(Pieces& pieces, SplitBehavior behavior, bool invert, const Find& find) {
  std::vector<Piece> parts;
  parts.reserve(pieces.list.size());
  std::vector<Stretch> stretches;
  for (const auto& piece : pieces.list) {
    if (piece.is_token()) {
      parts.push_back(piece);
      continue;
    }
    find(pieces.view(piece), stretches);
    if (invert) {
      for (auto& stretch : stretches) stretch.is_match = !stretch.is_match;
    }
    apply_split_behavior(stretches, behavior);
    for (const auto& stretch : stretches) {
      if (stretch.begin == stretch.end) continue;
      parts.push_back(
          {piece.begin + stretch.begin, piece.begin + stretch.end, -1, piece.at_origin && stretch.begin == 0});
    }
  }
  pieces.list = std::move(parts);
}

// Writes every piece that is no token anew: `write(piece, out)` appends its new text.
template <typename Write>
void rewrite_pieces(Pieces& pieces, const Write& write) {
  std::string text;
  text.reserve(pieces.text.size() + pieces.text.size() / 4);
  for (auto& piece : pieces.list) {
    if (piece.is_token()) continue;
    const std::size_t begin = text.size();
    write(piece, text);
    piece.begin = begin;
    piece.end = text.size();
  }
  pieces.text = std::move(text);
}

class SplitPreTokenizer : public PreTokenizerStep {
 public:
  SplitPreTokenizer(TextPattern pattern, SplitBehavior behavior, bool invert)
      : pattern_(std::move(pattern)), behavior_(behavior), invert_(invert) {}

  void apply(Pieces& pieces) const override {
    TextPattern::Search search(pattern_);
    split_pieces(pieces, behavior_, invert_,
                 [&](std::string_view text, std::vector<Stretch>& out) { search.stretches(text, out); });
  }

 private:
  TextPattern pattern_;
  SplitBehavior behavior_;
  bool invert_;
};

// Splits at single characters of a class.
class CharacterPreTokenizer : public PreTokenizerStep {
 public:
  CharacterPreTokenizer(std::function<bool(char32_t)> matches, SplitBehavior behavior)
      : matches_(std::move(matches)), behavior_(behavior) {}

  void apply(Pieces& pieces) const override {
    split_pieces(pieces, behavior_, false, [&](std::string_view text, std::vector<Stretch>& out) {
      out.clear();
      std::size_t covered = 0;
      for (std::size_t at = 0; at < text.size();) {
        const std::size_t begin = at;
        if (!matches_(next_code_point(text, at))) continue;
        if (covered < begin) out.push_back({covered, begin, false});
        out.push_back({begin, at, true});
        covered = at;
      }
      if (covered < text.size()) out.push_back({covered, text.size(), false});
    });
  }

 private:
  std::function<bool(char32_t)> matches_;
  SplitBehavior behavior_;
};

// Runs of word characters and runs of other visible characters; white space goes.
class WhitespacePreTokenizer : public PreTokenizerStep {
 public:
  void apply(Pieces& pieces) const override {
    split_pieces(pieces, SplitBehavior::isolated, false, [](std::string_view text, std::vector<Stretch>& out) {
      out.clear();
      int previous = 0;
      for (std::size_t at = 0; at < text.size();) {
        const std::size_t begin = at;
        const char32_t c = next_code_point(text, at);
        const int kind = is_word(c) ? 1 : is_whitespace(c) ? 0 : 2;
        if (kind != 0 && kind == previous) {
          out.back().end = at;
        } else if (kind != 0) {
          out.push_back({begin, at, false});
        }
        previous = kind;
      }
    });
  }
};

class ByteLevelPreTokenizer : public PreTokenizerStep {
 public:
  ByteLevelPreTokenizer(bool add_prefix_space, bool use_regex)
      : add_prefix_space_(add_prefix_space), pattern_(TextPattern::regex(kGpt2Pattern)), use_regex_(use_regex) {}

  void apply(Pieces& pieces) const override {
    if (add_prefix_space_) {
      rewrite_pieces(pieces, [&](const Piece& piece, std::string& out) {
        const auto text = pieces.view(piece);
        if (!text.starts_with(' ')) out += ' ';
        out += text;
      });
    }
    if (use_regex_) {
      TextPattern::Search search(pattern_);
      split_pieces(pieces, SplitBehavior::isolated, false,
                   [&](std::string_view text, std::vector<Stretch>& out) { search.stretches(text, out); });
    }
    rewrite_pieces(pieces,
                   [&](const Piece& piece, std::string& out) { append_as_byte_characters(out, pieces.view(piece)); });
  }

 private:
  bool add_prefix_space_;
  TextPattern pattern_;
  bool use_regex_;
};

enum class PrependScheme { first, always, never };

class MetaspacePreTokenizer : public PreTokenizerStep {
 public:
  MetaspacePreTokenizer(std::string replacement, PrependScheme scheme, bool split)
      : replacement_(std::move(replacement)), scheme_(scheme), split_(split) {}

  void apply(Pieces& pieces) const override {
    rewrite_pieces(pieces, [&](const Piece& piece, std::string& out) {
      const auto text = pieces.view(piece);
      const bool begins_with_it = text.starts_with(' ') || text.starts_with(replacement_);
      const bool wants_it = scheme_ == PrependScheme::always || (scheme_ == PrependScheme::first && piece.at_origin);
      if (wants_it && !begins_with_it) out += replacement_;
      for (const char c : text) c == ' ' ? out += replacement_ : out += c;
    });
    if (!split_) return;
    const auto pattern = TextPattern::literal(replacement_);
    TextPattern::Search search(pattern);
    split_pieces(pieces, SplitBehavior::merged_with_next, false,
                 [&](std::string_view text, std::vector<Stretch>& out) { search.stretches(text, out); });
  }

 private:
  std::string replacement_;
  PrependScheme scheme_;
  bool split_;
};

SplitBehavior parse_behavior(const JsonNode& node) {
  const std::string_view name = node.string();
  if (name == "Removed") return SplitBehavior::removed;
  if (name == "Isolated") return SplitBehavior::isolated;
  if (name == "MergedWithPrevious") return SplitBehavior::merged_with_previous;
  if (name == "MergedWithNext") return SplitBehavior::merged_with_next;
  if (name == "Contiguous") return SplitBehavior::contiguous;
  node.fail(
      fmt::format("expected a split behavior (Removed, Isolated, MergedWithPrevious, MergedWithNext, Contiguous), "
                  "got \"{}\"",
                  name));
}

StepPointer load_metaspace(const JsonNode& node) {
  const auto replacement = single_character(node.field("replacement"));
  const auto scheme_name = node.string_or_nothing("prepend_scheme").value_or("always");
  auto scheme = PrependScheme::always;
  if (scheme_name == "first") {
    scheme = PrependScheme::first;
  } else if (scheme_name == "never") {
    scheme = PrependScheme::never;
  } else if (scheme_name != "always") {
    node.fail(fmt::format("expected prepend_scheme first, always or never, got \"{}\"", scheme_name));
  }
  if (!node.boolean_or("add_prefix_space", true)) {
    if (node.find("prepend_scheme") && scheme != PrependScheme::never) {
      node.fail("add_prefix_space does not match prepend_scheme");
    }
    scheme = PrependScheme::never;
  }
  return std::make_unique<MetaspacePreTokenizer>(replacement, scheme, node.boolean_or("split", true));
}

StepPointer load_step(const JsonNode& node, std::string_view type) {
  const auto characters = [](auto matches, SplitBehavior behavior) {
    return std::make_unique<CharacterPreTokenizer>(matches, behavior);
  };
  if (type == "ByteLevel") {
    return std::make_unique<ByteLevelPreTokenizer>(node.field("add_prefix_space").boolean(),
                                                   node.boolean_or("use_regex", true));
  }
  if (type == "Split") {
    return std::make_unique<SplitPreTokenizer>(TextPattern::load(node.field("pattern")),
                                               parse_behavior(node.field("behavior")), node.field("invert").boolean());
  }
  if (type == "Metaspace") return load_metaspace(node);
  if (type == "Digits") {
    const bool individual = node.field("individual_digits").boolean();
    return characters(is_numeric, individual ? SplitBehavior::isolated : SplitBehavior::contiguous);
  }
  if (type == "Punctuation") {
    const auto behavior = node.find("behavior");
    return characters(is_punctuation, behavior ? parse_behavior(*behavior) : SplitBehavior::isolated);
  }
  if (type == "Whitespace") return std::make_unique<WhitespacePreTokenizer>();
  if (type == "WhitespaceSplit") return characters(is_whitespace, SplitBehavior::removed);
  throw Error(
      ErrorCode::unsupported_tokenizer,
      fmt::format("{}: pre-tokenizer \"{}\" is not supported; supported: Sequence, ByteLevel, Split, Metaspace, "
                  "Digits, Punctuation, Whitespace, WhitespaceSplit, BertPreTokenizer",
                  node.where(), type));
}

void load_steps(const JsonNode& node, std::vector<StepPointer>& steps) {
  const std::string_view type = node.field("type").string();
  if (type == "Sequence") {
    node.field("pretokenizers").for_each_item([&](std::size_t, const JsonNode& item) { load_steps(item, steps); });
    return;
  }
  if (steps.size() == kMaxSteps) node.fail(fmt::format("expected at most {} steps", kMaxSteps));
  if (type == "BertPreTokenizer") {
    steps.push_back(std::make_unique<CharacterPreTokenizer>(is_whitespace, SplitBehavior::removed));
    steps.push_back(std::make_unique<CharacterPreTokenizer>(is_punctuation, SplitBehavior::isolated));
    return;
  }
  steps.push_back(load_step(node, type));
}

}  // namespace

PreTokenizer PreTokenizer::load(const JsonNode& node) {
  PreTokenizer pre_tokenizer;
  load_steps(node, pre_tokenizer.steps_);
  return pre_tokenizer;
}

void PreTokenizer::apply(Pieces& pieces) const {
  const std::size_t bytes_before = pieces.text.size();
  for (const auto& step : steps_) {
    step->apply(pieces);
    check_growth(bytes_before, pieces.text.size(), "pre-tokenization");
  }
}

}  // namespace lacuna
