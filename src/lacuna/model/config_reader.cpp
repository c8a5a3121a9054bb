#include "lacuna/model/config_reader.hpp"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "lacuna/formats/json_depth.hpp"

namespace lacuna {

namespace {

using nlohmann::json;

constexpr std::size_t kShownText = 60;  // characters of a found string that a message repeats

// Never dumps arrays or objects: they may be deep, and a message wants one line.
std::string describe(const json& value) {
  switch (value.type()) {
    case json::value_t::null: return "null";
    case json::value_t::boolean: return value.get<bool>() ? "true" : "false";
    case json::value_t::number_integer: return std::to_string(value.get<std::int64_t>());
    case json::value_t::number_unsigned: return std::to_string(value.get<std::uint64_t>());
    case json::value_t::number_float: return fmt::format("{}", value.get<double>());
    case json::value_t::string: {
      const auto& text = value.get_ref<const std::string&>();
      return text.size() <= kShownText ? '"' + text + '"' : '"' + text.substr(0, kShownText) + "…\"";
    }
    case json::value_t::array: return "a list";
    case json::value_t::object: return "an object";
    default: return "something else";
  }
}

std::optional<std::int64_t> as_integer(const json& value) {
  if (value.is_number_unsigned()) {
    const auto n = value.get<std::uint64_t>();
    if (n > static_cast<std::uint64_t>(INT64_MAX)) return std::nullopt;
    return static_cast<std::int64_t>(n);
  }
  if (value.is_number_integer()) return value.get<std::int64_t>();
  return std::nullopt;
}

std::optional<double> as_number(const json& value) {
  if (!value.is_number()) return std::nullopt;
  return value.get<double>();
}

}  // namespace

ConfigReader ConfigReader::parse(std::string_view text, const std::filesystem::path& name_for_errors) {
  ConfigReader reader;
  reader.path_ = name_for_errors;
  if (const auto offset = find_deep_nesting(text)) {
    throw Error(ErrorCode::bad_config, fmt::format("nested deeper than {} levels", kMaxJsonDepth))
        .at(name_for_errors, offset);
  }
  try {
    reader.document_ = std::make_shared<const json>(json::parse(text.begin(), text.end()));
  } catch (const json::parse_error& failure) {
    throw Error(ErrorCode::bad_config, "expected a JSON document")
        .at(name_for_errors, failure.byte == 0 ? 0 : failure.byte - 1);
  } catch (const json::exception&) {
    throw reader.error_with(ErrorCode::bad_config, "expected a JSON document, found a number out of range");
  }
  reader.object_ = reader.document_.get();
  if (!reader.object_->is_object()) {
    throw reader.error_with(ErrorCode::bad_config,
                            fmt::format("expected a JSON object, found {}", describe(*reader.object_)));
  }
  return reader;
}

const json* ConfigReader::find(const std::string& field) const {
  const auto found = object_->find(field);
  return found == object_->end() || found->is_null() ? nullptr : &*found;
}

bool ConfigReader::has(const std::string& field) const { return find(field) != nullptr; }

std::optional<std::int64_t> ConfigReader::integer(const std::string& field, std::int64_t min, std::int64_t max) const {
  const json* value = find(field);
  if (value == nullptr) return std::nullopt;
  const auto n = as_integer(*value);
  if (!n || *n < min || *n > max)
    throw error(field, fmt::format("an integer from {} to {}", min, max), describe(*value));
  return n;
}

std::optional<double> ConfigReader::number(const std::string& field, double min, double max) const {
  const json* value = find(field);
  if (value == nullptr) return std::nullopt;
  const auto n = as_number(*value);
  if (!n || !(*n >= min && *n <= max)) {
    throw error(field, fmt::format("a number from {} to {}", min, max), describe(*value));
  }
  return n;
}

std::optional<bool> ConfigReader::boolean(const std::string& field) const {
  const json* value = find(field);
  if (value == nullptr) return std::nullopt;
  if (!value->is_boolean()) throw error(field, "true or false", describe(*value));
  return value->get<bool>();
}

std::optional<std::string> ConfigReader::string(const std::string& field) const {
  const json* value = find(field);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) throw error(field, "a string", describe(*value));
  return value->get<std::string>();
}

std::optional<ConfigReader> ConfigReader::object(const std::string& field) const {
  const json* value = find(field);
  if (value == nullptr) return std::nullopt;
  if (!value->is_object()) throw error(field, "an object", describe(*value));
  ConfigReader child = *this;
  child.object_ = value;
  child.prefix_ += field + ".";
  return child;
}

std::vector<double> ConfigReader::numbers(const std::string& field, std::size_t count, double min, double max) const {
  const auto expected = fmt::format("a list of {} numbers from {} to {}", count, min, max);
  const json* value = find(field);
  if (value == nullptr) throw error(field, expected, "nothing");
  if (!value->is_array() || value->size() != count) {
    throw error(field, expected, value->is_array() ? fmt::format("{} elements", value->size()) : describe(*value));
  }
  std::vector<double> result;
  for (const auto& element : *value) {
    const auto n = as_number(element);
    if (!n || !(*n >= min && *n <= max)) throw error(field, expected, describe(element));
    result.push_back(*n);
  }
  return result;
}

std::vector<std::string> ConfigReader::strings(const std::string& field, std::size_t max_count) const {
  const json* value = find(field);
  if (value == nullptr) return {};
  const auto expected = fmt::format("a list of at most {} strings", max_count);
  if (!value->is_array() || value->size() > max_count) {
    throw error(field, expected, value->is_array() ? fmt::format("{} elements", value->size()) : describe(*value));
  }
  std::vector<std::string> result;
  for (const auto& element : *value) {
    if (!element.is_string()) throw error(field, expected, describe(element));
    result.push_back(element.get<std::string>());
  }
  return result;
}

std::vector<std::int64_t> ConfigReader::integers(const std::string& field, std::int64_t min, std::int64_t max,
                                                 std::size_t max_count) const {
  const json* value = find(field);
  if (value == nullptr) return {};
  if (!value->is_array()) return {*integer(field, min, max)};
  const auto expected = fmt::format("at most {} integers from {} to {}", max_count, min, max);
  if (value->size() > max_count) throw error(field, expected, fmt::format("{} elements", value->size()));
  std::vector<std::int64_t> result;
  for (const auto& element : *value) {
    const auto n = as_integer(element);
    if (!n || *n < min || *n > max) throw error(field, expected, describe(element));
    result.push_back(*n);
  }
  return result;
}

std::int64_t ConfigReader::required_integer(const std::string& field, std::int64_t min, std::int64_t max) const {
  const auto value = integer(field, min, max);
  if (!value) throw error(field, fmt::format("an integer from {} to {}", min, max), "nothing");
  return *value;
}

double ConfigReader::required_number(const std::string& field, double min, double max) const {
  const auto value = number(field, min, max);
  if (!value) throw error(field, fmt::format("a number from {} to {}", min, max), "nothing");
  return *value;
}

std::string ConfigReader::required_string(const std::string& field) const {
  auto value = string(field);
  if (!value) throw error(field, "a string", "nothing");
  return *std::move(value);
}

Error ConfigReader::error(const std::string& field, std::string_view expected, std::string_view found) const {
  return error_with(ErrorCode::bad_config, fmt::format("{}{}: expected {}, found {}", prefix_, field, expected, found));
}

Error ConfigReader::error_with(ErrorCode code, const std::string& message) const {
  Error failure(code, message);
  if (!path_.empty()) failure.at(path_);
  return failure;
}

}  // namespace lacuna
