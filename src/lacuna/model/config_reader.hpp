// Typed, bounded access to the fields of one JSON object of config.json.
//
// A field that is absent or null is absent. Every failure is Error{bad_config} with the file, the field's full name
// ("rope_scaling.factor"), what was expected and what was found.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lacuna/core/error.hpp"

namespace lacuna {

class ConfigReader {
 public:
  static ConfigReader parse(std::string_view json, const std::filesystem::path& name_for_errors);

  bool has(const std::string& field) const;
  std::optional<std::int64_t> integer(const std::string& field, std::int64_t min, std::int64_t max) const;
  std::optional<double> number(const std::string& field, double min, double max) const;
  std::optional<bool> boolean(const std::string& field) const;
  std::optional<std::string> string(const std::string& field) const;
  std::optional<ConfigReader> object(const std::string& field) const;
  std::vector<double> numbers(const std::string& field, std::size_t count, double min, double max) const;
  std::vector<std::string> strings(const std::string& field, std::size_t max_count) const;  // absent: empty
  // One integer or a list of at most max_count; absent: empty.
  std::vector<std::int64_t> integers(const std::string& field, std::int64_t min, std::int64_t max,
                                     std::size_t max_count) const;

  std::int64_t required_integer(const std::string& field, std::int64_t min, std::int64_t max) const;
  double required_number(const std::string& field, double min, double max) const;
  std::string required_string(const std::string& field) const;

  Error error(const std::string& field, std::string_view expected, std::string_view found) const;
  Error error_with(ErrorCode code, const std::string& message) const;

 private:
  const nlohmann::json* find(const std::string& field) const;  // null: absent

  std::shared_ptr<const nlohmann::json> document_;
  const nlohmann::json* object_ = nullptr;  // inside document_
  std::string prefix_;                      // "rope_scaling."
  std::filesystem::path path_;
};

}  // namespace lacuna
