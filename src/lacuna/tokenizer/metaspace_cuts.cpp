#include "lacuna/tokenizer/metaspace_cuts.hpp"

namespace lacuna {
namespace {

// The first "▁" at or behind `from` that another character stands before; npos for none.
std::size_t find_word_start(std::string_view text, std::size_t from) {
  for (auto at = text.find(kMetaspace, from); at != std::string_view::npos; at = text.find(kMetaspace, at + 1)) {
    if (at > 0 && !text.substr(0, at).ends_with(kMetaspace)) return at;
  }
  return std::string_view::npos;
}

}  // namespace

void MetaspaceCuts::note_token(std::string_view token) {
  if (find_word_start(token, 0) != std::string_view::npos) possible_ = false;
}

std::size_t MetaspaceCuts::first_word(std::string_view text) const {
  if (!possible_) return text.size();
  const std::size_t cut = find_word_start(text, 0);
  return cut == std::string_view::npos ? text.size() : cut;
}

}  // namespace lacuna
