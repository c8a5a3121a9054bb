// One table of a TOML file: typed access with defaults, and errors that say where. Internal to study.
//
// Every key must have been asked for by the end: reject_unknown_keys() names the first that was not.
//
// Errors   bad_study_file with line, key, expected and got.
#pragma once

#include <fmt/format.h>

#include <toml++/toml.h>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lacuna/core/error.hpp"

namespace lacuna {

class TomlSection {
 public:
  TomlSection(const toml::table& table, std::string name, const std::filesystem::path& file);

  Error error(const toml::node* node, const std::string& key, const std::string& message) const;

  template <typename T>
  std::optional<T> find(const std::string& key, std::string_view expected) {
    known_.push_back(key);
    const auto* node = table_.get(key);
    if (node == nullptr) return std::nullopt;
    const auto value = node->value<T>();
    if (!value) throw error(node, key, fmt::format("expected {}, got {}", expected, type_name(*node)));
    return value;
  }

  std::string text(const std::string& key);  // required
  std::string text(const std::string& key, const std::string& fallback);
  bool flag(const std::string& key, bool fallback);
  double number(const std::string& key, double fallback);
  std::int64_t integer(const std::string& key, std::int64_t fallback, std::int64_t low, std::int64_t high);
  std::uint64_t seed();

  template <typename T>
  std::vector<T> list(const std::string& key, std::string_view expected) {
    known_.push_back(key);
    std::vector<T> values;
    const auto* node = table_.get(key);
    if (node == nullptr) return values;
    const auto* array = node->as_array();
    if (array == nullptr) throw error(node, key, fmt::format("expected an array, got {}", type_name(*node)));
    for (const auto& element : *array) {
      const auto value = element.value<T>();
      if (!value) throw error(&element, key, fmt::format("expected {}, got {}", expected, type_name(element)));
      values.push_back(*value);
    }
    return values;
  }

  // "{layer}.{component}", each
  std::vector<std::string> matrices();

  std::optional<TomlSection> table(const std::string& key);
  std::vector<TomlSection> tables(const std::string& key);
  void reject_unknown_keys() const;

 private:
  static std::string_view type_name(const toml::node& node);
  std::string qualified(const std::string& key) const { return name_.empty() ? key : name_ + "." + key; }

  const toml::table& table_;
  std::string name_;
  const std::filesystem::path& file_;
  std::vector<std::string> known_;
};

}  // namespace lacuna
