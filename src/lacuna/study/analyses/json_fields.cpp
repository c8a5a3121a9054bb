#include "lacuna/study/analyses/json_fields.hpp"

#include <fmt/format.h>

#include <cmath>

#include "lacuna/formats/json_depth.hpp"

namespace lacuna {
namespace {

using Json = JsonFields::Json;
constexpr std::uint64_t kMax = std::uint64_t{1} << 62U;

double checked_number(const Json& value, const std::string& where, double low, double high) {
  const double number = value.is_number() ? value.get<double>() : std::nan("");
  if (!(low <= number && number <= high)) {
    JsonFields::wrong(where, fmt::format("a number in [{}, {}]", low, high), value);
  }
  return number;
}

std::int64_t checked_integer(const Json& value, const std::string& where, std::int64_t low, std::int64_t high) {
  const bool fits = value.is_number_integer() && !(value.is_number_unsigned() && value.get<std::uint64_t>() > kMax);
  if (!fits || value.get<std::int64_t>() < low || value.get<std::int64_t>() > high) {
    JsonFields::wrong(where, fmt::format("an integer in [{}, {}]", low, high), value);
  }
  return value.get<std::int64_t>();
}

std::string entry(const std::string& where, std::size_t index) { return fmt::format("{}[{}]", where, index); }

}  // namespace

JsonFields::JsonFields(const Json& json, std::string where) : json_(json), where_(std::move(where)) {
  if (!json.is_object()) wrong(where_.empty() ? "the document" : where_, "an object", json);
}

void JsonFields::wrong(const std::string& where, const std::string& expected, const Json& got) {
  constexpr std::size_t kMost = 40;
  std::string text = got.is_structured() ? fmt::format("{} of {}", got.type_name(), got.size())
                                         : got.dump(-1, ' ', true, Json::error_handler_t::replace);
  if (text.size() > kMost) text = text.substr(0, kMost) + "…";
  throw Error(ErrorCode::corrupt_file, fmt::format("{}: expected {}, got {}", where, expected, text));
}

const Json& JsonFields::at(const char* key) const {
  const auto found = json_.find(key);
  if (found != json_.end()) return *found;
  throw Error(ErrorCode::corrupt_file,
              fmt::format("{}: expected the field {}", where_.empty() ? "the document" : where_, key));
}

double JsonFields::number(const char* key, double low, double high) const {
  return checked_number(at(key), path(key), low, high);
}

std::int64_t JsonFields::integer(const char* key, std::int64_t low, std::int64_t high) const {
  return checked_integer(at(key), path(key), low, high);
}

std::string JsonFields::text(const char* key) const {
  const Json& value = at(key);
  if (!value.is_string()) wrong(path(key), "a string", value);
  return value.get<std::string>();
}

const Json& JsonFields::array(const char* key) const {
  const Json& value = at(key);
  if (!value.is_array()) wrong(path(key), "an array", value);
  return value;
}

JsonFields JsonFields::object(const char* key) const { return {at(key), path(key)}; }

std::vector<JsonFields> JsonFields::objects(const char* key) const {
  std::vector<JsonFields> result;
  for (const auto& value : array(key)) result.emplace_back(value, entry(path(key), result.size()));
  return result;
}

std::vector<double> JsonFields::numbers(const char* key, double low, double high) const {
  std::vector<double> result;
  for (const auto& value : array(key)) {
    result.push_back(checked_number(value, entry(path(key), result.size()), low, high));
  }
  return result;
}

std::vector<std::int64_t> JsonFields::integers(const char* key, std::int64_t low, std::int64_t high) const {
  std::vector<std::int64_t> result;
  for (const auto& value : array(key)) {
    result.push_back(checked_integer(value, entry(path(key), result.size()), low, high));
  }
  return result;
}

std::vector<std::string> JsonFields::texts(const char* key) const {
  std::vector<std::string> result;
  for (const auto& value : array(key)) {
    if (!value.is_string()) wrong(entry(path(key), result.size()), "a string", value);
    result.push_back(value.get<std::string>());
  }
  return result;
}

std::vector<std::vector<double>> JsonFields::tuples(const char* key, std::size_t size, double low, double high) const {
  std::vector<std::vector<double>> result;
  for (const auto& tuple : array(key)) {
    const std::string where = entry(path(key), result.size());
    if (!tuple.is_array() || tuple.size() != size) wrong(where, fmt::format("an array of {} numbers", size), tuple);
    std::vector<double> values;
    for (const auto& value : tuple) values.push_back(checked_number(value, entry(where, values.size()), low, high));
    result.push_back(std::move(values));
  }
  return result;
}

Json parse_json_document(const std::string& name, const std::string& text) {
  if (const auto offset = find_deep_nesting(text)) {
    throw Error(ErrorCode::corrupt_file, fmt::format("nested deeper than {} levels", kMaxJsonDepth)).at(name, offset);
  }
  try {
    return Json::parse(text);
  } catch (const nlohmann::json::parse_error& error) {
    throw Error(ErrorCode::corrupt_file, fmt::format("expected a JSON document: {}", error.what()))
        .at(name, error.byte);
  } catch (const nlohmann::json::exception& error) {
    throw Error(ErrorCode::corrupt_file, error.what()).at(name);
  }
}

}  // namespace lacuna
