// Inserts records and reads them back, by the columns that record_fields.hpp lists. Internal to store.
#pragma once

#include <string>
#include <vector>

#include "lacuna/store/analysis_fields.hpp"
#include "lacuna/store/connection.hpp"
#include "lacuna/store/record_fields.hpp"

namespace lacuna {

// Replaces rows of equal primary key.
template <typename Record>
void insert_records(Connection& connection, const std::string& table, const std::vector<Record>& records);

// Adds rows, whatever is there.
template <typename Record>
void append_records(Connection& connection, const std::string& table, const std::vector<Record>& records);

// The same with a first column analysis_id, which the records do not have.
template <typename Record>
void append_owned(Connection& connection, const std::string& table, const std::string& analysis_id,
                  const std::vector<Record>& records);

// tail: "WHERE … ORDER BY …" with parameters ?, bound to `parameters` as text.
template <typename Record>
std::vector<Record> select_records(Connection& connection, const std::string& table, const std::string& tail,
                                   const std::vector<std::string>& parameters = {});

}  // namespace lacuna
