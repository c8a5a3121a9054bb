// model.safetensors.index.json and pytorch_model.bin.index.json: which file of the folder holds which tensor.
//
//   {"metadata": {"total_size": 63194112}, "weight_map": {"lm_head.weight": "model-00005-of-00005.safetensors", …}}
//
// An index comes from strangers, so it may name files of its own folder only: shard_path() is the one gate that turns a
// name from an index into a path.
//
// Errors   corrupt_file with the byte offset; limit_exceeded; path_escape; out_of_memory; those of files.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lacuna {

inline constexpr std::uint64_t kMaxIndexBytes = std::uint64_t{256} << 20;
inline constexpr std::size_t kMaxIndexTensors = 1 << 20;
inline constexpr std::size_t kMaxShards = 4096;

struct ShardIndex {
  std::string metadata_json = "{}";                             // the text of "metadata" as it was
  std::vector<std::pair<std::string, std::string>> weight_map;  // tensor name → file name, in the file's order
  std::vector<std::string> files() const;                       // each once, in order of first appearance
};

ShardIndex parse_shard_index(std::string_view text, const std::filesystem::path& path);  // path: for messages
ShardIndex read_shard_index(const std::filesystem::path& path);
void write_shard_index(const std::filesystem::path& path, const ShardIndex& index);  // atomically, as transformers does

// The path of the shard `file` named by the index at `index_path`. Throws Error{path_escape} unless it is a plain file
// name and, links resolved, lies in the index's folder. The one exception is the hub cache's own layout:
// models--o--n/snapshots/REV/FILE may be a link to models--o--n/blobs/HASH. Throws Error{not_found} when it is absent.
std::filesystem::path shard_path(const std::filesystem::path& index_path, std::string_view file);

}  // namespace lacuna
