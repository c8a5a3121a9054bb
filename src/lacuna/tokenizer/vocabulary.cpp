#include "lacuna/tokenizer/vocabulary.hpp"

#include <fmt/format.h>

#include <bit>
#include <functional>

#include "lacuna/core/error.hpp"

namespace lacuna {

Vocabulary::Vocabulary(std::size_t n_tokens)
    : id_limit_(16 * static_cast<std::uint64_t>(n_tokens) + (1U << 20U)), slots_(std::bit_ceil(2 * n_tokens + 16), 0) {
  entries_.reserve(n_tokens);
}

std::size_t Vocabulary::slot_of(std::string_view token) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = std::hash<std::string_view>{}(token)&mask;
  while (slots_[slot] != 0 && text_of(entries_[slots_[slot] - 1]) != token) slot = (slot + 1) & mask;
  return slot;
}

void Vocabulary::grow() {
  slots_.assign(2 * slots_.size(), 0);
  for (std::uint32_t i = 0; i < entries_.size(); ++i) slots_[slot_of(text_of(entries_[i]))] = i + 1;
}

void Vocabulary::add(std::string_view token, std::uint64_t id) {
  if (id >= id_limit_) {
    throw Error(ErrorCode::bad_tokenizer,
                fmt::format("token \"{}\" has id {}, expected an id below {}", token, id, id_limit_));
  }
  if (token.size() > kMaxTokenBytes) {
    throw Error(ErrorCode::bad_tokenizer, fmt::format("the token with id {} has {} bytes, expected at most {}", id,
                                                      token.size(), kMaxTokenBytes));
  }
  if (2 * (entries_.size() + 1) > slots_.size()) grow();
  const std::size_t slot = slot_of(token);
  if (slots_[slot] != 0) throw Error(ErrorCode::bad_tokenizer, fmt::format("token \"{}\" is listed twice", token));
  if (id >= entry_of_id_.size()) entry_of_id_.resize(id + 1, 0);
  if (entry_of_id_[id] != 0) {
    throw Error(ErrorCode::bad_tokenizer, fmt::format("id {} belongs to two tokens, \"{}\" and \"{}\"", id,
                                                      text_of(entries_[entry_of_id_[id] - 1]), token));
  }
  entries_.push_back({texts_.size(), static_cast<std::uint32_t>(token.size()), static_cast<std::int32_t>(id)});
  texts_.append(token);
  slots_[slot] = entry_of_id_[id] = static_cast<std::uint32_t>(entries_.size());
}

std::int32_t Vocabulary::find(std::string_view token) const {
  const std::uint32_t entry = slots_[slot_of(token)];
  return entry == 0 ? kAbsent : entries_[entry - 1].id;
}

std::optional<std::string_view> Vocabulary::token(std::int64_t id) const {
  if (id < 0 || static_cast<std::uint64_t>(id) >= entry_of_id_.size()) return std::nullopt;
  const std::uint32_t entry = entry_of_id_[static_cast<std::size_t>(id)];
  if (entry == 0) return std::nullopt;
  return text_of(entries_[entry - 1]);
}

}  // namespace lacuna
