#include "lacuna/tokenizer/normalizer.hpp"

#include <fmt/format.h>

#include <vector>

#include "lacuna/core/error.hpp"
#include "lacuna/tokenizer/byte_alphabet.hpp"
#include "lacuna/tokenizer/text_pattern.hpp"
#include "lacuna/tokenizer/unicode.hpp"
#include "lacuna/tokenizer/utf8.hpp"

namespace lacuna {
namespace {

using NormalizerPointer = std::unique_ptr<const Normalizer>;

class SequenceNormalizer : public Normalizer {
 public:
  explicit SequenceNormalizer(std::vector<NormalizerPointer> parts) : parts_(std::move(parts)) {}
  void apply(NormalizedText& text) const override {
    for (const auto& part : parts_) part->apply(text);
  }

 private:
  std::vector<NormalizerPointer> parts_;
};

class FormNormalizer : public Normalizer {
 public:
  explicit FormNormalizer(NormalizationForm form) : form_(form) {}
  void apply(NormalizedText& text) const override { text.text = normalize_unicode(text.text, form_); }

 private:
  NormalizationForm form_;
};

class LowercaseNormalizer : public Normalizer {
 public:
  void apply(NormalizedText& text) const override { text.text = lowercase_unicode(text.text); }
};

class ByteLevelNormalizer : public Normalizer {
 public:
  void apply(NormalizedText& text) const override {
    std::string spelled;
    append_as_byte_characters(spelled, text.text);
    text.text = std::move(spelled);
  }
};

class PrependNormalizer : public Normalizer {
 public:
  explicit PrependNormalizer(std::string prefix) : prefix_(std::move(prefix)) {}
  void apply(NormalizedText& text) const override {
    if (!text.text.empty()) text.text.insert(0, prefix_);
  }

 private:
  std::string prefix_;
};

class ReplaceNormalizer : public Normalizer {
 public:
  ReplaceNormalizer(TextPattern pattern, std::string content)
      : pattern_(std::move(pattern)), content_(std::move(content)) {}

  void apply(NormalizedText& text) const override {
    std::string replaced;
    replaced.reserve(text.text.size());
    bool first = true;
    for (const auto& stretch : pattern_.stretches(text.text)) {
      const auto part = std::string_view(text.text).substr(stretch.begin, stretch.end - stretch.begin);
      replaced.append(stretch.is_match ? std::string_view(content_) : part);
      // What replaces several characters counts as stemming from the last of them.
      if (first && stretch.is_match && !part.empty() && part.size() > utf8_length(part[0])) text.at_origin = false;
      if (first && stretch.is_match && content_.empty()) text.at_origin = false;
      first = false;
    }
    text.text = std::move(replaced);
  }

 private:
  TextPattern pattern_;
  std::string content_;
};

class StripNormalizer : public Normalizer {
 public:
  StripNormalizer(bool left, bool right) : left_(left), right_(right) {}

  void apply(NormalizedText& text) const override {
    const std::string_view view = text.text;
    std::size_t first_kept = view.size();
    std::size_t last_kept_end = 0;
    for (std::size_t at = 0; at < view.size();) {
      const std::size_t begin = at;
      if (is_whitespace(next_code_point(view, at))) continue;
      first_kept = std::min(first_kept, begin);
      last_kept_end = at;
    }
    const std::size_t begin = left_ ? first_kept : 0;
    const std::size_t end = right_ ? last_kept_end : view.size();
    if (begin > 0) text.at_origin = false;
    text.text = begin < end ? std::string(view.substr(begin, end - begin)) : std::string();
  }

 private:
  bool left_;
  bool right_;
};

class StripAccentsNormalizer : public Normalizer {
 public:
  void apply(NormalizedText& text) const override {
    std::string kept;
    kept.reserve(text.text.size());
    for (std::size_t at = 0; at < text.text.size();) {
      const std::size_t begin = at;
      const bool mark = is_mark(next_code_point(text.text, at));
      if (mark && begin == 0) text.at_origin = false;
      if (!mark) kept.append(text.text, begin, at - begin);
    }
    text.text = std::move(kept);
  }
};

std::vector<NormalizerPointer> load_sequence(const JsonNode& node) {
  std::vector<NormalizerPointer> parts;
  node.for_each_item([&](std::size_t, const JsonNode& item) { parts.push_back(load_normalizer(item)); });
  return parts;
}

}  // namespace

std::unique_ptr<const Normalizer> load_normalizer(const JsonNode& node) {
  const std::string_view type = node.field("type").string();
  if (type == "Sequence") return std::make_unique<SequenceNormalizer>(load_sequence(node.field("normalizers")));
  if (type == "NFC") return std::make_unique<FormNormalizer>(NormalizationForm::nfc);
  if (type == "NFD") return std::make_unique<FormNormalizer>(NormalizationForm::nfd);
  if (type == "NFKC") return std::make_unique<FormNormalizer>(NormalizationForm::nfkc);
  if (type == "NFKD") return std::make_unique<FormNormalizer>(NormalizationForm::nfkd);
  if (type == "Lowercase") return std::make_unique<LowercaseNormalizer>();
  if (type == "StripAccents") return std::make_unique<StripAccentsNormalizer>();
  if (type == "ByteLevel") return std::make_unique<ByteLevelNormalizer>();
  if (type == "Prepend") return std::make_unique<PrependNormalizer>(std::string(node.field("prepend").string()));
  if (type == "Strip") {
    return std::make_unique<StripNormalizer>(node.field("strip_left").boolean(), node.field("strip_right").boolean());
  }
  if (type == "Replace") {
    return std::make_unique<ReplaceNormalizer>(TextPattern::load_for_replacing(node.field("pattern")),
                                               std::string(node.field("content").string()));
  }
  throw Error(ErrorCode::unsupported_tokenizer,
              fmt::format("{}: normalizer \"{}\" is not supported; supported: Sequence, NFC, NFD, NFKC, NFKD, Prepend, "
                          "Replace, Lowercase, Strip, StripAccents, ByteLevel",
                          node.where(), type));
}

}  // namespace lacuna
