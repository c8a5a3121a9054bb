// The tables of the store and their versions. Internal to store.
//
// schema.sql is the current version; migrations/to_N.sql leads from version N − 1 to N. Creating and migrating happen
// in one transaction each: a store is at one version or the next, never between.
//
// Errors   Error{not_a_store}: tables, but none of Lacuna's. Error{store_version}: written by a newer Lacuna.
#pragma once

#include "lacuna/store/connection.hpp"

namespace lacuna {

inline constexpr int kSchemaVersion = 5;

// 0 for an empty database.
int schema_version(Connection& connection);

// Creates the tables in an empty database, migrates an older one. Needs write access.
void prepare_schema(Connection& connection);

// For reading: refuses what is not a store, or is of a newer version. Older versions are read as they are.
void require_schema(Connection& connection);

// The views wanda_0_5_down_proj, magnitude_2_4_q_proj, … for every method, target and projection that has matrices.
void refresh_script_views(Connection& connection);

// "wanda_0_5_down_proj" for 50 % unstructured, "wanda_2_4_down_proj" for 2:4. projection: the component's last part.
std::string script_view_name(std::string_view method, double sparsity, int n, int m, std::string_view component);

}  // namespace lacuna
