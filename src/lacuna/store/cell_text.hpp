// Text of the values in DuckDB's result vectors. Internal to store.
//
// DuckDB's types appear as incomplete types, so that its header stays out of ours.
// Errors   Error{store_failed}: a type without a text form here (UNION, BIT, TIME WITH TIME ZONE, …); the hint says to
//          cast it.
#pragma once

#include <cstdint>
#include <string>

#include "lacuna/store/table.hpp"

struct _duckdb_vector;
struct _duckdb_logical_type;

namespace lacuna {

std::string type_text(_duckdb_logical_type* type);
CellKind cell_kind(_duckdb_logical_type* type);
QueryTable::Cell cell_text(_duckdb_vector* vector, _duckdb_logical_type* type, std::uint64_t row);

}  // namespace lacuna
