// Where the reference's Unicode tables are of another version than utf8proc's.
//
// The reference takes its classes from four libraries, each with the Unicode version of its day: punctuation from 8,
// marks and decompositions from 9, letters from 16. A character that is newer than the table is not known to it, and
// identical ids demand the same ignorance. The lists were derived by comparing every code point with the reference
// (tokenizers 0.20.3); the oracle test "every" holds them.
//
// Threads  all functions are pure.
#pragma once

#include <optional>

namespace lacuna {

// The reference's answer where it differs; nothing where utf8proc's holds.
std::optional<bool> punctuation_override(char32_t c);
std::optional<bool> mark_override(char32_t c);
std::optional<bool> word_override(char32_t c);

// Newer than the reference's normalization tables: a starter that neither decomposes nor composes.
bool is_unknown_to_normalization(char32_t c);

}  // namespace lacuna
