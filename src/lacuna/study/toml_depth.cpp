// Dots count outside strings and comments only, and from key to key anew. Text behind the first mistake of syntax may
// be read wrongly: the parser never gets there.
#include "lacuna/study/toml_depth.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "lacuna/core/error.hpp"

namespace lacuna {
namespace {

// The end of the string that begins at `at`, behind its closing quotes; a string of one line ends with that line at the
// latest.
std::size_t end_of_string(std::string_view toml, std::size_t at) {
  const char quote = toml[at];
  const std::string triple(3, quote);
  const bool multi_line = toml.substr(at, 3) == triple;
  for (at += multi_line ? 3 : 1; at < toml.size(); ++at) {
    if (toml[at] == '\\' && quote == '"') {
      ++at;
    } else if (!multi_line && toml[at] == '\n') {
      return at;
    } else if (!multi_line && toml[at] == quote) {
      return at + 1;
    } else if (multi_line && toml.substr(at, 3) == triple) {
      at += 3;
      for (int i = 0; i < 2 && at < toml.size() && toml[at] == quote; ++i) ++at;  // quotes just before the closing ones
      return at;
    }
  }
  return toml.size();
}

}  // namespace

void refuse_deep_keys(std::string_view toml) {
  int dots = 0;
  for (std::size_t at = 0; at < toml.size();) {
    const char c = toml[at];
    if (c == '"' || c == '\'') {
      at = end_of_string(toml, at);
      continue;
    }
    if (c == '#') {
      at = std::min(toml.find('\n', at), toml.size());
      continue;
    }
    if (c == '.' && ++dots > kMaxKeyDots) {
      const auto line = 1 + std::count(toml.begin(), toml.begin() + static_cast<std::ptrdiff_t>(at), '\n');
      throw Error(ErrorCode::bad_study_file,
                  fmt::format("line {}: a key of more than {} parts, expected a table and a key", line, kMaxKeyDots));
    }
    if (std::string_view("\n,=[]{}").find(c) != std::string_view::npos) dots = 0;
    ++at;
  }
}

}  // namespace lacuna
