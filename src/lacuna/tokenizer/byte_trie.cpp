#include "lacuna/tokenizer/byte_trie.hpp"

namespace lacuna {
namespace {

std::uint64_t key_of(std::int32_t node, char byte) {
  return (static_cast<std::uint64_t>(node) << 8U | static_cast<unsigned char>(byte)) + 1;
}

}  // namespace

ByteTrie::ByteTrie() : values_(1, kNone), transitions_(64) { first_level_.fill(kNone); }

std::size_t ByteTrie::slot_of(std::uint64_t key) const {
  const std::size_t mask = transitions_.size() - 1;
  std::uint64_t hash = key * 0x9E3779B97F4A7C15ULL;
  hash ^= hash >> 32U;
  std::size_t slot = hash & mask;
  while (transitions_[slot].key != key && transitions_[slot].key != 0) slot = (slot + 1) & mask;
  return slot;
}

std::int32_t ByteTrie::child(std::int32_t node, char byte) const {
  if (node == 0) return first_level_[static_cast<unsigned char>(byte)];
  return transitions_[slot_of(key_of(node, byte))].child;
}

void ByteTrie::grow() {
  std::vector<Transition> old(2 * transitions_.size());
  old.swap(transitions_);
  for (const auto& transition : old) {
    if (transition.key != 0) transitions_[slot_of(transition.key)] = transition;
  }
}

void ByteTrie::add(std::string_view text, std::int32_t value) {
  if (text.empty()) return;
  std::int32_t node = 0;
  for (const char byte : text) {
    std::int32_t next = child(node, byte);
    if (next == kNone) {
      next = static_cast<std::int32_t>(values_.size());
      values_.push_back(kNone);
      if (node == 0) {
        first_level_[static_cast<unsigned char>(byte)] = next;
      } else {
        if (2 * ++n_transitions_ > transitions_.size()) grow();
        transitions_[slot_of(key_of(node, byte))] = {key_of(node, byte), next};
      }
    }
    node = next;
  }
  auto& end = values_[static_cast<std::size_t>(node)];
  if (end == kNone) end = value;
}

ByteTrie::Match ByteTrie::longest(std::string_view text, std::size_t at) const {
  Match best;
  for_each_prefix(text, at, [&](std::size_t length, std::int32_t value) { best = {length, value}; });
  return best;
}

}  // namespace lacuna
