#include "lacuna/formats/checkpoint.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "lacuna/core/error.hpp"
#include "lacuna/formats/allocation_guard.hpp"
#include "lacuna/formats/hub_cache.hpp"
#include "lacuna/formats/printable.hpp"
#include "lacuna/formats/safetensors.hpp"
#include "lacuna/formats/shard_index.hpp"

namespace lacuna {
namespace {
namespace fs = std::filesystem;

struct WeightFiles {
  fs::path index_path;          // empty for a single file
  std::vector<fs::path> files;  // in index order
  ShardIndex index;
};

WeightFiles find_weights(const fs::path& folder) {
  constexpr std::array<const char*, 4> kNames = {"model.safetensors", "model.safetensors.index.json",
                                                 "pytorch_model.bin", "pytorch_model.bin.index.json"};
  WeightFiles weights;
  for (const fs::path name : kNames) {
    const fs::path path = folder / name;
    std::error_code ignored;
    if (!fs::exists(fs::symlink_status(path, ignored))) continue;
    if (name.extension() != ".json") {
      weights.files.push_back(path);
      return weights;
    }
    weights.index_path = path;
    weights.index = read_shard_index(path);
    for (const auto& file : weights.index.files()) weights.files.push_back(shard_path(path, file));
    return weights;
  }
  throw Error(ErrorCode::not_found, "the folder holds no weights")
      .at(folder)
      .hint(fmt::format("looked for {}, {}, {} and {}", kNames[0], kNames[1], kNames[2], kNames[3]));
}

// A file that calls itself safetensors must be that; .bin files are recognised by content (zip or legacy).
TensorArchive open_weights(const fs::path& path) {
  return path.extension() == ".safetensors" ? read_safetensors(path) : open_tensor_file(path);
}

using NameIndex = std::vector<std::pair<std::string_view, const TensorView*>>;

// The file that holds a view's tensor, for messages: views know only addresses.
std::string file_of(const std::vector<TensorArchive>& shards, const TensorView* view) {
  for (const auto& shard : shards) {
    const auto same = [&](const NamedTensor& tensor) { return &tensor.view == view; };
    if (std::any_of(shard.tensors.begin(), shard.tensors.end(), same)) return shard.files.front()->path().string();
  }
  return "?";
}

NameIndex index_names(const std::vector<TensorArchive>& shards) {
  NameIndex names;
  for (const auto& shard : shards) {
    for (const auto& tensor : shard.tensors) names.emplace_back(tensor.name, &tensor.view);
  }
  std::sort(names.begin(), names.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  const auto twin =
      std::adjacent_find(names.begin(), names.end(), [](const auto& a, const auto& b) { return a.first == b.first; });
  if (twin != names.end()) {
    throw Error(ErrorCode::corrupt_file, fmt::format("tensor {} is here and in {} too", printable(twin->first),
                                                     file_of(shards, std::next(twin)->second)))
        .at(file_of(shards, twin->second));
  }
  return names;
}

// Every tensor that the index names must lie in the very shard it names.
void require_indexed_tensors(const WeightFiles& weights, const std::vector<TensorArchive>& shards) {
  std::vector<std::pair<std::string, std::string_view>> held;  // (file name, tensor name)
  for (std::size_t i = 0; i < shards.size(); ++i) {
    for (const auto& tensor : shards[i].tensors) held.emplace_back(weights.files[i].filename().string(), tensor.name);
  }
  std::sort(held.begin(), held.end());
  for (const auto& [name, file] : weights.index.weight_map) {
    if (!std::binary_search(held.begin(), held.end(), std::pair<std::string, std::string_view>(file, name))) {
      throw Error(ErrorCode::missing_tensor,
                  fmt::format("the index says that {} holds tensor {}, which is not there", file, printable(name)))
          .at(weights.index_path);
    }
  }
}

}  // namespace

Checkpoint Checkpoint::open(const std::string& reference) {
  return guard_allocation(reference, [&] {
    Checkpoint checkpoint;
    checkpoint.folder_ = resolve_model(reference);
    const WeightFiles weights = find_weights(checkpoint.folder_);
    checkpoint.index_path_ = weights.index_path;
    auto contents = std::make_shared<Contents>();
    contents->shards.reserve(weights.files.size());
    for (const auto& file : weights.files) contents->shards.push_back(open_weights(file));
    contents->by_name = index_names(contents->shards);
    if (!weights.index_path.empty()) require_indexed_tensors(weights, contents->shards);
    checkpoint.contents_ = std::move(contents);
    return checkpoint;
  });
}

const TensorView* Checkpoint::find(const std::string& name) const {
  const auto& names = contents_->by_name;
  const auto found = std::lower_bound(names.begin(), names.end(), std::string_view(name),
                                      [](const auto& entry, std::string_view wanted) { return entry.first < wanted; });
  return found == names.end() || found->first != name ? nullptr : found->second;
}

const TensorView& Checkpoint::get(const std::string& name) const {
  const TensorView* view = find(name);
  if (view == nullptr) {
    throw Error(ErrorCode::missing_tensor, fmt::format("no weight file holds the tensor {}", printable(name)))
        .at(folder_);
  }
  return *view;
}

std::vector<std::string> Checkpoint::names() const {
  std::vector<std::string> names;
  for (const auto& shard : contents_->shards) {
    for (const auto& tensor : shard.tensors) names.push_back(tensor.name);
  }
  return names;
}

std::uint64_t Checkpoint::weight_bytes() const {
  std::uint64_t bytes = 0;
  for (const auto& shard : contents_->shards) {
    for (const auto& tensor : shard.tensors) bytes += tensor.view.bytes();
  }
  return bytes;
}

void Checkpoint::check_intact() const {
  for (const auto& shard : contents_->shards) shard.check_intact();
}

}  // namespace lacuna
