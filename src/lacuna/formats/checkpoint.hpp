// A model folder in the Hugging Face layout, read in place: config.json, weights (one safetensors file, or shards with
// an index; .bin/.pt shards too), tokenizer and other files.
//
// The reference is a folder, or an id `owner/name[@revision]` found in the local hub cache (formats/hub_cache.hpp).
// The weights are the first present of model.safetensors, model.safetensors.index.json, pytorch_model.bin and
// pytorch_model.bin.index.json, as transformers looks for them. Shards named by an index must lie in the folder;
// anything else is Error{path_escape}. Nothing is sent anywhere.
//
// Copies share one set of mapped shards; a TensorView* stays valid as long as any copy lives.
//
// Threads  safe to read from any thread.
// Errors   not_found (folder, weights, shard), path_escape, missing_tensor (the index names what no shard holds),
//          corrupt_file (a tensor in two shards, and all that the readers refuse), limit_exceeded, out_of_memory.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lacuna/formats/tensor_archive.hpp"

namespace lacuna {

class Checkpoint {
 public:
  static Checkpoint open(const std::string& reference);

  const std::filesystem::path& folder() const { return folder_; }
  std::filesystem::path config_path() const { return folder_ / "config.json"; }
  const std::vector<TensorArchive>& shards() const { return contents_->shards; }  // index order; shards()[i].files[0]
  const std::filesystem::path& index_path() const { return index_path_; }         // empty for a single weight file

  const TensorView* find(const std::string& name) const;  // null when absent; O(log n)
  const TensorView& get(const std::string& name) const;   // throws Error{missing_tensor}
  std::vector<std::string> names() const;                 // shard order
  std::uint64_t weight_bytes() const;
  void check_intact() const;

 private:
  struct Contents {
    std::vector<TensorArchive> shards;
    std::vector<std::pair<std::string_view, const TensorView*>> by_name;  // sorted; points into shards
  };

  std::filesystem::path folder_;
  std::filesystem::path index_path_;
  std::shared_ptr<const Contents> contents_ = std::make_shared<const Contents>();
};

}  // namespace lacuna
