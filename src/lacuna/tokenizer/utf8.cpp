#include "lacuna/tokenizer/utf8.hpp"

#include <cstring>

namespace lacuna {
namespace {

// One step over possibly ill-formed bytes.
struct Sequence {
  std::size_t length;  // bytes of the sequence, or of its maximal ill-formed part
  bool valid;
  bool truncated;  // ill-formed only because the input ends
};

// Table 3-7 of the Unicode standard: the range of the second byte depends on the first.
Sequence read_sequence(std::string_view bytes, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const unsigned char lead = byte(at);
  if (lead < 0x80) return {1, true, false};
  std::size_t length = 0;
  unsigned char low = 0x80;
  unsigned char high = 0xBF;
  if (lead >= 0xC2 && lead <= 0xDF) length = 2;
  if (lead >= 0xE0 && lead <= 0xEF) length = 3;
  if (lead >= 0xF0 && lead <= 0xF4) length = 4;
  if (length == 0) return {1, false, false};
  if (lead == 0xE0) low = 0xA0;
  if (lead == 0xED) high = 0x9F;
  if (lead == 0xF0) low = 0x90;
  if (lead == 0xF4) high = 0x8F;
  for (std::size_t i = 1; i < length; ++i) {
    if (at + i == bytes.size()) return {i, false, true};
    if (byte(at + i) < low || byte(at + i) > high) return {i, false, false};
    low = 0x80;
    high = 0xBF;
  }
  return {length, true, false};
}

// Skips ASCII eight bytes at a time.
std::size_t skip_ascii(std::string_view text, std::size_t at) {
  while (at + 8 <= text.size()) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + at, sizeof word);
    if ((word & 0x8080808080808080ULL) != 0) break;
    at += 8;
  }
  return at;
}

}  // namespace

std::optional<std::size_t> find_invalid_utf8(std::string_view text) {
  for (std::size_t at = skip_ascii(text, 0); at < text.size();) {
    const auto sequence = read_sequence(text, at);
    if (!sequence.valid) return at;
    at += sequence.length;
    if (sequence.length == 1) at = skip_ascii(text, at);
  }
  return std::nullopt;
}

char32_t next_code_point(std::string_view text, std::size_t& position) {
  const auto byte = [&](std::size_t i) { return static_cast<char32_t>(static_cast<unsigned char>(text[i])); };
  const std::size_t at = position;
  const char32_t lead = byte(at);
  const std::size_t length = utf8_length(text[at]);
  position += length;
  switch (length) {
    case 1: return lead;
    case 2: return (lead & 0x1FU) << 6 | (byte(at + 1) & 0x3FU);
    case 3: return (lead & 0x0FU) << 12 | (byte(at + 1) & 0x3FU) << 6 | (byte(at + 2) & 0x3FU);
    default:
      return (lead & 0x07U) << 18 | (byte(at + 1) & 0x3FU) << 12 | (byte(at + 2) & 0x3FU) << 6 | (byte(at + 3) & 0x3FU);
  }
}

void append_utf8(std::string& out, char32_t c) {
  const auto put = [&](char32_t byte) { out.push_back(static_cast<char>(static_cast<unsigned char>(byte))); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xC0 | c >> 6);
    put(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    put(0xE0 | c >> 12);
    put(0x80 | (c >> 6 & 0x3F));
    put(0x80 | (c & 0x3F));
  } else {
    put(0xF0 | c >> 18);
    put(0x80 | (c >> 12 & 0x3F));
    put(0x80 | (c >> 6 & 0x3F));
    put(0x80 | (c & 0x3F));
  }
}

std::size_t complete_utf8_prefix(std::string_view bytes) {
  // Only a truncated sequence at the very end can change; it starts at most three bytes before the end.
  for (std::size_t back = 1; back <= 3 && back <= bytes.size(); ++back) {
    const std::size_t at = bytes.size() - back;
    if (is_utf8_continuation(bytes[at])) continue;
    const auto sequence = read_sequence(bytes, at);
    return sequence.truncated && sequence.length == back ? at : bytes.size();
  }
  return bytes.size();
}

void append_utf8_lossy(std::string& out, std::string_view bytes) {
  std::size_t copied = 0;
  for (std::size_t at = skip_ascii(bytes, 0); at < bytes.size();) {
    const auto sequence = read_sequence(bytes, at);
    if (!sequence.valid) {
      out.append(bytes, copied, at - copied);
      out.append("\xEF\xBF\xBD");
      copied = at + sequence.length;
    }
    at += sequence.length;
  }
  out.append(bytes, copied);
}

}  // namespace lacuna
