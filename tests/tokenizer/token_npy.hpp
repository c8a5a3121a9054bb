// Reads the token streams of ../shared/golden: one-dimensional little-endian int32 .npy files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace lacuna::test {

std::vector<std::int32_t> read_token_npy(const std::filesystem::path& path);

}  // namespace lacuna::test
