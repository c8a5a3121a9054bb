// Character classes and normalization forms, as the reference tokenizers define them.
//
// Cost     linear in the text, also for hostile runs of combining marks (sorted, not bubbled into order).
// Threads  all functions are pure.
// Source   Unicode 15 through utf8proc; UAX #15 for the forms.
#pragma once

#include <string>
#include <string_view>

namespace lacuna {

bool is_whitespace(char32_t c);   // property White_Space
bool is_word(char32_t c);         // what \w matches: letters, marks, decimal digits, connectors, joiners
bool is_numeric(char32_t c);      // categories Nd, Nl, No
bool is_punctuation(char32_t c);  // categories P*, and all ASCII punctuation
bool is_mark(char32_t c);         // categories M*

enum class NormalizationForm { nfc, nfd, nfkc, nfkd };

std::string normalize_unicode(std::string_view text, NormalizationForm form);
std::string lowercase_unicode(std::string_view text);  // every character by itself; no final-sigma rule

}  // namespace lacuna
