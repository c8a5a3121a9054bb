#include "lacuna/study/toml_section.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "lacuna/formats/script_names.hpp"

namespace lacuna {

std::string_view TomlSection::type_name(const toml::node& node) {
  if (node.is_string()) return "a string";
  if (node.is_integer()) return "an integer";
  if (node.is_floating_point()) return "a number";
  if (node.is_boolean()) return "a boolean";
  if (node.is_array()) return "an array";
  if (node.is_table()) return "a table";
  return "a date";
}

TomlSection::TomlSection(const toml::table& table, std::string name, const std::filesystem::path& file)
    : table_(table), name_(std::move(name)), file_(file) {}

Error TomlSection::error(const toml::node* node, const std::string& key, const std::string& message) const {
  const auto line = node != nullptr ? node->source().begin.line : table_.source().begin.line;
  Error result(ErrorCode::bad_study_file,
               fmt::format("line {}: {}{}{}: {}", line, name_, name_.empty() || key.empty() ? "" : ".", key, message));
  result.at(file_);
  return result;
}

std::string TomlSection::text(const std::string& key) {
  const auto value = find<std::string>(key, "a string");
  if (!value || value->empty()) throw error(nullptr, key, "expected a string, the key is missing or empty");
  return *value;
}

std::string TomlSection::text(const std::string& key, const std::string& fallback) {
  return find<std::string>(key, "a string").value_or(fallback);
}

bool TomlSection::flag(const std::string& key, bool fallback) {
  return find<bool>(key, "true or false").value_or(fallback);
}

double TomlSection::number(const std::string& key, double fallback) {
  const auto value = find<double>(key, "a number").value_or(fallback);
  if (!std::isfinite(value)) throw error(table_.get(key), key, fmt::format("expected a number, got {}", value));
  return value;
}

std::int64_t TomlSection::integer(const std::string& key, std::int64_t fallback, std::int64_t low, std::int64_t high) {
  const auto value = find<std::int64_t>(key, "an integer").value_or(fallback);
  if (value < low || value > high) {
    throw error(table_.get(key), key, fmt::format("expected an integer from {} to {}, got {}", low, high, value));
  }
  return value;
}

std::uint64_t TomlSection::seed() { return static_cast<std::uint64_t>(integer("seed", 0, 0, INT64_MAX)); }

std::vector<std::string> TomlSection::matrices() {
  auto keys = list<std::string>("matrices", "a string such as \"0.mlp.down_proj\"");
  for (const auto& key : keys) {
    if (!parse_mask_key(key)) throw error(nullptr, "matrices", fmt::format("expected LAYER.COMPONENT, got {}", key));
  }
  return keys;
}

std::optional<TomlSection> TomlSection::table(const std::string& key) {
  known_.push_back(key);
  const auto* node = table_.get(key);
  if (node == nullptr) return std::nullopt;
  if (!node->is_table()) throw error(node, key, fmt::format("expected a table, got {}", type_name(*node)));
  return TomlSection(*node->as_table(), qualified(key), file_);
}

std::vector<TomlSection> TomlSection::tables(const std::string& key) {
  known_.push_back(key);
  std::vector<TomlSection> sections;
  const auto* node = table_.get(key);
  if (node == nullptr) return sections;
  const auto* array = node->as_array();
  if (array == nullptr) throw error(node, key, fmt::format("expected an array of tables, got {}", type_name(*node)));
  for (const auto& element : *array) {
    if (!element.is_table()) throw error(&element, key, fmt::format("expected a table, got {}", type_name(element)));
    sections.emplace_back(*element.as_table(), qualified(key), file_);
  }
  return sections;
}

void TomlSection::reject_unknown_keys() const {
  for (const auto& [key, node] : table_) {
    const std::string name(key.str());
    if (std::find(known_.begin(), known_.end(), name) != known_.end()) continue;
    throw error(&node, name, fmt::format("unknown key; expected one of {}", fmt::join(known_, ", ")));
  }
}

}  // namespace lacuna
