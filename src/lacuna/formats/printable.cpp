#include "lacuna/formats/printable.hpp"

#include <fmt/format.h>

namespace lacuna {

std::string printable(std::string_view text) {
  constexpr std::size_t kLongest = 160;
  const bool cut = text.size() > kLongest;
  std::string out = "'";
  for (const char c : text.substr(0, kLongest)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return out + (cut ? "…'" : "'");
}

}  // namespace lacuna
