// Any bytes as a shard index: an Error, or an index whose names all pass, or are refused by, the one path gate.
#include <cstdlib>
#include <string_view>

#include "lacuna/core/error.hpp"
#include "lacuna/formats/shard_index.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::filesystem::path path = "/lacuna-fuzz/no-such-folder/model.safetensors.index.json";
  try {
    const auto index = lacuna::parse_shard_index({reinterpret_cast<const char*>(data), size}, path);
    if (index.weight_map.empty() || index.files().size() > lacuna::kMaxShards) std::abort();
    for (const auto& file : index.files()) {
      try {
        lacuna::shard_path(path, file);
        std::abort();  // the folder does not exist, so no name may be found
      } catch (const lacuna::Error& error) {
        using lacuna::ErrorCode;
        if (error.code() != ErrorCode::path_escape && error.code() != ErrorCode::not_found) std::abort();
        const bool plain = file.find_first_of("/\\%") == std::string::npos && file.front() != '.';
        if (!plain && error.code() != ErrorCode::path_escape) std::abort();
      }
    }
  } catch (const lacuna::Error& error) {
    if (error.code() == lacuna::ErrorCode::internal || error.path() != path) std::abort();
  }
  return 0;
}
