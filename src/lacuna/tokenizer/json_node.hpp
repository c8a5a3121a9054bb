// Checked reading of JSON: every access says where it stands and what it expected.
//
// A JsonDocument owns the parsed text; JsonNodes point into it and must not outlive it. Nesting is limited to 64 levels
// (no honest tokenizer passes 12), so neither the parser nor recursion over nodes can exhaust the stack.
//
// Errors   Error{bad_tokenizer} with the byte offset for syntax, else with the place in the document
// ("model.merges[7]"):
//          wrong type, missing or repeated field. limit_exceeded: nesting. Callers add the path.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace lacuna {

class JsonNode {
 public:
  enum class Type { null, boolean, number, string, array, object };

  Type type() const;
  bool is_null() const { return type() == Type::null; }
  const std::string& where() const { return where_; }

  std::string_view string() const;
  bool boolean() const;
  std::uint64_t unsigned_integer() const;
  double number() const;
  std::size_t size() const;  // of an array or object

  JsonNode field(std::string_view key) const;                  // required
  std::optional<JsonNode> find(std::string_view key) const;    // absent, or null, is nothing
  bool boolean_or(std::string_view key, bool fallback) const;  // absent or null: fallback
  std::optional<std::string> string_or_nothing(std::string_view key) const;

  // Calls back for every element or member in order. Members' nodes carry the object's own place; bulk readers add the
  // key to their messages themselves.
  void for_each_item(const std::function<void(std::size_t index, const JsonNode&)>& visit) const;
  void for_each_field(const std::function<void(std::string_view key, const JsonNode&)>& visit) const;
  JsonNode item(std::size_t index) const;  // linear time

  [[noreturn]] void fail(std::string_view what) const;  // "where: what"

 private:
  friend class JsonDocument;
  JsonNode(const void* element, std::string where);

  alignas(8) std::array<std::byte, 16> element_{};  // a simdjson::dom::element, kept out of this header
  std::string where_;
};

// The one character that a string must hold, as UTF-8.
std::string single_character(const JsonNode& node);

class JsonDocument {
 public:
  static JsonDocument parse(std::string_view text);
  ~JsonDocument();
  JsonDocument(JsonDocument&&) noexcept;
  JsonDocument& operator=(JsonDocument&&) noexcept;

  JsonNode root() const;

 private:
  struct Parser;
  explicit JsonDocument(std::unique_ptr<Parser> parser);
  std::unique_ptr<Parser> parser_;
};

}  // namespace lacuna
