#include "support/shared_data.hpp"

#include <cstdlib>

namespace lacuna::test {

std::filesystem::path shared_path(const std::filesystem::path& relative) {
  const char* override_path = std::getenv("LACUNA_SHARED");
  return std::filesystem::path(override_path != nullptr ? override_path : LACUNA_SHARED_DIR) / relative;
}

std::filesystem::path source_path(const std::filesystem::path& relative) {
  return std::filesystem::path(LACUNA_SOURCE_DIR) / relative;
}

}  // namespace lacuna::test
