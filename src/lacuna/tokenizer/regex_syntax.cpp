// From Oniguruma's syntax to PCRE2's, for the part of it that tokenizers use.
//
// The reference compiles patterns with Oniguruma's Ruby-like rules. Where PCRE2 reads the same characters differently,
// the pattern is rewritten; where it offers more than Oniguruma, or something no tokenizer needs, it is refused by
// name.
//
//   \s \S   property White_Space, spelled out (PCRE2's own \s has U+180E in addition)
//   \w \b   letters, marks, Nd, Pc, and ² ³ ¹ ¼ ½ ¾ (PCRE2's own \w lacks marks and connectors other than _)
//   \d \h   Nd; hexadecimal digit (PCRE2's \h is white space)
//   \p{Han} the script property (PCRE2 takes script extensions unless told)
//   ( )     groups without capture, since nothing refers back
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "lacuna/core/error.hpp"
#include "lacuna/tokenizer/regex.hpp"
#include "lacuna/tokenizer/utf8.hpp"

namespace lacuna {
namespace {

constexpr std::size_t kMaxPatternBytes = 16384;
constexpr unsigned kMaxRepeat = 1000;
constexpr int kMaxClassDepth = 16;
constexpr std::string_view kSpaces =
    R"(\x09-\x0D\x20\x85\xA0\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000})";
constexpr std::string_view kNonSpaces =
    R"(\x00-\x08\x0E-\x1F\x21-\x84\x86-\x9F\xA1-\x{167F}\x{1681}-\x{1FFF}\x{200B}-\x{2027}\x{202A}-\x{202E}\x{2030}-\x{205E}\x{2060}-\x{2FFF}\x{3001}-\x{10FFFF})";
constexpr std::string_view kWord = R"(\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\xB2\xB3\xB9\xBC-\xBE)";
constexpr std::string_view kHexDigits = "0-9A-Fa-f";

class Translator {
 public:
  explicit Translator(std::string_view pattern) : pattern_(pattern) {}

  std::string run() {
    if (pattern_.size() > kMaxPatternBytes) refuse(fmt::format("a pattern of {} bytes", pattern_.size()));
    while (!at_end()) {
      const char c = pattern_[at_];
      if (c == '\\') {
        escape();
      } else if (c == '[') {
        character_class();
      } else if (c == '(') {
        group();
      } else if (c == '{') {
        interval();
      } else {
        copy_character();
      }
    }
    return std::move(out_);
  }

 private:
  bool at_end() const { return at_ >= pattern_.size(); }
  bool looking_at(std::string_view text) const { return pattern_.substr(at_, text.size()) == text; }
  char peek(std::size_t ahead) const { return at_ + ahead < pattern_.size() ? pattern_[at_ + ahead] : '\0'; }

  [[noreturn]] void refuse(std::string_view what) const {
    throw Error(ErrorCode::unsupported_tokenizer,
                fmt::format("the pattern \"{}\" uses {}, which is not supported", pattern_.substr(0, 200), what));
  }

  void copy_character() {
    const std::size_t length = utf8_length(pattern_[at_]);
    out_.append(pattern_, at_, length);
    at_ += length;
  }

  void group() {
    if (looking_at("(*")) refuse("(*");
    if (!looking_at("(?")) {
      out_ += "(?:";
      ++at_;
      return;
    }
    static constexpr std::array<std::string_view, 10> kPlain = {"(?:", "(?=",  "(?!",   "(?<=", "(?<!",
                                                                "(?>", "(?i:", "(?-i:", "(?i)", "(?-i)"};
    const auto found = std::find_if(kPlain.begin(), kPlain.end(), [&](auto text) { return looking_at(text); });
    if (found == kPlain.end()) refuse(fmt::format("the group {}", pattern_.substr(at_, 4)));
    out_ += *found;
    at_ += found->size();
  }

  // {n} {n,} {n,m} {,m}; anything else is a literal brace.
  void interval() {
    std::size_t i = at_ + 1;
    const auto number = [&]() -> std::string {
      const std::size_t begin = i;
      while (i < pattern_.size() && std::isdigit(static_cast<unsigned char>(pattern_[i])) != 0) ++i;
      return std::string(pattern_.substr(begin, i - begin));
    };
    const auto checked = [&](const std::string& digits) {
      if (digits.size() > 4 || (!digits.empty() && std::stoul(digits) > kMaxRepeat)) {
        refuse(fmt::format("a repeat count above {}", kMaxRepeat));
      }
      return digits;
    };
    const std::string low = number();
    const bool comma = i < pattern_.size() && pattern_[i] == ',';
    if (comma) ++i;
    const std::string high = comma ? number() : "";
    if (i >= pattern_.size() || pattern_[i] != '}' || (low.empty() && high.empty())) {
      out_ += "\\{";
      ++at_;
      return;
    }
    out_ += fmt::format("{{{}{}{}}}", low.empty() ? "0" : checked(low), comma ? "," : "", checked(high));
    at_ = i + 1;
    if (peek(0) == '+' || (peek(0) == '?' && !comma)) refuse("+ or ? after a repeat count");
  }

  void escape() {
    switch (peek(1)) {
      case 's': emit_set(kSpaces, false); return;
      case 'S': emit_set(kSpaces, true); return;
      case 'w': emit_set(kWord, false); return;
      case 'W': emit_set(kWord, true); return;
      case 'h': emit_set(kHexDigits, false); return;
      case 'b': emit(fmt::format("(?:(?<=[{0}])(?![{0}])|(?<![{0}])(?=[{0}]))", kWord)); return;
      case 'B': emit(fmt::format("(?:(?<=[{0}])(?=[{0}])|(?<![{0}])(?![{0}]))", kWord)); return;
      case 'A':
      case 'z':
      case 'Z': emit(pattern_.substr(at_, 2)); return;
      default: common_escape();
    }
  }

  void emit(std::string_view text) {
    out_ += text;
    at_ += 2;
  }
  void emit_set(std::string_view members, bool negated) { emit(fmt::format("[{}{}]", negated ? "^" : "", members)); }

  // Escapes that read the same inside and outside a class. Returns false for those that stand for a set.
  bool common_escape() {
    const char c = peek(1);
    switch (c) {
      case 'd': emit("\\p{Nd}"); return false;
      case 'D': emit("\\P{Nd}"); return false;
      case 'p':
      case 'P': property(); return false;
      case 't':
      case 'n':
      case 'r':
      case 'f':
      case 'a':
      case 'e': emit(pattern_.substr(at_, 2)); return true;
      case 'v': emit("\\x0B"); return true;
      case 'x': hexadecimal(); return true;
      case 'u': code_unit(); return true;
      default: break;
    }
    if (c == '\0') refuse("a backslash at its end");
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) refuse(fmt::format("the escape \\{}", c));
    out_ += '\\';
    ++at_;
    if (static_cast<unsigned char>(c) >= 0x80) out_.pop_back();  // \é is é
    copy_character();
    return true;
  }

  void property() {
    const std::size_t close = pattern_.find('}', at_);
    if (peek(2) != '{' || close == std::string_view::npos) refuse("\\p without braces");
    std::string_view name = pattern_.substr(at_ + 3, close - at_ - 3);
    bool negated = peek(1) == 'P';
    if (!name.empty() && name.front() == '^') {
      negated = !negated;
      name.remove_prefix(1);
    }
    const auto is_name_character = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; };
    if (name.empty() || !std::all_of(name.begin(), name.end(), is_name_character)) refuse("a malformed \\p{}");
    // One or two letters name a general category; longer names are scripts or binary properties.
    const bool category = name.size() <= 2 || name == "Any" || name == "Alphabetic";
    out_ += fmt::format("\\{}{{{}{}}}", negated ? 'P' : 'p', category ? "" : "sc:", name);
    at_ = close + 1;
  }

  // \xHH below 80, and \x{H…}. (From 80 up, \xHH would mean a byte to the reference.)
  void hexadecimal() {
    const bool braces = peek(2) == '{';
    const std::size_t begin = at_ + (braces ? 3 : 2);
    std::size_t end = begin;
    while (end < pattern_.size() && std::isxdigit(static_cast<unsigned char>(pattern_[end])) != 0) ++end;
    if (!braces) end = std::min(end, begin + 2);
    const auto digits = std::string(pattern_.substr(begin, end - begin));
    const bool closed = !braces || (end < pattern_.size() && pattern_[end] == '}');
    if (digits.empty() || digits.size() > 8 || !closed) refuse("a malformed \\x");
    const auto value = std::stoul(digits, nullptr, 16);
    if (!braces && value >= 0x80) refuse("\\x with a byte above 7F");
    emit_code_point(value, end + (braces ? 1 : 0));
  }

  void code_unit() {
    const auto digits = std::string(pattern_.substr(at_ + 2, 4));
    const auto is_hex = [](char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; };
    if (digits.size() != 4 || !std::all_of(digits.begin(), digits.end(), is_hex)) refuse("a malformed \\u");
    emit_code_point(std::stoul(digits, nullptr, 16), at_ + 6);
  }

  void emit_code_point(unsigned long value, std::size_t next) {
    if (value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) refuse("a code point outside Unicode");
    out_ += fmt::format("\\x{{{:X}}}", value);
    at_ = next;
  }

  void character_class() {
    out_ += '[';
    ++at_;
    if (peek(0) == '^') copy_character();
    class_members(0);
    out_ += ']';
  }

  // Everything up to the closing bracket and that bracket. A class inside a class adds its members to the outer one.
  void class_members(int depth) {
    if (depth > kMaxClassDepth) refuse("character classes nested too deeply");
    if (peek(0) == ']') {
      out_ += "\\]";
      ++at_;
    }
    bool after_set = true;    // "-" cannot begin a range here
    bool after_dash = false;  // "-" has just begun a range
    while (!at_end() && pattern_[at_] != ']') {
      const bool ends_range = std::exchange(after_dash, false);
      if (looking_at("&&")) refuse("&& in a character class");
      if (pattern_[at_] == '-') {
        after_dash = !after_set && peek(1) != ']' && peek(1) != '[';
        out_ += after_dash ? "-" : "\\-";
        ++at_;
        after_set = true;
        continue;
      }
      const bool is_set = class_member(depth);
      if (is_set && ends_range) refuse("a range that ends in a set");
      after_set = is_set || ends_range;  // a-z-9: the second dash is a literal one
    }
    if (at_end()) refuse("an unclosed character class");
    ++at_;
  }

  // One member; true when it stands for more than one character.
  bool class_member(int depth) {
    if (pattern_[at_] == '\\') return !class_escape();
    if (pattern_[at_] != '[') {
      copy_character();
      return false;
    }
    if (looking_at("[:")) refuse("a POSIX bracket");
    if (looking_at("[^")) refuse("a negated character class inside another");
    ++at_;
    class_members(depth + 1);
    return true;
  }

  bool class_escape() {
    switch (peek(1)) {
      case 's': emit(kSpaces); return false;
      case 'S': emit(kNonSpaces); return false;
      case 'w': emit(kWord); return false;
      case 'h': emit(kHexDigits); return false;
      case 'W': refuse("\\W in a character class");
      default: return common_escape();
    }
  }

  std::string_view pattern_;
  std::size_t at_ = 0;
  std::string out_;
};

}  // namespace

std::string translate_pattern(std::string_view pattern) { return Translator(pattern).run(); }

}  // namespace lacuna
