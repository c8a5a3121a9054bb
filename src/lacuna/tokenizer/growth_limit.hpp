// What a tokenizer file may make of a text: at most so many bytes.
//
// A dozen harmless-looking steps that each replace "a" by "aa" turn a line into more memory than a machine has. Honest
// files stay far below: the longest normalization makes three bytes 33, byte-level spelling doubles.
//
// Errors   Error{limit_exceeded}.
#pragma once

#include <cstddef>
#include <string_view>

namespace lacuna {

constexpr std::size_t kMaxTextGrowth = 64;           // times as long
constexpr std::size_t kFreeTextGrowth = 64U << 10U;  // and so many bytes more, for short texts
constexpr std::size_t kMaxSteps = 32;                // of one kind, nested sequences counted through
constexpr std::size_t kMaxReplacementBytes = 1024;

// `what` names the step: "normalization".
void check_growth(std::size_t bytes_before, std::size_t bytes_after, std::string_view what);

// For texts of a file that are put into other texts.
void check_replacement(std::string_view text);

}  // namespace lacuna
