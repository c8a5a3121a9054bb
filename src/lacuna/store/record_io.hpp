// Inserts records and reads them back, by the columns that record_fields.hpp lists. Internal to store.
#pragma once

#include <string>
#include <vector>

#include "lacuna/store/connection.hpp"
#include "lacuna/store/record_fields.hpp"

namespace lacuna {

// Replaces rows of equal primary key.
template <typename Record>
void insert_records(Connection& connection, const std::string& table, const std::vector<Record>& records);

// tail: "WHERE … ORDER BY …" with parameters ?, bound to `parameters` as text.
template <typename Record>
std::vector<Record> select_records(Connection& connection, const std::string& table, const std::string& tail,
                                   const std::vector<std::string>& parameters = {});

}  // namespace lacuna
