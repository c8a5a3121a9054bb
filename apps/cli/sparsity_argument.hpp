// Sparsities of a command line: "0:0.9:0.1" is 0, 0.1, …, 0.9; "0.5,0.7" a list.
#pragma once

#include <string>
#include <vector>

namespace lacuna::cli {

// Ascending. Throws Error{invalid_argument}: not a number, one outside [0, 1), a step that is not positive, more than
// 1000.
std::vector<double> parse_sparsities(const std::string& text);

}  // namespace lacuna::cli
