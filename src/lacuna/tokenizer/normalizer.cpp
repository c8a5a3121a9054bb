#include "lacuna/tokenizer/normalizer.hpp"

#include <fmt/format.h>

#include <vector>

#include "lacuna/core/error.hpp"
#include "lacuna/tokenizer/byte_alphabet.hpp"
#include "lacuna/tokenizer/growth_limit.hpp"
#include "lacuna/tokenizer/text_pattern.hpp"
#include "lacuna/tokenizer/unicode.hpp"
#include "lacuna/tokenizer/utf8.hpp"

namespace lacuna {
namespace {

using StepPointer = std::unique_ptr<const NormalizerStep>;

class FormNormalizer : public NormalizerStep {
 public:
  explicit FormNormalizer(NormalizationForm form) : form_(form) {}
  void apply(NormalizedText& text, StepBudget&) const override { text.text = normalize_unicode(text.text, form_); }

 private:
  NormalizationForm form_;
};

class LowercaseNormalizer : public NormalizerStep {
 public:
  void apply(NormalizedText& text, StepBudget&) const override { text.text = lowercase_unicode(text.text); }
};

class ByteLevelNormalizer : public NormalizerStep {
 public:
  void apply(NormalizedText& text, StepBudget&) const override {
    std::string spelled;
    append_as_byte_characters(spelled, text.text);
    text.text = std::move(spelled);
  }
};

class PrependNormalizer : public NormalizerStep {
 public:
  explicit PrependNormalizer(std::string prefix) : prefix_(std::move(prefix)) {}
  void apply(NormalizedText& text, StepBudget&) const override {
    if (!text.text.empty()) text.text.insert(0, prefix_);
  }

 private:
  std::string prefix_;
};

class ReplaceNormalizer : public NormalizerStep {
 public:
  ReplaceNormalizer(TextPattern pattern, std::string content)
      : pattern_(std::move(pattern)), content_(std::move(content)) {}

  void apply(NormalizedText& text, StepBudget& budget) const override {
    std::string replaced;
    replaced.reserve(text.text.size());
    bool first = true;
    TextPattern::Search search(pattern_, &budget);
    search.for_each_stretch(text.text, [&](const Stretch& stretch) {
      const auto part = std::string_view(text.text).substr(stretch.begin, stretch.end - stretch.begin);
      replaced.append(stretch.is_match ? std::string_view(content_) : part);
      // What replaces several characters counts as stemming from the last of them.
      if (first && stretch.is_match && !part.empty() && part.size() > utf8_length(part[0])) text.at_origin = false;
      if (first && stretch.is_match && content_.empty()) text.at_origin = false;
      first = false;
      check_growth(text.text.size(), replaced.size(), "normalization");
    });
    text.text = std::move(replaced);
  }

 private:
  TextPattern pattern_;
  std::string content_;
};

class StripNormalizer : public NormalizerStep {
 public:
  StripNormalizer(bool left, bool right) : left_(left), right_(right) {}

  void apply(NormalizedText& text, StepBudget&) const override {
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

class StripAccentsNormalizer : public NormalizerStep {
 public:
  void apply(NormalizedText& text, StepBudget&) const override {
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

StepPointer load_replace(const JsonNode& node) {
  const auto content = node.field("content").string();
  check_replacement(content);
  return std::make_unique<ReplaceNormalizer>(TextPattern::load_for_replacing(node.field("pattern")),
                                             std::string(content));
}

StepPointer load_prepend(const JsonNode& node) {
  const auto prefix = node.field("prepend").string();
  check_replacement(prefix);
  return std::make_unique<PrependNormalizer>(std::string(prefix));
}

StepPointer load_step(const JsonNode& node, std::string_view type) {
  if (type == "NFC") return std::make_unique<FormNormalizer>(NormalizationForm::nfc);
  if (type == "NFD") return std::make_unique<FormNormalizer>(NormalizationForm::nfd);
  if (type == "NFKC") return std::make_unique<FormNormalizer>(NormalizationForm::nfkc);
  if (type == "NFKD") return std::make_unique<FormNormalizer>(NormalizationForm::nfkd);
  if (type == "Lowercase") return std::make_unique<LowercaseNormalizer>();
  if (type == "StripAccents") return std::make_unique<StripAccentsNormalizer>();
  if (type == "ByteLevel") return std::make_unique<ByteLevelNormalizer>();
  if (type == "Prepend") return load_prepend(node);
  if (type == "Replace") return load_replace(node);
  if (type == "Strip") {
    return std::make_unique<StripNormalizer>(node.field("strip_left").boolean(), node.field("strip_right").boolean());
  }
  throw Error(ErrorCode::unsupported_tokenizer,
              fmt::format("{}: normalizer \"{}\" is not supported; supported: Sequence, NFC, NFD, NFKC, NFKD, Prepend, "
                          "Replace, Lowercase, Strip, StripAccents, ByteLevel",
                          node.where(), type));
}

void load_steps(const JsonNode& node, std::vector<StepPointer>& steps) {
  const std::string_view type = node.field("type").string();
  if (type == "Sequence") {
    node.field("normalizers").for_each_item([&](std::size_t, const JsonNode& item) { load_steps(item, steps); });
    return;
  }
  if (steps.size() == kMaxSteps) node.fail(fmt::format("expected at most {} steps", kMaxSteps));
  steps.push_back(load_step(node, type));
}

}  // namespace

Normalizer Normalizer::load(const JsonNode& node) {
  Normalizer normalizer;
  load_steps(node, normalizer.steps_);
  return normalizer;
}

void Normalizer::apply(NormalizedText& text, StepBudget& budget) const {
  const std::size_t bytes_before = text.text.size();
  for (const auto& step : steps_) {
    step->apply(text, budget);
    check_growth(bytes_before, text.text.size(), "normalization");
  }
}

}  // namespace lacuna
