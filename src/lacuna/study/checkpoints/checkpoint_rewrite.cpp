#include "lacuna/study/checkpoints/checkpoint_rewrite.hpp"

#include <nlohmann/json.hpp>

#include "lacuna/core/atomic_file.hpp"
#include "lacuna/formats/packed_mark.hpp"

namespace lacuna {
namespace {
namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

bool is_weight_file(const fs::path& path) {
  const std::string name = path.filename().string();
  const auto ends_with = [&](std::string_view end) {
    return name.size() >= end.size() && name.compare(name.size() - end.size(), end.size(), end) == 0;
  };
  return ends_with(".safetensors") || ends_with(".bin") || ends_with(".pt") || ends_with(".pth") ||
         ends_with(".safetensors.index.json") || ends_with(".bin.index.json") || ends_with(".gguf") ||
         ends_with(".h5") || ends_with(".msgpack") || ends_with(".onnx") || ends_with(".ot");
}

void write_converted_shard(const TensorArchive& shard, const fs::path& path, const TensorReplacement& replace,
                           const RunContext& context) {
  std::vector<TensorSpec> specs;
  for (const auto& tensor : shard.tensors) specs.push_back({tensor.name, tensor.view.dtype, tensor.view.shape});
  const auto produce = [&](std::size_t index, std::span<std::byte> out) {
    const auto& tensor = shard.tensors[index];
    if (!replace(tensor, out)) copy_contiguous(tensor.view, out.data());
  };
  write_safetensors(path, specs, {{"format", "pt"}}, produce, context);
}

// The index of the input, which already names the shards, or one for shards whose names changed.
void write_index(const Checkpoint& model, const fs::path& folder) {
  if (model.index_path().empty()) return;
  if (model.shards().front().format == FileFormat::safetensors) {
    write_file_atomic(folder / model.index_path().filename(), read_file(model.index_path(), 1U << 30));
    return;
  }
  Json weight_map = Json::object();
  for (const auto& shard : model.shards()) {
    for (const auto& tensor : shard.tensors) weight_map[tensor.name] = output_shard_name(shard);
  }
  const Json index = {{"metadata", {{"total_size", model.weight_bytes()}}}, {"weight_map", weight_map}};
  write_file_atomic(folder / "model.safetensors.index.json", index.dump(2) + "\n");
}

}  // namespace

void copy_side_files(const fs::path& from, const fs::path& to, bool provenance) {
  constexpr std::uint64_t kMaxSideFileBytes = std::uint64_t{1} << 30;
  for (const auto& entry : fs::directory_iterator(from)) {  // a link counts as what it points to
    const auto name = entry.path().filename();
    if (!entry.is_regular_file() || is_weight_file(entry.path())) continue;
    if (!provenance && name.string().rfind("lacuna", 0) == 0) continue;
    write_file_atomic(to / name, read_file(entry.path(), kMaxSideFileBytes));
  }
}

std::string output_shard_name(const TensorArchive& shard) {
  std::string name = shard.files.at(0)->path().filename().string();
  if (shard.format == FileFormat::safetensors) return name;
  if (name.rfind("pytorch_", 0) == 0) name.erase(0, 8);
  return fs::path(name).replace_extension(".safetensors").string();
}

void rewrite_checkpoint(const Checkpoint& model, const TensorReplacement& replace, const fs::path& folder,
                        const RunContext& context) {
  require_dense(model);
  for (const auto& shard : model.shards()) {
    context.check_stop();
    const fs::path path = folder / output_shard_name(shard);
    if (shard.format == FileFormat::safetensors) {
      rewrite_safetensors(shard, path, replace, context);
    } else {
      write_converted_shard(shard, path, replace, context);
    }
  }
  write_index(model, folder);
  copy_side_files(model.folder(), folder, false);
  model.check_intact();
}

}  // namespace lacuna
