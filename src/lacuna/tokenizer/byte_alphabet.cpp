#include "lacuna/tokenizer/byte_alphabet.hpp"

#include "lacuna/tokenizer/utf8.hpp"

namespace lacuna {
namespace {

constexpr int kNoByte = -1;
constexpr char32_t kAlphabetEnd = 0x100 + 68;  // 68 bytes are not printable

bool stands_for_itself(unsigned byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

struct Alphabet {
  std::array<char32_t, 256> character{};
  std::array<std::array<char, 2>, 256> utf8{};
  std::array<unsigned char, 256> utf8_length{};
  std::array<int, kAlphabetEnd> byte{};
};

Alphabet build_alphabet() {
  Alphabet alphabet;
  alphabet.byte.fill(kNoByte);
  char32_t next = 0x100;
  for (unsigned byte = 0; byte < 256; ++byte) {
    const char32_t character = stands_for_itself(byte) ? byte : next++;
    alphabet.character[byte] = character;
    alphabet.byte[character] = static_cast<int>(byte);
    std::string utf8;
    append_utf8(utf8, character);
    alphabet.utf8_length[byte] = static_cast<unsigned char>(utf8.size());
    for (std::size_t i = 0; i < utf8.size(); ++i) alphabet.utf8[byte][i] = utf8[i];
  }
  return alphabet;
}

const Alphabet& alphabet() {
  static const Alphabet instance = build_alphabet();
  return instance;
}

}  // namespace

const std::array<char32_t, 256>& byte_alphabet() { return alphabet().character; }

void append_as_byte_characters(std::string& out, std::string_view text) {
  const auto& table = alphabet();
  const std::size_t start = out.size();
  out.resize(start + 2 * text.size());
  char* end = out.data() + start;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    end[0] = table.utf8[byte][0];
    end[1] = table.utf8[byte][1];
    end += table.utf8_length[byte];
  }
  out.resize(static_cast<std::size_t>(end - out.data()));
}

std::optional<std::string> bytes_of_characters(std::string_view token) {
  const auto& table = alphabet();
  std::string bytes;
  bytes.reserve(token.size());
  for (std::size_t at = 0; at < token.size();) {
    const char32_t character = next_code_point(token, at);
    if (character >= kAlphabetEnd || table.byte[character] == kNoByte) return std::nullopt;
    bytes.push_back(static_cast<char>(static_cast<unsigned char>(table.byte[character])));
  }
  return bytes;
}

}  // namespace lacuna
