// Safetensors files for tests, damaged ones included: the header is written as given.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace lacuna::test {

inline std::string little_endian_u64(std::uint64_t value) {
  std::string bytes(8, '\0');
  for (int i = 0; i < 8; ++i) bytes[static_cast<std::size_t>(i)] = static_cast<char>(value >> (8 * i));
  return bytes;
}

inline std::string safetensors_bytes(std::string_view header, std::string_view data = {}) {
  return little_endian_u64(header.size()) + std::string(header) + std::string(data);
}

}  // namespace lacuna::test
