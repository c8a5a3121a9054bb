// Reads JSON documents of strangers field by field, and says where one is wrong. Internal to study.
//
// Errors   Error{corrupt_file}: the path of the field ("runs[2].labels"), what was expected there and what was found.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "lacuna/core/error.hpp"

namespace lacuna {

// One object. It must outlive the fields.
class JsonFields {
 public:
  using Json = nlohmann::ordered_json;

  JsonFields(const Json& json, std::string where);

  const Json& at(const char* key) const;
  bool has(const char* key) const { return json_.contains(key) && !json_.at(key).is_null(); }
  double number(const char* key, double low, double high) const;
  std::int64_t integer(const char* key, std::int64_t low, std::int64_t high) const;
  std::string text(const char* key) const;
  const Json& array(const char* key) const;
  JsonFields object(const char* key) const;
  std::vector<JsonFields> objects(const char* key) const;  // an array of them
  std::vector<double> numbers(const char* key, double low, double high) const;
  std::vector<std::int64_t> integers(const char* key, std::int64_t low, std::int64_t high) const;
  std::vector<std::string> texts(const char* key) const;
  std::vector<std::vector<double>> tuples(const char* key, std::size_t size, double low, double high) const;

  const std::string& where() const { return where_; }
  std::string path(const std::string& key) const { return where_.empty() ? key : where_ + "." + key; }
  [[noreturn]] static void wrong(const std::string& where, const std::string& expected, const Json& got);

 private:
  const Json& json_;
  std::string where_;
};

// Parses `text` and gives it to `read`; every error gets the name of the file.
JsonFields::Json parse_json_document(const std::string& name, const std::string& text);

template <typename Read>
auto read_json_document(const std::string& name, const std::string& text, Read read) {
  const auto json = parse_json_document(name, text);
  try {
    return read(json);
  } catch (const nlohmann::json::exception& error) {
    throw Error(ErrorCode::corrupt_file, error.what()).at(name);
  } catch (Error& error) {
    if (error.path().empty()) error.at(name);
    throw;
  }
}

}  // namespace lacuna
