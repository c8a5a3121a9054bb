#include <algorithm>
#include <limits>

#include "lacuna/tokenizer/sentencepiece_encoder.hpp"
#include "lacuna/tokenizer/utf8.hpp"

namespace lacuna {
namespace {

constexpr float kUnknownPenalty = 10.0F;
constexpr float kScoreResetThreshold = 100000.0F;

// The best segmentation that ends at some place.
struct BestEnd {
  float score = 0;
  std::int32_t id = 0;
  std::int32_t length = 0;  // bytes of its last piece; 0: none found yet
};

// User-defined pieces win over all scores, which are logarithms of probabilities; the longer, the better.
float user_defined_score(std::size_t n_bytes) { return static_cast<float>(0.1 * (static_cast<double>(n_bytes) - 1)); }

// Scores sink as the text goes on, and with them their resolution; from time to time all that are still in use are
// raised by the same amount. `end` is behind the last one in use.
void reset_scores(std::vector<BestEnd>& best, std::size_t begin, std::size_t end) {
  const float offset = best[begin].score;
  for (std::size_t i = begin; i < end; ++i) {
    if (i == begin || best[i].length != 0) best[i].score -= offset;
  }
}

}  // namespace

SentencePieceUnigram::SentencePieceUnigram(const SentencePieceModel& model) : model_(model) {
  float min_score = std::numeric_limits<float>::max();
  for (std::size_t i = 0; i < model.pieces.size(); ++i) {
    const auto id = static_cast<std::int32_t>(i);
    if (model.is_text(id)) trie_.add(*model.vocabulary.token(id), id);
    if (model.pieces[i].type == PieceType::normal) min_score = std::min(min_score, model.pieces[i].score);
  }
  unknown_score_ = min_score - kUnknownPenalty;
}

// Sums are rounded to single precision at every step, as in the reference: on ties and on long texts the rounding
// decides between segmentations.
void SentencePieceUnigram::encode(std::string_view text, std::vector<PieceSpan>& spans) const {
  std::vector<BestEnd> best(text.size() + 1);
  std::size_t in_use_end = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    if (best[begin].score < -kScoreResetThreshold || best[begin].score > kScoreResetThreshold) {
      reset_scores(best, begin, in_use_end);
    }
    const float score_here = best[begin].score;
    const auto offer = [&](std::size_t length, std::int32_t id, float score) {
      in_use_end = std::max(in_use_end, begin + length + 1);
      auto& end = best[begin + length];
      const float candidate = score + score_here;
      if (end.length == 0 || candidate > end.score) end = {candidate, id, static_cast<std::int32_t>(length)};
    };
    const std::size_t character = utf8_length(text[begin]);
    bool has_single = false;
    trie_.for_each_prefix(text, begin, [&](std::size_t length, std::int32_t id) {
      const auto& piece = model_.piece(id);
      if (piece.type == PieceType::unused) return;
      offer(length, id, piece.type == PieceType::user_defined ? user_defined_score(length) : piece.score);
      if (length == character) has_single = true;
    });
    if (!has_single) offer(character, model_.unknown_id, unknown_score_);
    begin += character;
  }
  const std::size_t first = spans.size();
  for (std::size_t end = text.size(); end > 0;) {
    const std::size_t begin = end - static_cast<std::size_t>(best[end].length);
    spans.push_back({best[end].id, begin, end});
    end = begin;
  }
  std::reverse(spans.begin() + static_cast<std::ptrdiff_t>(first), spans.end());
}

}  // namespace lacuna
