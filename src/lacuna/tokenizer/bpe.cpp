#include "lacuna/tokenizer/bpe.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <queue>

#include "lacuna/core/error.hpp"
#include "lacuna/tokenizer/utf8.hpp"

namespace lacuna {
namespace {

constexpr std::size_t kScanLimit = 48;  // symbols; above, the heap is faster
constexpr char32_t kSmallSymbols = 0x800;

std::uint64_t key_of(std::int32_t left, std::int32_t right) {
  return static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32U | static_cast<std::uint32_t>(right);
}

}  // namespace

MergeTable::MergeTable(std::size_t n_merges) : slots_(std::bit_ceil(2 * n_merges + 16)) {}

std::size_t MergeTable::slot_of(std::uint64_t pair) const {
  const std::size_t mask = slots_.size() - 1;
  std::uint64_t hash = pair * 0x9E3779B97F4A7C15ULL;
  hash ^= hash >> 32U;
  std::size_t slot = hash & mask;
  while (slots_[slot].pair != pair && slots_[slot].pair != kFree) slot = (slot + 1) & mask;
  return slot;
}

void MergeTable::add(std::int32_t left, std::int32_t right, Merge merge) {
  auto& slot = slots_[slot_of(key_of(left, right))];
  if (slot.pair == kFree) ++n_used_;
  LACUNA_ASSERT(2 * n_used_ <= slots_.size());
  slot = {key_of(left, right), merge};
}

MergeTable::Merge MergeTable::find(std::int32_t left, std::int32_t right) const {
  return slots_[slot_of(key_of(left, right))].merge;
}

void MergeTable::join_all(std::vector<std::int32_t>& symbols) const {
  symbols.size() <= kScanLimit ? join_by_scan(symbols) : join_by_heap(symbols);
}

void MergeTable::join_by_scan(std::vector<std::int32_t>& symbols) const {
  std::array<Merge, kScanLimit> merges;  // merges[i] joins symbols i and i + 1
  std::size_t n = symbols.size();
  for (std::size_t i = 0; i + 1 < n; ++i) merges[i] = find(symbols[i], symbols[i + 1]);
  while (n > 1) {
    const auto by_rank = [](const Merge& a, const Merge& b) { return a.rank < b.rank; };
    const auto best = static_cast<std::size_t>(
        std::min_element(merges.begin(), merges.begin() + static_cast<std::ptrdiff_t>(n - 1), by_rank) -
        merges.begin());
    if (merges[best].rank == kNoRank) break;
    symbols[best] = merges[best].joined;
    for (std::size_t i = best + 1; i + 1 < n; ++i) {
      symbols[i] = symbols[i + 1];
      merges[i - 1] = merges[i];
    }
    --n;
    if (best + 1 < n) merges[best] = find(symbols[best], symbols[best + 1]);
    if (best > 0) merges[best - 1] = find(symbols[best - 1], symbols[best]);
  }
  symbols.resize(n);
}

void MergeTable::join_by_heap(std::vector<std::int32_t>& symbols) const {
  constexpr std::int32_t kJoined = -1;  // the symbol became part of the one before it
  constexpr std::uint32_t kEnd = UINT32_MAX;
  struct Candidate {
    std::uint32_t rank;
    std::uint32_t at;
    std::int32_t joined;
    bool operator>(const Candidate& other) const { return rank != other.rank ? rank > other.rank : at > other.at; }
  };
  const auto n = static_cast<std::uint32_t>(symbols.size());
  std::vector<std::uint32_t> next(n);
  std::vector<std::uint32_t> previous(n);
  std::vector<Candidate> candidates;
  const auto candidate = [&](std::uint32_t left, std::uint32_t right) -> Candidate {
    const Merge merge = find(symbols[left], symbols[right]);
    return {merge.rank, left, merge.joined};
  };
  for (std::uint32_t i = 0; i < n; ++i) {
    next[i] = i + 1 < n ? i + 1 : kEnd;
    previous[i] = i > 0 ? i - 1 : kEnd;
    if (next[i] == kEnd) continue;
    if (const auto found = candidate(i, i + 1); found.rank != kNoRank) candidates.push_back(found);
  }
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> queue({}, std::move(candidates));
  const auto offer = [&](std::uint32_t left, std::uint32_t right) {
    if (left == kEnd || right == kEnd) return;
    if (const auto found = candidate(left, right); found.rank != kNoRank) queue.push(found);
  };
  while (!queue.empty()) {
    const Candidate best = queue.top();
    queue.pop();
    const std::uint32_t right = symbols[best.at] == kJoined ? kEnd : next[best.at];
    if (right == kEnd) continue;
    // A candidate is stale when one of its two symbols has changed since.
    const Merge now = find(symbols[best.at], symbols[right]);
    if (now.rank == kNoRank || now.joined != best.joined) continue;
    symbols[best.at] = best.joined;
    symbols[right] = kJoined;
    next[best.at] = next[right];
    if (next[right] != kEnd) previous[next[right]] = best.at;
    offer(previous[best.at], best.at);
    offer(best.at, next[best.at]);
  }
  std::erase(symbols, kJoined);
}

BpeModel::BpeModel(const Vocabulary& vocabulary, MergeTable merges, BpeOptions options)
    : vocabulary_(vocabulary), merges_(std::move(merges)), options_(std::move(options)) {
  if (options_.unknown_token) unknown_id_ = vocabulary.find(*options_.unknown_token);
  for (unsigned byte = 0; byte < 256; ++byte) byte_ids_[byte] = vocabulary.find(fmt::format("<0x{:02X}>", byte));
  merges_.for_each_joined([&](std::int32_t joined) { cuts_.note_token(*vocabulary.token(joined)); });
  const bool decorated = !options_.continuing_subword_prefix.empty() || !options_.end_of_word_suffix.empty();
  // Without a token of its own, "▁" could be part of a run of unknown characters.
  const bool space_is_known = vocabulary.find(kMetaspace) != Vocabulary::kAbsent;
  if (decorated || options_.ignore_merges || !space_is_known) cuts_.disable();
  if (!decorated) {
    small_symbols_.resize(kSmallSymbols);
    for (char32_t c = 0; c < kSmallSymbols; ++c) {
      std::string text;
      append_utf8(text, c);
      small_symbols_[c] = vocabulary.find(text);
    }
  }
}

std::string BpeModel::decorated(std::string_view word, std::size_t begin, std::size_t end) const {
  std::string text(word.substr(begin, end - begin));
  if (begin > 0) text.insert(0, options_.continuing_subword_prefix);
  if (end == word.size()) text += options_.end_of_word_suffix;
  return text;
}

std::int32_t BpeModel::symbol_of(std::string_view word, std::size_t begin, std::size_t end) const {
  if (small_symbols_.empty()) return vocabulary_.find(decorated(word, begin, end));
  if (end - begin <= 2) {
    std::size_t at = begin;
    return small_symbols_[next_code_point(word, at)];
  }
  return vocabulary_.find(word.substr(begin, end - begin));
}

bool BpeModel::append_bytes(std::string_view text, std::vector<std::int32_t>& symbols) const {
  const auto id_of = [&](char c) { return byte_ids_[static_cast<unsigned char>(c)]; };
  if (std::any_of(text.begin(), text.end(), [&](char c) { return id_of(c) == Vocabulary::kAbsent; })) return false;
  for (const char c : text) symbols.push_back(id_of(c));
  return true;
}

// A character without a token becomes its bytes' tokens, or the unknown token, or nothing. An unknown token is held
// back until the next known character, so that a run of them can become one; byte tokens do not end the run (as in the
// reference).
void BpeModel::split_into_symbols(std::string_view word, std::vector<std::int32_t>& symbols) const {
  bool unknown_pending = false;
  const auto flush_unknown = [&] {
    if (unknown_pending) symbols.push_back(unknown_id_);
    unknown_pending = false;
  };
  for (std::size_t begin = 0; begin < word.size();) {
    const std::size_t end = begin + utf8_length(word[begin]);
    const std::int32_t symbol = symbol_of(word, begin, end);
    if (symbol != Vocabulary::kAbsent) {
      flush_unknown();
      symbols.push_back(symbol);
    } else if (!(options_.byte_fallback && append_bytes(decorated(word, begin, end), symbols)) &&
               options_.unknown_token) {
      if (unknown_id_ == Vocabulary::kAbsent) {
        throw Error(ErrorCode::bad_tokenizer,
                    fmt::format("the unknown token \"{}\" is not in the vocabulary", *options_.unknown_token));
      }
      if (!options_.fuse_unknown) flush_unknown();
      unknown_pending = true;
    }
    begin = end;
  }
  flush_unknown();
}

void BpeModel::encode_word(std::string_view word, std::vector<std::int32_t>& ids) const {
  if (options_.ignore_merges) {
    if (const auto id = vocabulary_.find(word); id != Vocabulary::kAbsent) {
      ids.push_back(id);
      return;
    }
  }
  std::vector<std::int32_t> symbols;
  symbols.reserve(word.size());
  split_into_symbols(word, symbols);
  merges_.join_all(symbols);
  ids.insert(ids.end(), symbols.begin(), symbols.end());
}

}  // namespace lacuna
