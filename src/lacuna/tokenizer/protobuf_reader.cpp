#include "lacuna/tokenizer/protobuf_reader.hpp"

#include <fmt/format.h>

#include <bit>

#include "lacuna/core/error.hpp"

namespace lacuna {
namespace {

constexpr std::uint32_t kVarint = 0;
constexpr std::uint32_t kFixed64 = 1;
constexpr std::uint32_t kBytes = 2;
constexpr std::uint32_t kFixed32 = 5;

}  // namespace

void ProtobufReader::fail(std::string_view what) const {
  Error error(ErrorCode::bad_tokenizer, fmt::format("not a SentencePiece model: {}", what));
  error.at({}, offset_ + at_);
  throw error;
}

std::uint64_t ProtobufReader::read_varint() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (at_ == bytes_.size()) fail("the file ends inside a number");
    const auto byte = static_cast<unsigned char>(bytes_[at_++]);
    value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
    if (byte < 0x80) return value;
  }
  fail("a number of more than ten bytes");
}

std::string_view ProtobufReader::read_bytes(std::uint64_t n) {
  if (n > bytes_.size() - at_) {
    fail(fmt::format("a field of {} bytes, but only {} are left", n, bytes_.size() - at_));
  }
  const auto read = bytes_.substr(at_, n);
  at_ += n;
  return read;
}

bool ProtobufReader::next() {
  if (at_ == bytes_.size()) return false;
  const std::uint64_t tag = read_varint();
  wire_type_ = static_cast<std::uint32_t>(tag & 7U);
  if (tag >> 3U == 0 || tag >> 3U >= 1U << 29U) fail(fmt::format("field number {}", tag >> 3U));
  field_ = static_cast<std::uint32_t>(tag >> 3U);
  switch (wire_type_) {
    case kVarint: number_ = read_varint(); break;
    case kFixed64: read_bytes(8); break;
    case kBytes: {
      const std::uint64_t length = read_varint();
      text_offset_ = offset_ + at_;
      text_ = read_bytes(length);
      break;
    }
    case kFixed32: {
      number_ = 0;
      const auto bytes = read_bytes(4);
      for (std::size_t i = 4; i > 0; --i) number_ = number_ << 8U | static_cast<unsigned char>(bytes[i - 1]);
      break;
    }
    default: fail(fmt::format("wire type {}", wire_type_));
  }
  return true;
}

bool ProtobufReader::number(std::uint64_t& value) const {
  if (wire_type_ != kVarint) return false;
  value = number_;
  return true;
}

bool ProtobufReader::float32(float& value) const {
  if (wire_type_ != kFixed32) return false;
  value = std::bit_cast<float>(static_cast<std::uint32_t>(number_));
  return true;
}

bool ProtobufReader::text(std::string_view& value) const {
  if (wire_type_ != kBytes) return false;
  value = text_;
  return true;
}

}  // namespace lacuna
