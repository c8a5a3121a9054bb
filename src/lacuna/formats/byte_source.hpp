// The bytes of an input, the path that messages give it, and bounds-checked little-endian reads.
//
// Does not own the bytes. Each read touches its bytes once, so that a file rewritten by another program meanwhile can
// change a value but never pass a check with one value and be used with another.
//
// Errors   corrupt_file (or the code given), with path and byte offset.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "lacuna/core/error.hpp"

namespace lacuna {

class ByteSource {
 public:
  ByteSource(std::span<const std::byte> bytes, std::filesystem::path path) : bytes_(bytes), path_(std::move(path)) {}

  std::span<const std::byte> bytes() const { return bytes_; }
  std::uint64_t size() const { return bytes_.size(); }
  const std::filesystem::path& path() const { return path_; }

  [[noreturn]] void fail(std::uint64_t offset, std::string message, ErrorCode code = ErrorCode::corrupt_file) const;

  // `what` names the field in the message of a read beyond the end.
  std::span<const std::byte> range(std::uint64_t offset, std::uint64_t length, std::string_view what) const;
  std::string_view text(std::uint64_t offset, std::uint64_t length, std::string_view what) const;
  std::uint8_t u8(std::uint64_t offset, std::string_view what) const;
  std::uint16_t u16(std::uint64_t offset, std::string_view what) const;
  std::uint32_t u32(std::uint64_t offset, std::string_view what) const;
  std::uint64_t u64(std::uint64_t offset, std::string_view what) const;
  bool starts_with(std::string_view magic, std::uint64_t offset = 0) const;

 private:
  std::span<const std::byte> bytes_;
  std::filesystem::path path_;
};

}  // namespace lacuna
