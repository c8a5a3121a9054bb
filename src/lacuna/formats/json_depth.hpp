// Where a JSON text nests too deeply: for readers whose parser, or whose use of the parsed tree, recurses.
//
// Cost     one pass over the text, no allocation. The text need not be valid; brackets in strings do not count.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace lacuna {

constexpr int kMaxJsonDepth = 64;  // no honest config or record passes 10

// The offset of the first bracket that nests deeper than max_depth.
std::optional<std::size_t> find_deep_nesting(std::string_view json, int max_depth = kMaxJsonDepth);

}  // namespace lacuna
