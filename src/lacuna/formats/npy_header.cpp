#include "lacuna/formats/npy_header.hpp"

#include <fmt/format.h>

#include <charconv>

#include "lacuna/formats/npy.hpp"
#include "lacuna/formats/printable.hpp"

namespace lacuna {
namespace {

// A cursor over the literal. Knows strings without escapes, True, False and tuples of integers.
class LiteralParser {
 public:
  LiteralParser(const ByteSource& source, std::uint64_t offset, std::string_view text)
      : source_(source), offset_(offset), text_(text) {}

  NpyHeader run();

 private:
  [[noreturn]] void fail(std::string_view expected) const {
    source_.fail(offset_ + at_,
                 fmt::format("npy header: expected {}, got {}", expected, printable(text_.substr(at_, 20))));
  }
  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
  }
  bool accept(char wanted) {
    skip_space();
    if (at_ == text_.size() || text_[at_] != wanted) return false;
    ++at_;
    return true;
  }
  void expect(char wanted) {
    if (!accept(wanted)) fail(fmt::format("'{}'", wanted));
  }
  bool accept_word(std::string_view word) {
    skip_space();
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }
  std::string_view string();
  std::int64_t integer();
  void entry(NpyHeader& header);
  DType dtype();
  Shape shape();

  const ByteSource& source_;
  std::uint64_t offset_;  // of the text in the source
  std::string_view text_;
  std::size_t at_ = 0;
  bool has_descr_ = false;
  bool has_order_ = false;
  bool has_shape_ = false;
};

NpyHeader LiteralParser::run() {
  NpyHeader header;
  expect('{');
  while (!accept('}')) {
    entry(header);
    if (accept(',')) continue;
    expect('}');
    break;
  }
  skip_space();
  if (at_ != text_.size()) fail("nothing after the dict");
  if (!has_descr_ || !has_order_ || !has_shape_) fail("the keys descr, fortran_order and shape");
  return header;
}

void LiteralParser::entry(NpyHeader& header) {
  const auto key = string();
  expect(':');
  const auto once = [&](bool& seen) {
    if (seen) fail("each key once");
    seen = true;
  };
  if (key == "descr") {
    once(has_descr_);
    header.dtype = dtype();
  } else if (key == "fortran_order") {
    once(has_order_);
    header.fortran_order = accept_word("True");
    if (!header.fortran_order && !accept_word("False")) fail("True or False");
  } else if (key == "shape") {
    once(has_shape_);
    header.shape = shape();
  } else {
    fail("one of the keys descr, fortran_order and shape before this");
  }
}

std::string_view LiteralParser::string() {
  skip_space();
  const char quote = at_ < text_.size() ? text_[at_] : '\0';
  if (quote != '\'' && quote != '"') fail("a string");
  const std::size_t end = text_.find(quote, at_ + 1);
  if (end == std::string_view::npos) fail("the end of a string");
  const auto value = text_.substr(at_ + 1, end - at_ - 1);
  if (value.find('\\') != std::string_view::npos || value.find('\n') != std::string_view::npos) fail("a plain string");
  at_ = end + 1;
  return value;
}

DType LiteralParser::dtype() {
  skip_space();
  const std::uint64_t start = offset_ + at_;
  const auto refuse = [&](std::string_view what, ErrorCode code) {
    source_.fail(start,
                 fmt::format("npy array of {}; supported are little-endian f8 f4 f2 i8 i4 i2 i1 u8 u4 u2 u1 b1", what),
                 code);
  };
  if (at_ < text_.size() && text_[at_] == '[') refuse("records (structured dtype)", ErrorCode::unsupported_dtype);
  const auto descr = string();
  if (descr.find('O') != std::string_view::npos) {
    refuse("Python objects, which only a pickle could hold", ErrorCode::unsupported_dtype);
  }
  const auto dtype = descr.empty() ? std::nullopt : npy_dtype(descr.substr(1));
  if (!dtype) refuse(fmt::format("dtype {}", printable(descr)), ErrorCode::unsupported_dtype);
  const bool single_byte = dtype_bytes(*dtype) == 1;
  if (descr[0] == '>' && !single_byte) refuse("big-endian values", ErrorCode::unsupported_format);
  if (descr[0] != '<' && !(single_byte && (descr[0] == '|' || descr[0] == '>'))) {
    refuse(fmt::format("dtype {}", printable(descr)), ErrorCode::unsupported_dtype);
  }
  return *dtype;
}

std::int64_t LiteralParser::integer() {
  skip_space();
  std::int64_t value = 0;
  const auto* first = text_.data() + at_;
  const auto [rest, error] = std::from_chars(first, text_.data() + text_.size(), value);
  if (error != std::errc{} || value < 0 || *first == '-' || (*first == '0' && rest != first + 1)) {
    fail("an extent: a non-negative 64-bit integer");
  }
  at_ += static_cast<std::size_t>(rest - first);
  if (at_ < text_.size() && text_[at_] == 'L') ++at_;  // Python 2
  return value;
}

Shape LiteralParser::shape() {
  Shape shape;
  expect('(');
  while (!accept(')')) {
    if (shape.size() == kMaxNpyRank) {
      source_.fail(offset_ + at_, fmt::format("npy: more than {} dimensions", kMaxNpyRank), ErrorCode::limit_exceeded);
    }
    shape.push_back(integer());
    if (accept(',')) continue;
    if (shape.size() == 1) fail("',' after a single extent");  // (3) is a number, not a tuple
    expect(')');
    break;
  }
  return shape;
}

}  // namespace

NpyHeader read_npy_header(const ByteSource& source, std::uint64_t begin, std::uint64_t end) {
  using namespace std::string_view_literals;
  constexpr auto kMagic = "\x93NUMPY"sv;
  constexpr std::uint64_t kShortPrefix = 10;
  constexpr std::uint64_t kLongPrefix = 12;
  if (end - begin < kShortPrefix || !source.starts_with(kMagic, begin)) {
    source.fail(begin, "npy: expected the 6 bytes \\x93NUMPY, a version and a header length");
  }
  const unsigned major = source.u8(begin + 6, "npy version");
  const unsigned minor = source.u8(begin + 7, "npy version");
  if (major < 1 || major > 3 || minor != 0) {
    source.fail(begin + 6, fmt::format("npy version {}.{}; supported are 1.0, 2.0 and 3.0", major, minor),
                ErrorCode::unsupported_format);
  }
  const std::uint64_t prefix = major == 1 ? kShortPrefix : kLongPrefix;
  if (end - begin < prefix) source.fail(begin, "npy: the file ends inside the header length");
  const std::uint64_t length =
      major == 1 ? source.u16(begin + 8, "npy header length") : source.u32(begin + 8, "npy header length");
  if (length > end - begin - prefix) {
    source.fail(begin + 8, fmt::format("npy header of {} bytes, {} follow", length, end - begin - prefix));
  }
  if (length > kMaxNpyHeaderBytes) {
    source.fail(begin + 8, fmt::format("npy header of {} bytes, more than the {} allowed", length, kMaxNpyHeaderBytes),
                ErrorCode::limit_exceeded);
  }
  const std::string text(source.text(begin + prefix, length, "npy header"));  // a copy: the file may change meanwhile
  NpyHeader header = LiteralParser(source, begin + prefix, text).run();
  header.data_offset = begin + prefix + length;
  return header;
}

}  // namespace lacuna
