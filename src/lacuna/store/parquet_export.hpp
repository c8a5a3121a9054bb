// Every table of an open database as Parquet. Internal to store; store/query.hpp is the public door.
#pragma once

#include <filesystem>

#include "lacuna/store/connection.hpp"

namespace lacuna {

// The folder beside `folder` in which the files are written before they are published; must not exist yet.
std::filesystem::path export_staging(const std::filesystem::path& folder);

void export_tables(Connection& connection, const std::filesystem::path& folder, const RunContext& context);

}  // namespace lacuna
