#include "lacuna/formats/byte_source.hpp"

#include <fmt/format.h>

#include <cstring>

#include "lacuna/core/checked.hpp"

namespace lacuna {
namespace {

template <typename T>
T load(std::span<const std::byte> bytes) {
  T value;
  std::memcpy(&value, bytes.data(), sizeof value);  // the library is built for little-endian machines only
  return value;
}

}  // namespace

void ByteSource::fail(std::uint64_t offset, std::string message, ErrorCode code) const {
  throw Error(code, std::move(message)).at(path_, offset);
}

std::span<const std::byte> ByteSource::range(std::uint64_t offset, std::uint64_t length, std::string_view what) const {
  if (!range_inside(offset, length, size())) {
    fail(offset, fmt::format("{}: expected {} bytes here, but the file ends at byte {}", what, length, size()));
  }
  return bytes_.subspan(offset, length);
}

std::string_view ByteSource::text(std::uint64_t offset, std::uint64_t length, std::string_view what) const {
  const auto bytes = range(offset, length, what);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::uint8_t ByteSource::u8(std::uint64_t offset, std::string_view what) const {
  return load<std::uint8_t>(range(offset, 1, what));
}

std::uint16_t ByteSource::u16(std::uint64_t offset, std::string_view what) const {
  return load<std::uint16_t>(range(offset, 2, what));
}

std::uint32_t ByteSource::u32(std::uint64_t offset, std::string_view what) const {
  return load<std::uint32_t>(range(offset, 4, what));
}

std::uint64_t ByteSource::u64(std::uint64_t offset, std::string_view what) const {
  return load<std::uint64_t>(range(offset, 8, what));
}

bool ByteSource::starts_with(std::string_view magic, std::uint64_t offset) const {
  return range_inside(offset, magic.size(), size()) &&
         std::memcmp(bytes_.data() + offset, magic.data(), magic.size()) == 0;
}

}  // namespace lacuna
