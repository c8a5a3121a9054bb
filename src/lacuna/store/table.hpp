// A query's result: named, typed columns and rows of text or nothing.
//
// Cells are DuckDB's text forms, numbers in their shortest exact form; NULL is nullopt. All rows are kept.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "lacuna/core/error.hpp"

namespace lacuna {

enum class CellKind { text, number, boolean };

struct QueryTable {
  struct Column {
    std::string name;  // as the query gives it; names may repeat
    std::string type;  // "DOUBLE", "VARCHAR", "DECIMAL(18,3)", "INTEGER[]"
    CellKind kind = CellKind::text;
  };
  using Cell = std::optional<std::string>;

  std::vector<Column> columns;
  std::vector<Cell> cells;  // row after row

  std::size_t rows() const { return columns.empty() ? 0 : cells.size() / columns.size(); }
  // Where NULL cannot be; throws Error{not_a_store} where it is all the same.
  const std::string& text(std::size_t row, std::size_t column) const {
    const Cell& cell = at(row, column);
    if (!cell)
      throw Error(ErrorCode::not_a_store, "expected a value in column " + columns[column].name + ", found NULL");
    return *cell;
  }
  const Cell& at(std::size_t row, std::size_t column) const { return cells[row * columns.size() + column]; }
};

}  // namespace lacuna
