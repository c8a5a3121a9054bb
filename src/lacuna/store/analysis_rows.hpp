// Analyses with all that they found, into their tables and back. Internal to store.
#pragma once

#include <optional>
#include <string_view>

#include "lacuna/store/connection.hpp"
#include "lacuna/study/analyses/analysis_records.hpp"

namespace lacuna {

// Replaces the analysis of this id; records keep their order. Within an open transaction.
void write_analysis(Connection& connection, const AnalysisResults& results);

std::optional<AnalysisResults> read_analysis(Connection& connection, std::string_view analysis_id);

}  // namespace lacuna
