// Version, commit and features of this build.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace lacuna {

std::string_view version();                 // "0.1.0"
std::string_view commit();                  // "1a2b3c4d5e6f", "-dirty" appended; "unknown" outside git
std::vector<std::string> build_features();  // "onednn", "duckdb", "cuda", …

}  // namespace lacuna
