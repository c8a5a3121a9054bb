#include "lacuna/render/spy_text.hpp"

#include <algorithm>

#include "lacuna/render/escape.hpp"

namespace lacuna {
namespace {

// Cuts a whole character off the end.
void pop_character(std::string& text) {
  while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xC0) == 0x80) text.pop_back();
  if (!text.empty()) text.pop_back();
}

}  // namespace

std::string one_line(std::string_view text) {
  constexpr std::size_t kMaxBytes = 600;
  std::string line = clean_utf8(text.substr(0, kMaxBytes));
  std::replace_if(line.begin(), line.end(), [](char c) { return c == '\n' || c == '\t'; }, ' ');
  return line;
}

std::string ellipsised(std::string text, double size, bool bold, double width, const MeasureText& measure) {
  if (measure(text, size, bold) <= width) return text;
  while (!text.empty() && measure(text + "…", size, bold) > width) pop_character(text);
  return text + "…";
}

std::vector<std::string> wrapped(const std::string& text, double size, bool bold, double width,
                                 const MeasureText& measure) {
  constexpr std::size_t kMaxLines = 3;
  static const std::string kSeparator = " · ";
  std::vector<std::string> lines;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(kSeparator, at), text.size());
    const std::string piece = text.substr(at, end - at);
    if (!lines.empty() && measure(lines.back() + kSeparator + piece, size, bold) <= width) {
      lines.back() += kSeparator + piece;
    } else if (lines.size() == kMaxLines) {
      lines.back() = ellipsised(lines.back() + kSeparator + piece, size, bold, width, measure);
      return lines;
    } else {
      lines.push_back(ellipsised(piece, size, bold, width, measure));
    }
    at = end + kSeparator.size();
  }
  return lines;
}

}  // namespace lacuna
