// A query's result as text for people and programs.
//
//   csv       RFC 4180 with a header line; lines end in LF. NULL is empty, the empty string is "".
//   json      an array of objects, one per row; numbers, true/false, null and strings. NaN and infinities are null.
//             Repeated column names get _1, _2, … so that no key repeats.
//   markdown  a pipe table; numbers right-aligned; | and line breaks escaped. NULL is empty.
//   box       aligned columns in a frame, for terminals; control characters are escaped. NULL is NULL.
//
// Bytes that are not UTF-8 become U+FFFD in json. No rows are left out, no cell is shortened.
#pragma once

#include <string>

#include "lacuna/store/table.hpp"

namespace lacuna {

std::string table_to_csv(const QueryTable& table);
std::string table_to_json(const QueryTable& table);
std::string table_to_markdown(const QueryTable& table);
std::string table_to_box(const QueryTable& table);

}  // namespace lacuna
