#include "lacuna/study/checkpoints/pack_work.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <set>

#include "lacuna/core/atomic_file.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/formats/checkpoint.hpp"
#include "lacuna/formats/packed_mark.hpp"
#include "lacuna/formats/safetensors_writer.hpp"
#include "lacuna/formats/script_names.hpp"
#include "lacuna/formats/shard_index.hpp"
#include "lacuna/sparse/carried_tensors.hpp"
#include "lacuna/sparse/packed_metadata.hpp"
#include "lacuna/sparse/packed_reader.hpp"
#include "lacuna/sparse/packer.hpp"
#include "lacuna/study/checkpoints/checkpoint_rewrite.hpp"
#include "lacuna/study/work_folder.hpp"

namespace lacuna {
namespace {
namespace fs = std::filesystem;

// The names under which an input's tensor is in the output; empty: it is not.
using Renaming = std::function<std::vector<std::string>(const std::string&)>;

SafetensorsMetadata metadata_of(const TensorArchive& shard) {
  return shard.format == FileFormat::safetensors ? shard.metadata : SafetensorsMetadata{{"format", "pt"}};
}

std::uint64_t weight_file_bytes(const Checkpoint& model) {
  std::uint64_t bytes = 0;
  for (const auto& shard : model.shards()) bytes += shard.files.front()->size();
  return bytes;
}

std::uint64_t weight_file_bytes(const fs::path& folder) {
  std::uint64_t bytes = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".safetensors") bytes += entry.file_size();
  }
  return bytes;
}

// The index with its tensors renamed, its order kept. total_size stays that of the dense tensors.
void write_index(const Checkpoint& model, const fs::path& folder, const Renaming& rename) {
  if (model.index_path().empty()) return;
  ShardIndex index = read_shard_index(model.index_path());
  std::map<std::string, std::string> files;
  for (const auto& shard : model.shards()) {
    files[shard.files.front()->path().filename().string()] = output_shard_name(shard);
  }
  std::vector<std::pair<std::string, std::string>> renamed;
  for (const auto& [tensor, file] : index.weight_map) {
    for (auto& name : rename(tensor)) renamed.emplace_back(std::move(name), files.at(file));
  }
  index.weight_map = std::move(renamed);
  write_shard_index(folder / "model.safetensors.index.json", index);
}

// One tensor of an output shard and how its bytes are made.
struct OutputTensor {
  TensorSpec spec;
  std::function<void(std::span<std::byte>)> produce;
};

void write_shard(const fs::path& path, const std::vector<OutputTensor>& tensors, const SafetensorsMetadata& metadata,
                 const RunContext& context) {
  std::vector<TensorSpec> specs;
  specs.reserve(tensors.size());
  for (const auto& tensor : tensors) specs.push_back(tensor.spec);
  const auto produce = [&](std::size_t index, std::span<std::byte> out) { tensors[index].produce(out); };
  write_safetensors(path, specs, metadata, produce, context);
}

OutputTensor copied(const NamedTensor& tensor) {
  return {{tensor.name, tensor.view.dtype, tensor.view.shape},
          [view = tensor.view](std::span<std::byte> out) { copy_contiguous(view, out.data()); }};
}

using Plans = std::map<std::string, PackingPlan>;

Plans plan_model(const Checkpoint& model, const RunContext& context) {
  std::vector<const NamedTensor*> candidates;
  for (const auto& shard : model.shards()) {
    for (const auto& tensor : shard.tensors) {
      if (tensor.view.shape.size() == 2 && match_weight_name(tensor.name)) candidates.push_back(&tensor);
    }
  }
  Plans plans;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    context.check_stop();
    context.report({"count", candidates[i]->name, "matrices", i, candidates.size(), 0.0});
    if (auto plan = plan_packing(candidates[i]->view)) plans.emplace(candidates[i]->name, *plan);
  }
  context.report({"count", "", "matrices", candidates.size(), candidates.size(), 1.0});
  if (!plans.empty()) return plans;
  throw Error(ErrorCode::invalid_argument,
              "no matrix of the model's blocks takes fewer bytes when its zeros are left out")
      .at(model.folder())
      .hint("`lacuna show MODEL` prints each matrix's sparsity; bf16 and f16 need more than 6.25 % zeros");
}

void pack_shard(const TensorArchive& shard, const Plans& plans, const fs::path& path, const RunContext& context) {
  std::vector<OutputTensor> tensors;
  std::vector<PackedEntry> entries;
  std::vector<std::pair<std::string, std::string>> carried;
  for (const auto& tensor : shard.tensors) {
    const auto found = plans.find(tensor.name);
    if (found == plans.end()) {
      tensors.push_back(copied(tensor));
      carried.emplace_back(tensor.name, carried_digest(tensor));
      continue;
    }
    const PackingPlan& plan = found->second;
    for (const auto part : packed_parts(plan.layout)) {
      tensors.push_back({packed_part_spec(tensor.name, plan, part), [&tensor, &plan, part](std::span<std::byte> out) {
                           pack_part(tensor.view, plan, part, out);
                         }});
    }
    context.check_stop();
    entries.push_back({tensor.name, plan, packed_digest(tensor.name, tensor.view, plan)});
  }
  SafetensorsMetadata metadata = metadata_of(shard);
  if (!entries.empty()) add_packed_metadata(entries, metadata);
  if (!carried.empty()) add_carried_metadata(carried, metadata);
  write_shard(path, tensors, metadata, context);
}

void unpack_shard(const TensorArchive& shard, const PackedSet& packed, const std::map<std::string, std::string>& parts,
                  const fs::path& path, const RunContext& context) {
  std::vector<OutputTensor> tensors;
  std::set<std::string> done;
  for (const auto& tensor : shard.tensors) {
    const auto part = parts.find(tensor.name);
    if (part == parts.end()) {
      tensors.push_back(copied(tensor));
    } else if (done.insert(part->second).second) {
      const auto matrix = packed.find(part->second);
      tensors.push_back({{matrix->name(), matrix->plan().dtype, matrix->shape()},
                         [matrix](std::span<std::byte> out) { matrix->unpack(out.data()); }});
    }
  }
  SafetensorsMetadata metadata = metadata_of(shard);
  if (is_packed_archive(shard)) erase_packed_metadata(metadata);
  erase_carried_metadata(metadata);
  write_shard(path, tensors, metadata, context);
}

template <typename WriteShard>
void write_model(const Checkpoint& model, const fs::path& out, const std::string& command, const Renaming& rename,
                 const RunContext& context, const WriteShard& write_one) {
  write_output_folder(out, command, [&](const fs::path& folder) {
    for (const auto& shard : model.shards()) {
      context.check_stop();
      write_one(shard, folder / output_shard_name(shard));
    }
    write_index(model, folder, rename);
    copy_side_files(model.folder(), folder, true);
    model.check_intact();
  });
}

}  // namespace

std::uint64_t PackReport::dense_bytes() const {
  std::uint64_t bytes = 0;
  for (const auto& matrix : matrices) bytes += matrix.plan.dense_bytes();
  return bytes;
}

std::uint64_t PackReport::packed_bytes() const {
  std::uint64_t bytes = 0;
  for (const auto& matrix : matrices) bytes += matrix.plan.packed_bytes();
  return bytes;
}

double PackReport::sparsity() const {
  double elements = 0.0;
  double nonzeros = 0.0;
  for (const auto& matrix : matrices) {
    elements += static_cast<double>(matrix.plan.rows) * static_cast<double>(matrix.plan.cols);
    nonzeros += static_cast<double>(matrix.plan.nonzeros);
  }
  return elements == 0.0 ? 0.0 : 1.0 - nonzeros / elements;
}

PackReport pack_model(const std::string& reference, const fs::path& out, const RunContext& context) {
  const Checkpoint model = Checkpoint::open(reference);
  require_distinct_paths(out, model.folder());
  if (is_packed_checkpoint(model)) {
    throw Error(ErrorCode::invalid_argument, "the model is packed already").at(model.folder());
  }
  require_free_output(out);
  const Plans plans = plan_model(model, context);
  const auto rename = [&](const std::string& name) {
    const auto plan = plans.find(name);
    if (plan == plans.end()) return std::vector<std::string>{name};
    std::vector<std::string> names;
    for (const auto part : packed_parts(plan->second.layout))
      names.push_back(name + std::string(packed_part_suffix(part)));
    return names;
  };
  write_model(model, out, "pack", rename, context,
              [&](const TensorArchive& shard, const fs::path& path) { pack_shard(shard, plans, path, context); });
  PackReport report;
  for (const auto& [name, plan] : plans) report.matrices.push_back({name, plan});
  report.dense_file_bytes = weight_file_bytes(model);
  report.packed_file_bytes = weight_file_bytes(out);
  return report;
}

PackReport unpack_model(const std::string& reference, const fs::path& out, const RunContext& context) {
  const Checkpoint model = Checkpoint::open(reference);
  require_distinct_paths(out, model.folder());
  const PackedSet packed = PackedSet::open(model);
  if (packed.empty()) throw Error(ErrorCode::invalid_argument, "the model is not packed").at(model.folder());
  PackReport report;
  std::map<std::string, std::string> parts;  // tensor of the packed files → matrix
  for (const auto& [name, matrix] : packed.matrices()) {
    report.matrices.push_back({name, matrix->plan()});
    for (const auto part : packed_parts(matrix->plan().layout))
      parts[name + std::string(packed_part_suffix(part))] = name;
  }
  std::set<std::string> renamed;
  const auto rename = [&](const std::string& name) {
    const auto part = parts.find(name);
    if (part == parts.end()) return std::vector<std::string>{name};
    if (!renamed.insert(part->second).second) return std::vector<std::string>{};
    return std::vector<std::string>{part->second};
  };
  write_model(model, out, "unpack", rename, context, [&](const TensorArchive& shard, const fs::path& path) {
    unpack_shard(shard, packed, parts, path, context);
  });
  report.dense_file_bytes = weight_file_bytes(out);
  report.packed_file_bytes = weight_file_bytes(model);
  return report;
}

}  // namespace lacuna
