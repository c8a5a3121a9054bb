// A model folder in the Hugging Face layout, read in place: config.json, weights (one safetensors file, or shards with
// an index; .bin/.pt shards too), tokenizer and other files.
//
// The reference is a folder, or an id `owner/name[@revision]` found in the local hub cache (formats/hub_cache.hpp).
// Shards named by an index must lie in the folder; anything else is Error{path_escape}. Nothing is sent anywhere.
#pragma once

#include <filesystem>
#include <string>
#include <unordered_map>
#include <vector>

#include "lacuna/formats/tensor_archive.hpp"

namespace lacuna {

class Checkpoint {
 public:
  static Checkpoint open(const std::string& reference);

  const std::filesystem::path& folder() const { return folder_; }
  std::filesystem::path config_path() const { return folder_ / "config.json"; }
  const std::vector<TensorArchive>& shards() const { return shards_; }  // in index order; file in shards()[i].files[0]
  const std::filesystem::path& index_path() const { return index_path_; }  // empty for a single weight file

  const TensorView* find(const std::string& name) const;    // null when absent; O(1)
  const TensorView& get(const std::string& name) const;     // throws Error{missing_tensor}
  std::vector<std::string> names() const;                   // shard order
  std::uint64_t weight_bytes() const;
  void check_intact() const;

 private:
  std::filesystem::path folder_;
  std::filesystem::path index_path_;
  std::vector<TensorArchive> shards_;
  std::unordered_map<std::string, const TensorView*> by_name_;
};

}  // namespace lacuna
