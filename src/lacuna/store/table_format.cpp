#include "lacuna/store/table_format.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

namespace lacuna {
namespace {

std::string csv_field(const std::string& text) {
  if (!text.empty() && text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

std::string json_text(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// DuckDB's number texts are JSON's, but for NaN and infinities.
std::string json_value(const std::string& text, CellKind kind) {
  if (kind == CellKind::text) return json_text(text);
  if (kind == CellKind::number && text.find_first_of("Nn") != std::string::npos) return "null";
  return text;
}

std::vector<std::string> unique_names(const QueryTable& table) {
  std::set<std::string> used;
  std::vector<std::string> names;
  for (const auto& column : table.columns) {
    std::string name = column.name;
    for (int i = 1; !used.insert(name).second; ++i) name = fmt::format("{}_{}", column.name, i);
    names.push_back(std::move(name));
  }
  return names;
}

std::string markdown_text(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '|')
      out += "\\|";
    else if (c == '\n')
      out += "<br>";
    else if (c != '\r')
      out += c;
  }
  return out;
}

// Control characters of a stranger's text must not reach the terminal.
std::string printable(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool c1 = byte == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0;
    if (byte == '\n')
      out += "\\n";
    else if (byte == '\t')
      out += "\\t";
    else if (byte < 0x20 || byte == 0x7F)
      out += fmt::format("\\x{:02x}", byte);
    else if (c1)
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[++i]));
    else
      out += text[i];
  }
  return out;
}

std::size_t width_of(const std::string& text) {  // code points
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

std::string padded(const std::string& text, std::size_t width, bool right) {
  const std::string space(width - std::min(width, width_of(text)), ' ');
  return right ? space + text : text + space;
}

std::string rule(const std::vector<std::size_t>& widths, const char* left, const char* middle, const char* right) {
  std::string line = left;
  for (std::size_t c = 0; c < widths.size(); ++c) {
    if (c > 0) line += middle;
    for (std::size_t i = 0; i < widths[c] + 2; ++i) line += "─";
  }
  return line + right + "\n";
}

}  // namespace

std::string table_to_csv(const QueryTable& table) {
  std::string out;
  for (std::size_t c = 0; c < table.columns.size(); ++c) out += (c > 0 ? "," : "") + csv_field(table.columns[c].name);
  out += '\n';
  for (std::size_t r = 0; r < table.rows(); ++r) {
    for (std::size_t c = 0; c < table.columns.size(); ++c) {
      if (c > 0) out += ',';
      if (table.at(r, c)) out += csv_field(*table.at(r, c));
    }
    out += '\n';
  }
  return out;
}

std::string table_to_json(const QueryTable& table) {
  std::vector<std::string> keys;
  for (const auto& name : unique_names(table)) keys.push_back(json_text(name));
  std::string out = "[";
  for (std::size_t r = 0; r < table.rows(); ++r) {
    out += r > 0 ? ",\n {" : "{";
    for (std::size_t c = 0; c < keys.size(); ++c) {
      const auto& cell = table.at(r, c);
      out += (c > 0 ? ", " : "") + keys[c] + ": " + (cell ? json_value(*cell, table.columns[c].kind) : "null");
    }
    out += '}';
  }
  return out + "]\n";
}

std::string table_to_markdown(const QueryTable& table) {
  std::string head = "|";
  std::string line = "|";
  for (const auto& column : table.columns) {
    head += " " + markdown_text(column.name) + " |";
    line += column.kind == CellKind::number ? " ---: |" : " --- |";
  }
  std::string out = head + "\n" + line + "\n";
  for (std::size_t r = 0; r < table.rows(); ++r) {
    out += '|';
    for (std::size_t c = 0; c < table.columns.size(); ++c)
      out += " " + markdown_text(table.at(r, c).value_or("")) + " |";
    out += '\n';
  }
  return out;
}

std::string table_to_box(const QueryTable& table) {
  const std::size_t columns = table.columns.size();
  if (columns == 0) return "";
  std::vector<std::string> texts;
  std::vector<std::size_t> widths(columns);
  for (const auto& column : table.columns) texts.push_back(printable(column.name));
  for (const auto& cell : table.cells) texts.push_back(cell ? printable(*cell) : "NULL");
  for (std::size_t i = 0; i < texts.size(); ++i)
    widths[i % columns] = std::max(widths[i % columns], width_of(texts[i]));
  std::string out = rule(widths, "┌", "┬", "┐");
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const std::size_t c = i % columns;
    out += "│ " + padded(texts[i], widths[c], table.columns[c].kind == CellKind::number) + " ";
    if (c + 1 == columns) out += "│\n";
    if (i + 1 == columns) out += rule(widths, "├", "┼", "┤");
  }
  return out + rule(widths, "└", "┴", "┘");
}

}  // namespace lacuna
