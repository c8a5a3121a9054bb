#include "token_npy.hpp"

#include <cstring>
#include <stdexcept>
#include <string>

#include "lacuna/core/atomic_file.hpp"

namespace lacuna::test {

std::vector<std::int32_t> read_token_npy(const std::filesystem::path& path) {
  const std::string file = read_file(path, 1U << 30U);
  const bool version_1 = file.starts_with(std::string("\x93NUMPY\x01\x00", 8));
  if (!version_1 || file.find("'descr': '<i4'") == std::string::npos) throw std::runtime_error("not an int32 npy file");
  const std::size_t header = 10 + static_cast<unsigned char>(file[8]) + 256U * static_cast<unsigned char>(file[9]);
  std::vector<std::int32_t> tokens((file.size() - header) / sizeof(std::int32_t));
  std::memcpy(tokens.data(), file.data() + header, tokens.size() * sizeof(std::int32_t));
  return tokens;
}

}  // namespace lacuna::test
