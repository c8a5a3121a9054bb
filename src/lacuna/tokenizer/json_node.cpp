#include "lacuna/tokenizer/json_node.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <cstring>
#include <nlohmann/json.hpp>
#include <type_traits>

#include "lacuna/core/error.hpp"
#include "lacuna/tokenizer/utf8.hpp"

namespace lacuna {
namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;

constexpr std::size_t kMaxDepth = 64;

std::string_view name_of(JsonNode::Type type) {
  switch (type) {
    case JsonNode::Type::null: return "null";
    case JsonNode::Type::boolean: return "a boolean";
    case JsonNode::Type::number: return "a number";
    case JsonNode::Type::string: return "a string";
    case JsonNode::Type::array: return "an array";
    case JsonNode::Type::object: return "an object";
  }
  return "nothing";
}

element unpack(const std::array<std::byte, 16>& bytes) {
  static_assert(sizeof(element) <= 16 && std::is_trivially_copyable_v<element>);
  element unpacked;
  std::memcpy(static_cast<void*>(&unpacked), bytes.data(), sizeof unpacked);
  return unpacked;
}

// simdjson does not say where a text breaks the rules. This second, slow look is only for the message.
struct SyntaxErrorLocator : nlohmann::json_sax<nlohmann::json> {
  std::size_t offset = 0;
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return true; }
  bool key(string_t&) override { return true; }
  bool end_object() override { return true; }
  bool start_array(std::size_t) override { return true; }
  bool end_array() override { return true; }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception&) override {
    offset = position == 0 ? 0 : position - 1;
    return false;
  }
};

[[noreturn]] void throw_syntax_error(std::string_view text, simdjson::error_code code) {
  if (code == simdjson::DEPTH_ERROR) {
    throw Error(ErrorCode::limit_exceeded, fmt::format("JSON nested deeper than {} levels", kMaxDepth));
  }
  SyntaxErrorLocator locator;
  const bool accepted = nlohmann::json::sax_parse(text.begin(), text.end(), &locator);
  Error error(ErrorCode::bad_tokenizer, fmt::format("not valid JSON: {}", simdjson::error_message(code)));
  error.at({}, accepted ? std::optional<std::uint64_t>() : locator.offset);
  throw error;
}

}  // namespace

struct JsonDocument::Parser {
  simdjson::dom::parser parser;
  element root;
};

JsonDocument::JsonDocument(std::unique_ptr<Parser> parser) : parser_(std::move(parser)) {}
JsonDocument::~JsonDocument() = default;
JsonDocument::JsonDocument(JsonDocument&&) noexcept = default;
JsonDocument& JsonDocument::operator=(JsonDocument&&) noexcept = default;

JsonDocument JsonDocument::parse(std::string_view text) {
  auto parser = std::make_unique<Parser>();
  const auto allocated = parser->parser.allocate(text.size(), kMaxDepth);
  if (allocated != simdjson::SUCCESS) throw_syntax_error(text, allocated);
  const auto parsed = parser->parser.parse(text.data(), text.size()).get(parser->root);
  if (parsed != simdjson::SUCCESS) throw_syntax_error(text, parsed);
  return JsonDocument(std::move(parser));
}

JsonNode JsonDocument::root() const { return {&parser_->root, ""}; }

JsonNode::JsonNode(const void* element_address, std::string where) : where_(std::move(where)) {
  std::memcpy(element_.data(), element_address, sizeof(element));
}

void JsonNode::fail(std::string_view what) const {
  throw Error(ErrorCode::bad_tokenizer, where_.empty() ? std::string(what) : fmt::format("{}: {}", where_, what));
}

JsonNode::Type JsonNode::type() const {
  switch (unpack(element_).type()) {
    case element_type::ARRAY: return Type::array;
    case element_type::OBJECT: return Type::object;
    case element_type::STRING: return Type::string;
    case element_type::BOOL: return Type::boolean;
    case element_type::NULL_VALUE: return Type::null;
    default: return Type::number;
  }
}

std::string_view JsonNode::string() const {
  std::string_view value;
  if (unpack(element_).get(value) != simdjson::SUCCESS) fail(fmt::format("expected a string, got {}", name_of(type())));
  return value;
}

bool JsonNode::boolean() const {
  bool value = false;
  if (unpack(element_).get(value) != simdjson::SUCCESS)
    fail(fmt::format("expected a boolean, got {}", name_of(type())));
  return value;
}

std::uint64_t JsonNode::unsigned_integer() const {
  std::uint64_t value = 0;
  if (unpack(element_).get(value) != simdjson::SUCCESS) {
    fail(fmt::format("expected an integer of zero or more, got {}",
                     type() == Type::number ? "another number" : name_of(type())));
  }
  return value;
}

double JsonNode::number() const {
  double value = 0;
  if (unpack(element_).get(value) != simdjson::SUCCESS) fail(fmt::format("expected a number, got {}", name_of(type())));
  return value;
}

std::size_t JsonNode::size() const {
  // The tape saturates its counts at 2^24 - 1, so elements are counted.
  std::size_t n = 0;
  if (type() == Type::array) {
    for ([[maybe_unused]] const auto child : simdjson::dom::array(unpack(element_))) ++n;
  } else if (type() == Type::object) {
    for ([[maybe_unused]] const auto child : simdjson::dom::object(unpack(element_))) ++n;
  } else {
    fail(fmt::format("expected an array or an object, got {}", name_of(type())));
  }
  return n;
}

std::optional<JsonNode> JsonNode::find(std::string_view key) const {
  if (type() != Type::object) fail(fmt::format("expected an object, got {}", name_of(type())));
  std::optional<JsonNode> found;
  for (const auto member : simdjson::dom::object(unpack(element_))) {
    if (member.key != key) continue;
    if (found) fail(fmt::format("field \"{}\" is given twice", key));
    found = JsonNode(&member.value, where_.empty() ? std::string(key) : fmt::format("{}.{}", where_, key));
  }
  if (found && found->is_null()) return std::nullopt;
  return found;
}

JsonNode JsonNode::field(std::string_view key) const {
  auto found = find(key);
  if (!found) fail(fmt::format("field \"{}\" is missing", key));
  return *std::move(found);
}

bool JsonNode::boolean_or(std::string_view key, bool fallback) const {
  const auto found = find(key);
  return found ? found->boolean() : fallback;
}

std::optional<std::string> JsonNode::string_or_nothing(std::string_view key) const {
  const auto found = find(key);
  if (!found) return std::nullopt;
  return std::string(found->string());
}

void JsonNode::for_each_item(const std::function<void(std::size_t, const JsonNode&)>& visit) const {
  if (type() != Type::array) fail(fmt::format("expected an array, got {}", name_of(type())));
  std::size_t index = 0;
  for (const auto child : simdjson::dom::array(unpack(element_))) {
    visit(index, JsonNode(&child, fmt::format("{}[{}]", where_, index)));
    ++index;
  }
}

void JsonNode::for_each_field(const std::function<void(std::string_view, const JsonNode&)>& visit) const {
  if (type() != Type::object) fail(fmt::format("expected an object, got {}", name_of(type())));
  for (const auto member : simdjson::dom::object(unpack(element_))) {
    visit(member.key, JsonNode(&member.value, where_));
  }
}

JsonNode JsonNode::item(std::size_t index) const {
  std::optional<JsonNode> found;
  for_each_item([&](std::size_t i, const JsonNode& node) {
    if (i == index) found = node;
  });
  if (!found) fail(fmt::format("expected at least {} elements", index + 1));
  return *std::move(found);
}

std::string single_character(const JsonNode& node) {
  const std::string_view text = node.string();
  if (text.empty() || text.size() != utf8_length(text[0])) {
    node.fail(fmt::format("expected a single character, got \"{}\"", text));
  }
  return std::string(text);
}

}  // namespace lacuna
