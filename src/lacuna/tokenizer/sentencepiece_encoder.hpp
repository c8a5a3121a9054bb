// SentencePiece models at work: from normalized text to pieces.
//
// Exact    the same pieces as the reference, to the last bit of its single-precision scores.
// Cost     BPE O(n log n); unigram O(n × longest piece).
// Threads  const functions are safe from any thread.
// Source   BPE: arXiv:1508.07909, by scores instead of ranks. Unigram: arXiv:1804.10959, Viterbi search for the best
//          segmentation.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "lacuna/tokenizer/byte_trie.hpp"
#include "lacuna/tokenizer/metaspace_cuts.hpp"
#include "lacuna/tokenizer/sentencepiece_model.hpp"

namespace lacuna {

// A stretch of the text and its piece; unknown_id for what no piece covers.
struct PieceSpan {
  std::int32_t id;
  std::size_t begin;
  std::size_t end;
};

class SentencePieceBpe {
 public:
  // Both must outlive the encoder.
  SentencePieceBpe(const SentencePieceModel& model, const ByteTrie& user_defined);
  void encode(std::string_view text, std::vector<PieceSpan>& spans) const;  // appends
  std::size_t first_word(std::string_view text) const { return cuts_.first_word(text); }

 private:
  const SentencePieceModel& model_;
  const ByteTrie& user_defined_;
  MetaspaceCuts cuts_;
};

class SentencePieceUnigram {
 public:
  explicit SentencePieceUnigram(const SentencePieceModel& model);           // must outlive the encoder
  void encode(std::string_view text, std::vector<PieceSpan>& spans) const;  // appends

 private:
  const SentencePieceModel& model_;
  ByteTrie trie_;
  float unknown_score_;
};

}  // namespace lacuna
