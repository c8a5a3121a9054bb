// A set of byte strings, each with a value, for finding those that begin at a place in a text.
//
// Layout   nodes are numbered; one open-addressing table holds all transitions (node, byte) → node.
// Cost     one probe per byte.
// Threads  const functions are safe from any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace lacuna {

class ByteTrie {
 public:
  static constexpr std::int32_t kNone = -1;

  ByteTrie();
  void add(std::string_view text, std::int32_t value);  // value >= 0; the first value given for a text stays
  bool empty() const { return values_.size() == 1; }

  struct Match {
    std::size_t length = 0;
    std::int32_t value = kNone;
  };
  Match longest(std::string_view text, std::size_t at) const;

  // Calls visit(length, value) for every string that begins at `at`, shortest first.
  template <typename Visit>
  void for_each_prefix(std::string_view text, std::size_t at, const Visit& visit) const {
    std::int32_t node = 0;
    for (std::size_t i = at; i < text.size(); ++i) {
      node = child(node, text[i]);
      if (node == kNone) return;
      if (values_[static_cast<std::size_t>(node)] != kNone) visit(i + 1 - at, values_[static_cast<std::size_t>(node)]);
    }
  }

 private:
  struct Transition {
    std::uint64_t key = 0;  // (node << 8 | byte) + 1; 0 is free
    std::int32_t child = kNone;
  };
  std::int32_t child(std::int32_t node, char byte) const;
  std::size_t slot_of(std::uint64_t key) const;
  void grow();

  std::array<std::int32_t, 256> first_level_;  // spares the probe for the many places where nothing begins
  std::vector<std::int32_t> values_;           // of each node
  std::vector<Transition> transitions_;
  std::size_t n_transitions_ = 0;
};

}  // namespace lacuna
