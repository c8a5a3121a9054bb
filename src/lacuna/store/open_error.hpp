// From DuckDB's words to Lacuna's error codes. Internal to store.
#pragma once

#include <filesystem>
#include <string_view>

#include "lacuna/core/error.hpp"

namespace lacuna {

// Looks at the path before DuckDB does: absent files, folders and files of another kind get their own errors.
void require_openable(const std::filesystem::path& path, bool writing);

Error open_error(std::string_view words, const std::filesystem::path& path);
Error statement_error(std::string_view words, const std::filesystem::path& path);

}  // namespace lacuna
