#include <algorithm>
#include <queue>
#include <unordered_map>

#include "lacuna/tokenizer/sentencepiece_encoder.hpp"
#include "lacuna/tokenizer/utf8.hpp"

namespace lacuna {
namespace {

constexpr std::int32_t kEnd = -1;

struct Symbol {
  std::size_t begin;
  std::size_t end;  // begin == end: became part of the symbol before it
  std::int32_t previous;
  std::int32_t next;
  bool frozen;  // user-defined pieces do not merge
  std::size_t size() const { return end - begin; }
};

struct Candidate {
  float score;
  std::int32_t left;
  std::int32_t right;
  std::size_t size;
  // The best score first, then the leftmost.
  bool operator<(const Candidate& other) const {
    return score < other.score || (score == other.score && left > other.left);
  }
};

// One encoding.
class Merging {
 public:
  Merging(const SentencePieceModel& model, const ByteTrie& user_defined, std::string_view text)
      : model_(model), text_(text) {
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t symbol = user_defined.longest(text, at).length;
      const std::size_t length = symbol > 0 ? symbol : utf8_length(text[at]);
      const auto index = static_cast<std::int32_t>(symbols_.size());
      at += length;
      symbols_.push_back({at - length, at, index - 1, at < text.size() ? index + 1 : kEnd, symbol > 0});
    }
  }

  void run() {
    for (std::int32_t i = 1; i < std::ssize(symbols_); ++i) offer(i - 1, i);
    while (!candidates_.empty()) {
      const Candidate best = candidates_.top();
      candidates_.pop();
      auto& left = symbol(best.left);
      auto& right = symbol(best.right);
      // Stale: one of the two has changed since.
      if (left.size() == 0 || right.size() == 0 || left.size() + right.size() != best.size) continue;
      left.end = right.end;
      left.next = right.next;
      if (right.next != kEnd) symbol(right.next).previous = best.left;
      right.begin = right.end;
      offer(left.previous, best.left);
      offer(best.left, left.next);
    }
  }

  void collect(std::vector<PieceSpan>& spans) {
    for (std::int32_t i = 0; i != kEnd; i = symbol(i).next) resegment(symbol(i).begin, symbol(i).end, spans);
  }

 private:
  Symbol& symbol(std::int32_t index) { return symbols_[static_cast<std::size_t>(index)]; }
  std::string_view view(std::size_t begin, std::size_t end) const { return text_.substr(begin, end - begin); }

  void offer(std::int32_t left, std::int32_t right) {
    if (left == kEnd || right == kEnd || symbol(left).frozen || symbol(right).frozen) return;
    const auto joined = view(symbol(left).begin, symbol(right).end);
    const auto id = model_.vocabulary.find(joined);
    if (id == Vocabulary::kAbsent || !model_.is_text(id)) return;
    candidates_.push({model_.piece(id).score, left, right, joined.size()});
    // An unused piece may serve as a step to a longer one; if it stays, it falls apart again where it was joined.
    if (model_.piece(id).type == PieceType::unused) parts_[joined] = symbol(left).size();
  }

  void resegment(std::size_t begin, std::size_t end, std::vector<PieceSpan>& spans) {
    std::vector<std::pair<std::size_t, std::size_t>> pending{{begin, end}};
    while (!pending.empty()) {
      const auto [from, to] = pending.back();
      pending.pop_back();
      auto id = model_.vocabulary.find(view(from, to));
      if (id == Vocabulary::kAbsent) id = model_.unknown_id;
      const bool unused = model_.piece(id).type == PieceType::unused;
      const auto part = unused ? parts_.find(view(from, to)) : parts_.end();
      if (part == parts_.end()) {
        if (unused) id = model_.unknown_id;  // a single character
        spans.push_back({id, from, to});
        continue;
      }
      pending.emplace_back(from + part->second, to);
      pending.emplace_back(from, from + part->second);
    }
  }

  const SentencePieceModel& model_;
  std::string_view text_;
  std::vector<Symbol> symbols_;
  std::priority_queue<Candidate> candidates_;
  std::unordered_map<std::string_view, std::size_t> parts_;  // unused piece → length of its left part
};

}  // namespace

SentencePieceBpe::SentencePieceBpe(const SentencePieceModel& model, const ByteTrie& user_defined)
    : model_(model), user_defined_(user_defined) {
  for (std::size_t id = 0; id < model.pieces.size(); ++id) {
    cuts_.note_token(*model.vocabulary.token(static_cast<std::int64_t>(id)));
    // How an unused piece falls apart can depend on what was merged elsewhere in the text.
    if (model.pieces[id].type == PieceType::unused) cuts_.disable();
  }
}

void SentencePieceBpe::encode(std::string_view text, std::vector<PieceSpan>& spans) const {
  if (text.empty()) return;
  Merging merging(model_, user_defined_, text);
  merging.run();
  merging.collect(spans);
}

}  // namespace lacuna
