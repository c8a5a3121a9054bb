// Tables of numbers and words, as pages show them.
//
// A cell is the text that people read; a number beside it is what the column sorts by and makes it right-aligned. Text
// is plain: the page escapes it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lacuna {

struct Cell {
  std::string text;
  std::optional<double> number;
};

Cell text_cell(std::string text);
Cell number_cell(double value, int decimals);       // "1,018.34"; "–" for NaN, "∞" for infinity
Cell percent_cell(double share, int decimals = 1);  // 0.5 is "50.0 %"
Cell count_cell(std::int64_t count);                // "28,672"

std::string count_text(std::int64_t count);                // "28,672"
std::string number_text(double value, int decimals);       // as number_cell
std::string percent_text(double share, int decimals = 1);  // as percent_cell

struct Column {
  std::string name;
  bool numeric = false;  // right-aligned, tabular figures
};

struct Table {
  std::vector<Column> columns;
  std::vector<std::vector<Cell>> rows;  // each as long as columns; the first cell of a row names it
};

}  // namespace lacuna
