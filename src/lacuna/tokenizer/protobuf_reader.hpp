// Reads the protobuf wire format, as far as SentencePiece models need it.
//
// A message is a run of fields; each call of next() reads one and leaves its value in the reader. Every length is
// checked against what is left, so a reader never leaves its bytes, and reading is linear in them.
//
// Errors   Error{bad_tokenizer} with the byte offset in the file: truncated field, over-long number, group or unknown
//          wire type, field number 0.
// Source   protobuf.dev/programming-guides/encoding
#pragma once

#include <cstdint>
#include <string_view>

namespace lacuna {

class ProtobufReader {
 public:
  // `offset` is where `bytes` begin in the file; only for messages.
  explicit ProtobufReader(std::string_view bytes, std::uint64_t offset = 0) : bytes_(bytes), offset_(offset) {}

  bool next();  // false at the end
  std::uint32_t field() const { return field_; }

  // The value of the field just read. Nothing is read, and false returned, when its wire type is another one: such a
  // field counts as unknown.
  bool number(std::uint64_t& value) const;
  bool float32(float& value) const;
  bool text(std::string_view& value) const;
  ProtobufReader message() const { return ProtobufReader(text_, text_offset_); }
  bool is_text() const { return wire_type_ == 2; }

 private:
  std::uint64_t read_varint();
  std::string_view read_bytes(std::uint64_t n);
  [[noreturn]] void fail(std::string_view what) const;

  std::string_view bytes_;
  std::uint64_t offset_;
  std::size_t at_ = 0;
  std::uint32_t field_ = 0;
  std::uint32_t wire_type_ = 0;
  std::uint64_t number_ = 0;
  std::string_view text_;
  std::uint64_t text_offset_ = 0;
};

}  // namespace lacuna
