#include "lacuna/formats/json_cursor.hpp"

#include <fmt/format.h>

#include <array>

#include "lacuna/core/checked.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/formats/utf8.hpp"

namespace lacuna {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

void append_code_point(std::string& out, unsigned code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
    return;
  }
  if (code < 0x800) {
    out += static_cast<char>(0xC0 | (code >> 6));
  } else {
    if (code < 0x10000) {
      out += static_cast<char>(0xE0 | (code >> 12));
    } else {
      out += static_cast<char>(0xF0 | (code >> 18));
      out += static_cast<char>(0x80 | ((code >> 12) & 0x3F));
    }
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
  }
  out += static_cast<char>(0x80 | (code & 0x3F));
}

}  // namespace

std::uint64_t JsonCursor::offset() {
  skip_space();
  return file_offset_ + position_;
}

void JsonCursor::fail_at(const std::string& message, std::uint64_t file_offset) const {
  throw Error(ErrorCode::corrupt_file, message).at(*path_, file_offset);
}

bool JsonCursor::next_key(std::string& key) {
  if (!next_member('}')) return false;
  skip_space();
  if (position_ >= text_.size() || text_[position_] != '"')
    fail(fmt::format("expected a key in quotes, got {}", got()));
  key = string();
  if (!at(':')) fail(fmt::format("expected ':' after the key, got {}", got()));
  return true;
}

bool JsonCursor::next_item() { return next_member(']'); }

std::string JsonCursor::string() {
  if (!at('"')) fail(fmt::format("expected a string, got {}", got()));
  std::string out;
  while (true) {
    const std::size_t start = position_;
    while (position_ < text_.size()) {
      const auto c = static_cast<unsigned char>(text_[position_]);
      if (c == '"' || c == '\\' || c < 0x20 || c >= 0x80) break;
      ++position_;
    }
    out.append(text_.substr(start, position_ - start));
    if (position_ >= text_.size()) fail_at("the text ends inside a string", file_offset_ + position_);
    const auto c = static_cast<unsigned char>(text_[position_]);
    if (c == '"') {
      ++position_;
      return out;
    }
    if (c < 0x20) fail_at(fmt::format("control character 0x{:02x} inside a string", c), file_offset_ + position_);
    if (c == '\\') {
      append_escape(out);
    } else {
      append_utf8_sequence(out);
    }
  }
}

std::uint64_t JsonCursor::unsigned_integer() {
  const std::uint64_t start = offset();
  const std::size_t first = position_;
  if (position_ >= text_.size() || !is_digit(text_[position_])) {
    fail_at(fmt::format("expected a whole number ≥ 0, got {}", got()), start);
  }
  std::uint64_t value = 0;
  for (; position_ < text_.size() && is_digit(text_[position_]); ++position_) {
    const auto tens = checked_mul(value, 10);
    const auto next = tens ? checked_add(*tens, static_cast<std::uint64_t>(text_[position_] - '0')) : std::nullopt;
    if (!next) fail_at("the number does not fit in 64 bits", start);
    value = *next;
  }
  if (text_[first] == '0' && position_ - first > 1) fail_at("a number has a leading zero", start);
  if (position_ < text_.size() && (text_[position_] == '.' || (text_[position_] | 0x20) == 'e')) {
    fail_at("expected a whole number, got one with a fraction or an exponent", start);
  }
  return value;
}

// Containers are kept on a small stack of closing brackets, so hostile nesting costs neither stack nor heap.
std::string_view JsonCursor::skip_value() {
  skip_space();
  const std::size_t start = position_;
  std::array<char, kMaxDepth> closing{};
  std::size_t depth = 0;
  std::string key;
  while (true) {
    skip_space();
    const char c = position_ < text_.size() ? text_[position_] : '\0';
    if (c == '{' || c == '[') {
      if (depth == kMaxDepth) {
        throw Error(ErrorCode::limit_exceeded, fmt::format("more than {} nested containers", kMaxDepth))
            .at(*path_, file_offset_ + position_);
      }
      open(c, "a container");
      closing[depth++] = c == '{' ? '}' : ']';
    } else {
      skip_scalar();
    }
    while (depth > 0 && !(closing[depth - 1] == '}' ? next_key(key) : next_item())) --depth;
    if (depth == 0) return text_.substr(start, position_ - start);
  }
}

void JsonCursor::finish() {
  skip_space();
  if (position_ < text_.size()) fail(fmt::format("expected only spaces after the last '}}', got {}", got()));
}

void JsonCursor::skip_space() {
  while (position_ < text_.size()) {
    const char c = text_[position_];
    if (c != ' ' && c != '\n' && c != '\r' && c != '\t') return;
    ++position_;
  }
}

bool JsonCursor::at(char expected) {
  skip_space();
  if (position_ >= text_.size() || text_[position_] != expected) return false;
  ++position_;
  return true;
}

void JsonCursor::open(char bracket, std::string_view what) {
  if (!at(bracket)) fail(fmt::format("expected {}, got {}", what, got()));
  fresh_ = true;
}

bool JsonCursor::next_member(char closing) {
  if (at(closing)) {
    fresh_ = false;
    return false;
  }
  if (!fresh_ && !at(',')) fail(fmt::format("expected ',' or '{}', got {}", closing, got()));
  fresh_ = false;
  return true;
}

std::string JsonCursor::got() const {
  if (position_ >= text_.size()) return "the end of the text";
  const auto c = static_cast<unsigned char>(text_[position_]);
  return c > 0x20 && c < 0x7f ? fmt::format("'{}'", text_[position_]) : fmt::format("byte 0x{:02x}", c);
}

void JsonCursor::append_escape(std::string& out) {
  const std::uint64_t start = file_offset_ + position_;
  ++position_;  // the backslash
  const char c = position_ < text_.size() ? text_[position_++] : '\0';
  switch (c) {
    case '"':
    case '\\':
    case '/': out += c; return;
    case 'b': out += '\b'; return;
    case 'f': out += '\f'; return;
    case 'n': out += '\n'; return;
    case 'r': out += '\r'; return;
    case 't': out += '\t'; return;
    case 'u': break;
    default: fail_at("unknown escape in a string", start);
  }
  unsigned code = hex4();
  if (code >= 0xDC00 && code <= 0xDFFF) fail_at("lone surrogate in a string", start);
  if (code >= 0xD800 && code <= 0xDBFF) {
    if (text_.substr(position_, 2) != "\\u") fail_at("lone surrogate in a string", start);
    position_ += 2;
    const unsigned low = hex4();
    if (low < 0xDC00 || low > 0xDFFF) fail_at("lone surrogate in a string", start);
    code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
  }
  append_code_point(out, code);
}

unsigned JsonCursor::hex4() {
  unsigned value = 0;
  for (int i = 0; i < 4; ++i, ++position_) {
    const char c = position_ < text_.size() ? text_[position_] : '\0';
    const char lower = static_cast<char>(c | 0x20);
    const bool letter = lower >= 'a' && lower <= 'f';
    if (!is_digit(c) && !letter) fail_at("expected four hexadecimal digits after \\u", file_offset_ + position_);
    value = value * 16 + static_cast<unsigned>(is_digit(c) ? c - '0' : lower - 'a' + 10);
  }
  return value;
}

void JsonCursor::append_utf8_sequence(std::string& out) {
  const std::size_t length = utf8_sequence(text_.substr(position_));
  if (length == 0) fail_at("a string is not valid UTF-8", file_offset_ + position_);
  out.append(text_.substr(position_, length));
  position_ += length;
}

void JsonCursor::skip_number() {
  const std::uint64_t start = file_offset_ + position_;
  const auto digits = [&] {
    const std::size_t first = position_;
    while (position_ < text_.size() && is_digit(text_[position_])) ++position_;
    return position_ - first;
  };
  const auto next_is = [&](char c) { return position_ < text_.size() && text_[position_] == c; };
  if (next_is('-')) ++position_;
  const bool zero = next_is('0');
  const std::size_t whole = digits();
  if (whole == 0 || (zero && whole > 1)) fail_at("malformed number", start);
  if (next_is('.')) {
    ++position_;
    if (digits() == 0) fail_at("malformed number", start);
  }
  if (next_is('e') || next_is('E')) {
    ++position_;
    if (next_is('+') || next_is('-')) ++position_;
    if (digits() == 0) fail_at("malformed number", start);
  }
}

void JsonCursor::skip_literal(std::string_view literal) {
  if (text_.substr(position_, literal.size()) != literal) fail(fmt::format("expected a JSON value, got {}", got()));
  position_ += literal.size();
}

void JsonCursor::skip_scalar() {
  const char c = position_ < text_.size() ? text_[position_] : '\0';
  if (c == '"') {
    string();
  } else if (c == '-' || is_digit(c)) {
    skip_number();
  } else if (c == 't') {
    skip_literal("true");
  } else if (c == 'f') {
    skip_literal("false");
  } else {
    skip_literal("null");
  }
}

}  // namespace lacuna
