// Byte-pair encoding: a word starts as its characters, and the adjacent pair with the best rank is joined until none is
// left.
//
// Deterministic  lowest rank first, among equal ranks the leftmost pair.
// Cost           words of up to 48 symbols: a scan per join. Longer ones: a heap, O(n log n), so that a megabyte
//                without a space is no attack.
// Errors         Error{bad_tokenizer}: a merge names a token that the vocabulary lacks.
// Threads        const functions are safe from any thread.
// Source         Sennrich et al. 2016, arXiv:1508.07909.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lacuna/tokenizer/metaspace_cuts.hpp"
#include "lacuna/tokenizer/vocabulary.hpp"

namespace lacuna {

// Joins allowed between two adjacent symbols.
class MergeTable {
 public:
  struct Merge {
    std::uint32_t rank;
    std::int32_t joined;
  };
  static constexpr std::uint32_t kNoRank = UINT32_MAX;

  explicit MergeTable(std::size_t n_merges);
  void add(std::int32_t left, std::int32_t right, Merge merge);  // a pair given twice has its last rank
  Merge find(std::int32_t left, std::int32_t right) const;       // rank kNoRank: not allowed

  // Calls visit(joined) for every merge.
  template <typename Visit>
  void for_each_joined(const Visit& visit) const {
    for (const auto& slot : slots_) {
      if (slot.pair != kFree) visit(slot.merge.joined);
    }
  }

  // Joins `symbols` in place until no pair is left.
  void join_all(std::vector<std::int32_t>& symbols) const;

 private:
  struct Slot {
    std::uint64_t pair = kFree;
    Merge merge{kNoRank, 0};
  };
  static constexpr std::uint64_t kFree = UINT64_MAX;

  std::size_t slot_of(std::uint64_t pair) const;
  void join_by_scan(std::vector<std::int32_t>& symbols) const;
  void join_by_heap(std::vector<std::int32_t>& symbols) const;

  std::vector<Slot> slots_;
  std::size_t n_used_ = 0;
};

struct BpeOptions {
  std::optional<std::string> unknown_token;
  std::string continuing_subword_prefix;
  std::string end_of_word_suffix;
  bool fuse_unknown = false;
  bool byte_fallback = false;
  bool ignore_merges = false;  // a word that is a token is that token, whatever the merges say
};

class BpeModel {
 public:
  // `vocabulary` must outlive the model.
  BpeModel(const Vocabulary& vocabulary, MergeTable merges, BpeOptions options);

  // Length of the first stretch of `text`, which is not empty, that may be encoded by itself.
  std::size_t first_word(std::string_view text) const { return cuts_.first_word(text); }

  // Appends the ids of one word, which is not empty.
  void encode_word(std::string_view word, std::vector<std::int32_t>& ids) const;

 private:
  void split_into_symbols(std::string_view word, std::vector<std::int32_t>& symbols) const;
  std::int32_t symbol_of(std::string_view word, std::size_t begin, std::size_t end) const;
  bool append_bytes(std::string_view text, std::vector<std::int32_t>& symbols) const;
  std::string decorated(std::string_view word, std::size_t begin, std::size_t end) const;

  const Vocabulary& vocabulary_;
  MergeTable merges_;
  BpeOptions options_;
  std::int32_t unknown_id_ = Vocabulary::kAbsent;
  std::array<std::int32_t, 256> byte_ids_{};
  MetaspaceCuts cuts_;
  std::vector<std::int32_t> small_symbols_;  // ids of the characters below U+0800, where no decoration is in use
};

}  // namespace lacuna
