// Where a text in SentencePiece style may be cut without changing its byte-pair encoding.
//
// Such tokenizers treat a whole text as one word, spaces written "▁". When no token continues with "▁" behind another
// character, no merge ever reaches across such a place, and the words on both sides encode by themselves: the ids are
// the same, but words repeat, so a cache serves them, and no heap over the whole text is needed.
//
// Threads  const functions are safe from any thread.
#pragma once

#include <string_view>

namespace lacuna {

// "▁", which stands for a space.
inline constexpr std::string_view kMetaspace = "\xE2\x96\x81";

class MetaspaceCuts {
 public:
  // Tells of every token that merging can produce.
  void note_token(std::string_view token);
  void disable() { possible_ = false; }

  // Length of the first word of `text`, which is not empty.
  std::size_t first_word(std::string_view text) const;

 private:
  bool possible_ = true;
};

}  // namespace lacuna
