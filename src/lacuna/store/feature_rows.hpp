// The per-feature rows of a comparison, in bulk: DuckDB's data-chunk appender, a column at a time. Internal to store.
#pragma once

#include <cstdint>

#include "lacuna/store/connection.hpp"
#include "lacuna/study/records.hpp"

namespace lacuna {

// Appends within the connection's open transaction. Throws Error{invalid_argument} when the vectors differ in length.
void append_features(Connection& connection, std::int64_t comparison_id, const FeatureMetrics& features);

FeatureMetrics read_features(Connection& connection, std::int64_t comparison_id);

}  // namespace lacuna
