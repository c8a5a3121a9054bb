// Refuses TOML whose dotted keys nest tables absurdly deep, before toml++ sees it.
//
// toml++ 3.3 bounds nested values but not dotted keys: "a.a.a…" of half a megabyte makes a table for each dot, whose
// destructors then recurse until the stack ends.
//
// Cost     one pass over the text.
// Errors   Error{bad_study_file} with the line; the caller adds the path.
#pragma once

#include <string_view>

namespace lacuna {

constexpr int kMaxKeyDots = 16;  // a study needs one

void refuse_deep_keys(std::string_view toml);

}  // namespace lacuna
