// The smallest .npy reader that the golden files need: C order, little-endian int32 or float32.
#pragma once

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace lacuna::test {

template <typename T>
std::vector<T> read_npy(const std::filesystem::path& path, const std::string& descr) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), {});
  if (bytes.size() < 10 || bytes.substr(1, 5) != "NUMPY") throw std::runtime_error("not npy: " + path.string());
  std::uint16_t header = 0;
  std::memcpy(&header, bytes.data() + 8, 2);
  if (bytes.substr(10, header).find("'descr': '" + descr + "'") == std::string::npos) {
    throw std::runtime_error("unexpected dtype: " + path.string());
  }
  std::vector<T> values((bytes.size() - 10 - header) / sizeof(T));
  std::memcpy(values.data(), bytes.data() + 10 + header, values.size() * sizeof(T));
  return values;
}

inline std::vector<std::int32_t> read_npy_i32(const std::filesystem::path& path) {
  return read_npy<std::int32_t>(path, "<i4");
}
inline std::vector<float> read_npy_f32(const std::filesystem::path& path) { return read_npy<float>(path, "<f4"); }

}  // namespace lacuna::test
