// A strict reader of JSON text in memory, for the headers and index files that strangers write.
//
// The caller pulls exactly the values that its grammar expects; anything else is an Error{corrupt_file} with the byte
// offset in the file, what was expected there and what was found. Nothing is built in memory but what the caller keeps,
// and nothing recurses, so nesting cannot exhaust the stack. RFC 8259 to the letter: no comments, no trailing commas,
// no leading zeros, strings are valid UTF-8 without lone surrogates. Repeated keys are the caller's to refuse.
//
//   cursor.begin_object();
//   while (cursor.next_key(key)) { if (key == "shape") … else cursor.skip_value(); }
//   cursor.finish();
//
// Lifetime  text and path must outlive the cursor.
// Errors    corrupt_file; limit_exceeded when skip_value() meets more than kMaxDepth nested containers.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace lacuna {

class JsonCursor {
 public:
  static constexpr std::size_t kMaxDepth = 64;

  // file_offset: where text starts in the file, for messages.
  JsonCursor(std::string_view text, const std::filesystem::path& path, std::uint64_t file_offset = 0)
      : text_(text), path_(&path), file_offset_(file_offset) {}

  std::uint64_t offset();  // in the file, of the next token

  void begin_object() { open('{', "an object"); }
  void begin_array() { open('[', "an array"); }
  bool next_key(std::string& key);  // false: the object ended
  bool next_item();                 // false: the array ended; true: the caller reads one value
  std::string string();
  std::uint64_t unsigned_integer();  // digits only: -0, 1.0 and 1e3 are refused
  std::string_view skip_value();     // any value, checked; returns its text
  void finish();                     // only white space may be left

  [[noreturn]] void fail(const std::string& message) { fail_at(message, offset()); }
  [[noreturn]] void fail_at(const std::string& message, std::uint64_t file_offset) const;

 private:
  void skip_space();
  bool at(char expected);  // consumes it when it is next
  void open(char bracket, std::string_view what);
  bool next_member(char closing);
  std::string got() const;
  void append_escape(std::string& out);
  unsigned hex4();
  void append_utf8_sequence(std::string& out);
  void skip_number();
  void skip_literal(std::string_view literal);
  void skip_scalar();

  std::string_view text_;
  const std::filesystem::path* path_;
  std::uint64_t file_offset_;
  std::size_t position_ = 0;
  bool fresh_ = false;  // directly after an opening bracket: no comma is due
};

}  // namespace lacuna
