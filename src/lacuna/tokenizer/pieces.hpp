// A text on its way to tokens: cut into pieces, some of which are tokens already (added tokens found in the text).
//
// Invariant  pieces are not empty, lie in order, and need not cover the text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lacuna {

struct Piece {
  std::size_t begin;
  std::size_t end;
  std::int32_t token = -1;  // 0 and up: this piece is that token
  bool at_origin = false;   // begins where the user's text begins
  bool is_token() const { return token >= 0; }
};

struct Pieces {
  std::string text;
  std::vector<Piece> list;

  std::string_view view(const Piece& piece) const {
    return std::string_view(text).substr(piece.begin, piece.end - piece.begin);
  }
};

// A stretch of a text that either matches a pattern or lies between matches.
struct Stretch {
  std::size_t begin;
  std::size_t end;
  bool is_match;
};

// What becomes of the matches when a text is split. For "-" in "the-final--countdown":
enum class SplitBehavior {
  removed,               // the final countdown
  isolated,              // the - final - - countdown
  merged_with_previous,  // the- final- - countdown
  merged_with_next,      // the -final - -countdown
  contiguous             // the - final -- countdown
};

// Turns the stretches of one text, which cover it, into ranges to keep, in place. Empty ranges may remain.
void apply_split_behavior(std::vector<Stretch>& stretches, SplitBehavior behavior);

}  // namespace lacuna
