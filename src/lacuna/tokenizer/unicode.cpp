#include "lacuna/tokenizer/unicode.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <vector>

#include "lacuna/core/error.hpp"
#include "lacuna/tokenizer/unicode_overrides.hpp"
#include "lacuna/tokenizer/utf8.hpp"

namespace lacuna {
namespace {

utf8proc_category_t category_of(char32_t c) { return utf8proc_category(static_cast<utf8proc_int32_t>(c)); }

bool is_mark_category(utf8proc_category_t category) {
  return category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_MC || category == UTF8PROC_CATEGORY_ME;
}

bool in_range(char32_t c, char32_t first, char32_t last) { return c >= first && c <= last; }

// Symbols with the property Alphabetic: letters in circles and squares.
bool is_enclosed_letter(char32_t c) {
  return in_range(c, 0x24B6, 0x24E9) || in_range(c, 0x1F130, 0x1F149) || in_range(c, 0x1F150, 0x1F169) ||
         in_range(c, 0x1F170, 0x1F189);
}

bool is_ascii_punctuation(char32_t c) {
  return in_range(c, 0x21, 0x2F) || in_range(c, 0x3A, 0x40) || in_range(c, 0x5B, 0x60) || in_range(c, 0x7B, 0x7E);
}

// Full decomposition, without reordering.
std::vector<utf8proc_int32_t> decompose(std::string_view text, bool compatibility) {
  const auto options = static_cast<utf8proc_option_t>(UTF8PROC_DECOMPOSE | (compatibility ? UTF8PROC_COMPAT : 0));
  std::vector<utf8proc_int32_t> code_points;
  code_points.reserve(text.size());
  std::array<utf8proc_int32_t, 32> parts{};  // the longest decomposition has 18
  for (std::size_t at = 0; at < text.size();) {
    const char32_t c = next_code_point(text, at);
    int last_boundary_class = 0;
    const auto n_parts = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c), parts.data(), parts.size(), options,
                                                 &last_boundary_class);
    if (n_parts < 0 || n_parts > static_cast<utf8proc_ssize_t>(parts.size())) {
      throw Error(ErrorCode::internal, "utf8proc could not decompose a character");
    }
    code_points.insert(code_points.end(), parts.begin(), parts.begin() + n_parts);
  }
  return code_points;
}

// Canonical ordering: every run of combining marks, stably by combining class.
void order_marks(std::vector<utf8proc_int32_t>& code_points) {
  const auto combining_class = [](utf8proc_int32_t c) { return utf8proc_get_property(c)->combining_class; };
  auto run = code_points.begin();
  while (run != code_points.end()) {
    const auto is_starter = [&](utf8proc_int32_t c) { return combining_class(c) == 0; };
    run = std::find_if_not(run, code_points.end(), is_starter);
    const auto run_end = std::find_if(run, code_points.end(), is_starter);
    std::stable_sort(run, run_end, [&](auto a, auto b) { return combining_class(a) < combining_class(b); });
    run = run_end;
  }
}

// Characters below U+0300 do not combine, so text without any above is its own NFC.
bool is_below_combining(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= 0xCC; });
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

void append_normalized(std::string& out, std::string_view text, NormalizationForm form) {
  const bool compatibility = form == NormalizationForm::nfkc || form == NormalizationForm::nfkd;
  const bool compose = form == NormalizationForm::nfc || form == NormalizationForm::nfkc;
  auto code_points = decompose(text, compatibility);
  order_marks(code_points);
  auto length = static_cast<utf8proc_ssize_t>(code_points.size());
  if (compose) {
    const auto options = static_cast<utf8proc_option_t>(UTF8PROC_COMPOSE | UTF8PROC_STABLE);
    length = utf8proc_normalize_utf32(code_points.data(), length, options);
    if (length < 0) throw Error(ErrorCode::internal, "utf8proc could not compose a text");
  }
  for (utf8proc_ssize_t i = 0; i < length; ++i) {
    append_utf8(out, static_cast<char32_t>(code_points[static_cast<std::size_t>(i)]));
  }
}

}  // namespace

bool is_whitespace(char32_t c) {
  return in_range(c, 0x09, 0x0D) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 || in_range(c, 0x2000, 0x200A) ||
         c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

bool is_mark(char32_t c) {
  if (const auto known = mark_override(c)) return *known;
  return is_mark_category(category_of(c));
}

bool is_numeric(char32_t c) {
  const auto category = category_of(c);
  return category == UTF8PROC_CATEGORY_ND || category == UTF8PROC_CATEGORY_NL || category == UTF8PROC_CATEGORY_NO;
}

bool is_punctuation(char32_t c) {
  if (const auto known = punctuation_override(c)) return *known;
  const auto category = category_of(c);
  return is_ascii_punctuation(c) || (category >= UTF8PROC_CATEGORY_PC && category <= UTF8PROC_CATEGORY_PO);
}

bool is_word(char32_t c) {
  if (const auto known = word_override(c)) return *known;
  const auto category = category_of(c);
  const bool letter = category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
  return letter || is_mark_category(category) || category == UTF8PROC_CATEGORY_ND || category == UTF8PROC_CATEGORY_NL ||
         category == UTF8PROC_CATEGORY_PC || c == 0x200C || c == 0x200D || is_enclosed_letter(c);
}

std::string normalize_unicode(std::string_view text, NormalizationForm form) {
  if (is_ascii(text) || (form == NormalizationForm::nfc && is_below_combining(text))) return std::string(text);
  std::string normalized;
  normalized.reserve(text.size());
  std::size_t done = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = at;
    const char32_t c = next_code_point(text, at);
    if (c < 0x300 || !is_unknown_to_normalization(c)) continue;
    append_normalized(normalized, text.substr(done, begin - done), form);
    append_utf8(normalized, c);
    done = at;
  }
  append_normalized(normalized, text.substr(done), form);
  return normalized;
}

std::string lowercase_unicode(std::string_view text) {
  std::string lowered;
  lowered.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const char32_t c = next_code_point(text, at);
    if (c == 0x130) {  // İ is the only character whose lower case is two
      lowered.append("i\xCC\x87");
    } else {
      append_utf8(lowered, static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c))));
    }
  }
  return lowered;
}

}  // namespace lacuna
