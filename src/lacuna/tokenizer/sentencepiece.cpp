// tokenizer.model: normalizer → BPE or unigram → bytes for what is unknown, and back.
#include <algorithm>
#include <optional>
#include <span>

#include "lacuna/tokenizer/byte_token.hpp"
#include "lacuna/tokenizer/metaspace_cuts.hpp"
#include "lacuna/tokenizer/pipeline.hpp"
#include "lacuna/tokenizer/post_processor.hpp"
#include "lacuna/tokenizer/sentencepiece_encoder.hpp"
#include "lacuna/tokenizer/sentencepiece_normalizer.hpp"
#include "lacuna/tokenizer/utf8.hpp"
#include "lacuna/tokenizer/word_cache.hpp"

namespace lacuna {
namespace {

class SentencePiecePipeline : public TokenizerPipeline {
 public:
  SentencePiecePipeline(SentencePieceModel model, const SpecialTokenOptions& options)
      : model_(std::move(model)), normalizer_(model_) {
    if (model_.kind == SentencePieceModel::Kind::bpe) {
      bpe_.emplace(model_, normalizer_.user_defined());
    } else {
      unigram_.emplace(model_);
    }
    const auto ids_of = [&](bool wanted, std::string_view piece) -> std::vector<std::int32_t> {
      const auto id = model_.control_id(piece);
      if (!wanted || id == Vocabulary::kAbsent) return {};
      return {id};
    };
    around_ =
        PostProcessor::around(ids_of(options.add_bos, model_.bos_piece), ids_of(options.add_eos, model_.eos_piece));
  }

  std::vector<std::int32_t> encode(std::string_view text, bool add_special_tokens) const override {
    const std::string normalized = normalizer_.apply(text);
    std::vector<std::int32_t> ids;
    ids.reserve(normalized.size() / 3);
    if (bpe_) {
      encode_words(normalized, ids);
    } else {
      std::vector<PieceSpan> spans;
      unigram_->encode(normalized, spans);
      append_ids(normalized, spans, ids);
    }
    join_unknown(ids);
    return around_.apply(std::move(ids), add_special_tokens);
  }

  std::unique_ptr<TextStream> open_stream(bool skip_special_tokens) const override {
    return std::make_unique<Stream>(model_, skip_special_tokens);
  }

  std::size_t vocab_size() const override { return model_.pieces.size(); }

  std::optional<std::int32_t> token_to_id(std::string_view token) const override {
    const auto id = model_.vocabulary.find(token);
    if (id == Vocabulary::kAbsent) return std::nullopt;
    return id;
  }

  std::optional<std::string_view> id_to_token(std::int32_t id) const override { return model_.vocabulary.token(id); }

  bool is_special(std::int32_t id) const override {
    if (id < 0 || static_cast<std::size_t>(id) >= model_.pieces.size()) return false;
    const auto type = model_.piece(id).type;
    return type == PieceType::control || type == PieceType::unknown;
  }

  std::optional<std::int32_t> bos_id() const override { return control(model_.bos_piece); }
  std::optional<std::int32_t> eos_id() const override { return control(model_.eos_piece); }

 private:
  std::optional<std::int32_t> control(std::string_view piece) const {
    const auto id = model_.control_id(piece);
    if (id == Vocabulary::kAbsent) return std::nullopt;
    return id;
  }

  // Decodes piece by piece. Bytes wait for their character; the space that normalization put in front is taken away.
  class Stream : public TextStream {
   public:
    Stream(const SentencePieceModel& model, bool skip_special_tokens)
        : model_(model), skip_special_tokens_(skip_special_tokens) {}

    std::string push(std::int32_t id) override {
      const auto text = *model_.vocabulary.token(id);
      if (model_.piece(id).type == PieceType::byte) {
        bytes_ += static_cast<char>(*parse_byte_token(text));
        return take_characters(complete_utf8_prefix(bytes_));
      }
      std::string out = finish();
      if (saw_leading_space_ || any_text_) at_begin_ = false;
      saw_leading_space_ = false;
      const std::string piece = decode_piece(id, text);
      // Control pieces have no text to the reference, which never shows them.
      if (model_.piece(id).type != PieceType::control) any_text_ = any_text_ || !piece.empty();
      return out + piece;
    }

    std::string finish() override { return take_characters(bytes_.size()); }

   private:
    // Each byte that belongs to no character becomes a U+FFFD.
    std::string take_characters(std::size_t n_bytes) {
      std::string out;
      for (std::size_t at = 0; at < n_bytes;) {
        const std::size_t length = std::min(utf8_length(bytes_[at]), n_bytes - at);
        const auto character = std::string_view(bytes_).substr(at, length);
        const bool valid = !find_invalid_utf8(character);
        out += valid ? character : "\xEF\xBF\xBD";
        at += valid ? length : 1;
      }
      bytes_.erase(0, n_bytes);
      any_text_ = any_text_ || !out.empty();
      return out;
    }

    std::string decode_piece(std::int32_t id, std::string_view text) {
      const auto type = model_.piece(id).type;
      if (type == PieceType::control) return skip_special_tokens_ ? std::string() : std::string(text);
      if (type == PieceType::unknown) return model_.unknown_surface;
      if (at_begin_ && (model_.add_dummy_prefix || model_.remove_extra_whitespaces) && text.starts_with(kMetaspace)) {
        text.remove_prefix(kMetaspace.size());
        // Where white space is squeezed, all of it goes at the beginning, else one space.
        saw_leading_space_ = !model_.remove_extra_whitespaces;
      }
      std::string out;
      while (!text.empty()) {
        const bool space = text.starts_with(kMetaspace);
        out += space ? " " : text.substr(0, 1);
        text.remove_prefix(space ? kMetaspace.size() : 1);
      }
      return out;
    }

    const SentencePieceModel& model_;
    bool skip_special_tokens_;
    std::string bytes_;
    bool at_begin_ = true;
    bool saw_leading_space_ = false;
    bool any_text_ = false;
  };

  void append_ids(std::string_view text, const std::vector<PieceSpan>& spans, std::vector<std::int32_t>& ids) const {
    for (const auto& span : spans) {
      if (span.id != model_.unknown_id || !model_.byte_fallback) {
        ids.push_back(span.id);
        continue;
      }
      for (std::size_t i = span.begin; i < span.end; ++i) {
        ids.push_back(model_.byte_ids[static_cast<unsigned char>(text[i])]);
      }
    }
  }

  void encode_words(std::string_view text, std::vector<std::int32_t>& ids) const {
    auto cache = caches_.borrow();
    std::vector<PieceSpan> spans;
    while (!text.empty()) {
      const auto word = text.substr(0, bpe_->first_word(text));
      text.remove_prefix(word.size());
      const auto hit = (*cache).find(word);
      if (hit.ids != nullptr) {
        ids.insert(ids.end(), hit.ids, hit.ids + hit.n);
        continue;
      }
      const std::size_t first = ids.size();
      spans.clear();
      bpe_->encode(word, spans);
      append_ids(word, spans, ids);
      (*cache).store(word, std::span(ids).subspan(first));
    }
  }

  // A run of unknown pieces is one.
  void join_unknown(std::vector<std::int32_t>& ids) const {
    const auto both_unknown = [&](std::int32_t a, std::int32_t b) { return a == model_.unknown_id && b == a; };
    ids.erase(std::unique(ids.begin(), ids.end(), both_unknown), ids.end());
  }

  SentencePieceModel model_;
  SentencePieceNormalizer normalizer_;
  std::optional<SentencePieceBpe> bpe_;
  std::optional<SentencePieceUnigram> unigram_;
  PostProcessor around_;
  mutable WordCachePool caches_;
};

}  // namespace

std::shared_ptr<const TokenizerPipeline> load_sentencepiece_model(std::string_view content,
                                                                  const SpecialTokenOptions& options) {
  return std::make_shared<SentencePiecePipeline>(read_sentencepiece_model(content), options);
}

}  // namespace lacuna
