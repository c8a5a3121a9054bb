// The tokens of a model: text to id and back.
//
// Layout   all token texts lie one after another in one string; an open-addressing table maps text to entry, a dense
//          array maps id to entry. Ids may have holes.
// Cost     both look-ups O(1); about 20 bytes per token beside its text.
// Errors   Error{bad_tokenizer}: a text or an id is given twice; an id is far beyond the number of tokens; a text
//          is longer than kMaxTokenBytes.
// Threads  const functions are safe from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lacuna {

class Vocabulary {
 public:
  static constexpr std::int32_t kAbsent = -1;
  static constexpr std::size_t kMaxTokenBytes = 65535;

  // Prepares for `n_tokens` more tokens. Ids must stay below 16 × n_tokens + 2^20: a few holes are honest, an id of
  // four billion in a small file is an attempt to make a reader allocate.
  explicit Vocabulary(std::size_t n_tokens);

  void add(std::string_view token, std::uint64_t id);

  std::int32_t find(std::string_view token) const;               // kAbsent when unknown
  std::optional<std::string_view> token(std::int64_t id) const;  // nothing for holes and ids out of range
  std::size_t size() const { return entries_.size(); }           // number of tokens
  std::size_t id_end() const { return entry_of_id_.size(); }     // highest id + 1

 private:
  struct Entry {
    std::uint64_t offset;
    std::uint32_t length;
    std::int32_t id;
  };

  std::string_view text_of(const Entry& entry) const { return {texts_.data() + entry.offset, entry.length}; }
  std::size_t slot_of(std::string_view token) const;
  void grow();

  std::uint64_t id_limit_;
  std::string texts_;
  std::vector<Entry> entries_;
  std::vector<std::uint32_t> slots_;        // entry index + 1; 0 is free; size is a power of two
  std::vector<std::uint32_t> entry_of_id_;  // entry index + 1; 0 is a hole
};

}  // namespace lacuna
