// `lacuna show`: what a tensor file, a scripts' tree or a model holds.
#include <fmt/format.h>

#include <filesystem>
#include <set>

#include "commands.hpp"
#include "lacuna/bits/pattern.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/formats/checkpoint.hpp"
#include "lacuna/formats/mask_file.hpp"
#include "lacuna/formats/matrix_set.hpp"
#include "lacuna/formats/packed_mark.hpp"
#include "lacuna/formats/tensor_archive.hpp"
#include "lacuna/sparse/carried_tensors.hpp"
#include "lacuna/sparse/packed_metadata.hpp"
#include "lacuna/sparse/packed_reader.hpp"

namespace lacuna::cli {
namespace {
namespace fs = std::filesystem;

struct Contents {
  std::string kind;  // "safetensors", "checkpoint", "packed checkpoint", "script tree", "mask"
  std::vector<NamedTensor> tensors;
  PackedSet packed;  // shown as the matrices they stand for
  std::map<std::string, std::string> metadata;
  std::vector<std::string> shards;
  std::shared_ptr<const void> keep_alive;
};

bool is_checkpoint(const std::string& reference) {
  if (!fs::exists(reference)) return true;  // a hub id, or an error that says where it was looked up
  if (!fs::is_directory(reference)) return false;
  for (const char* name : {"config.json", "model.safetensors", "model.safetensors.index.json", "pytorch_model.bin",
                           "pytorch_model.bin.index.json"}) {
    if (fs::exists(fs::path(reference) / name)) return true;
  }
  return false;
}

// Tensors that are no part of a packed matrix.
void take_tensors(const TensorArchive& shard, Contents& contents) {
  std::set<std::string> parts;
  for (const auto& [name, matrix] : contents.packed.matrices()) {
    for (const auto part : packed_parts(matrix->plan().layout))
      parts.insert(name + std::string(packed_part_suffix(part)));
  }
  for (const auto& tensor : shard.tensors) {
    if (!parts.contains(tensor.name)) contents.tensors.push_back(tensor);
  }
}

// The masks themselves, not the bytes that their bits are packed in.
Contents mask_contents(const std::string& reference, std::map<std::string, std::string> metadata) {
  auto set = std::make_shared<MatrixSet>(MatrixSet::open(reference));
  Contents contents;
  contents.kind = "mask";
  contents.metadata = std::move(metadata);
  for (const auto& matrix : set->matrices()) {
    contents.tensors.push_back(
        {matrix.layer == kNoLayer ? matrix.component : fmt::format("{}.{}", matrix.layer, matrix.component),
         matrix.view});
  }
  contents.keep_alive = set;
  return contents;
}

Contents open_contents(const std::string& reference) {
  Contents contents;
  if (is_checkpoint(reference)) {
    auto model = std::make_shared<Checkpoint>(Checkpoint::open(reference));
    contents.packed = PackedSet::open(*model);
    contents.kind = contents.packed.empty() ? "checkpoint" : "packed checkpoint";
    for (const auto& shard : model->shards()) {
      take_tensors(shard, contents);
      auto metadata = shard.metadata;
      if (is_packed_archive(shard)) erase_packed_metadata(metadata);
      erase_carried_metadata(metadata);
      contents.metadata.insert(metadata.begin(), metadata.end());
      contents.shards.push_back(shard.files.at(0)->path().filename().string());
    }
    contents.keep_alive = model;
  } else if (fs::is_directory(reference)) {
    auto set = std::make_shared<MatrixSet>(MatrixSet::open(reference));
    contents.kind = "script tree";
    for (const auto& matrix : set->matrices()) {
      contents.tensors.push_back({fs::relative(matrix.source, reference).string(), matrix.view});
    }
    contents.keep_alive = set;
  } else {
    auto archive = std::make_shared<TensorArchive>(open_tensor_file(reference));
    if (is_mask_archive(*archive)) return mask_contents(reference, archive->metadata);
    contents.kind = file_format_name(archive->format);
    contents.tensors = archive->tensors;
    contents.metadata = archive->metadata;
    contents.keep_alive = archive;
  }
  return contents;
}

// What is shown of the tensors, line by line and in all.
struct Shown {
  std::vector<std::vector<std::string>> rows = {{"tensor", "dtype", "shape", "sparsity", "pattern"}};
  Json tensors = Json::array();
  std::int64_t parameters = 0;
  std::int64_t zeros = 0;
  std::uint64_t bytes = 0;  // of the files

  double sparsity() const {
    return parameters == 0 ? 0.0 : static_cast<double>(zeros) / static_cast<double>(parameters);
  }

  // layout: of a packed matrix, else empty
  void add(const std::string& name, const TensorView& view, std::uint64_t stored_bytes, const std::string& layout) {
    const PatternSummary pattern = summarize_pattern(view);
    parameters += pattern.numel;
    zeros += pattern.zeros;
    bytes += stored_bytes;
    rows.push_back({name.empty() ? "(bare tensor)" : name, std::string(dtype_name(view.dtype)), shape_text(view.shape),
                    fmt::format("{:.4f}", pattern.sparsity()),
                    pattern.label() + (layout.empty() ? "" : ", packed as " + layout)});
    tensors.push_back({{"name", name},
                       {"dtype", dtype_name(view.dtype)},
                       {"shape", view.shape},
                       {"numel", pattern.numel},
                       {"bytes", stored_bytes},
                       {"zeros", pattern.zeros},
                       {"sparsity", pattern.sparsity()},
                       {"pattern", pattern.label()},
                       {"n", pattern.n},
                       {"m", pattern.m},
                       {"packed", layout.empty() ? Json(nullptr) : Json(layout)}});
  }
};

Shown summarize(const Session& session, const Contents& contents) {
  Shown shown;
  const std::size_t total = contents.tensors.size() + contents.packed.matrices().size();
  const auto report = [&](const std::string& name) {
    session.context().check_stop();
    session.context().report({"read", name, "tensors", shown.tensors.size(), total, 0.0});
  };
  for (const auto& [name, view] : contents.tensors) {
    report(name);
    const bool mask = contents.kind == "mask";
    const auto bytes = mask ? static_cast<std::size_t>(view.shape[0] * mask_row_bytes(view.shape[1])) : view.bytes();
    shown.add(name, view, bytes, "");
  }
  for (const auto& [name, matrix] : contents.packed.matrices()) {
    report(name);
    AlignedBuffer<std::byte> dense(matrix->plan().dense_bytes());
    matrix->unpack(dense.data());
    shown.add(name, make_tensor_view(matrix->plan().dtype, matrix->shape(), dense.data()),
              matrix->plan().packed_bytes(), matrix->plan().layout.name());
  }
  return shown;
}

void run_show(const Session& session, const std::string& reference) {
  const Contents contents = open_contents(reference);
  const Shown shown = summarize(session, contents);
  session.print(text_table(shown.rows));
  session.print(fmt::format("\n{}: {} tensors, {} parameters, {}, {:.2f} % zeros", contents.kind, shown.tensors.size(),
                            human_count(static_cast<std::uint64_t>(shown.parameters)), human_bytes(shown.bytes),
                            100.0 * shown.sparsity()));
  session.print_json({{"path", reference},
                      {"kind", contents.kind},
                      {"parameters", shown.parameters},
                      {"bytes", shown.bytes},
                      {"sparsity", shown.sparsity()},
                      {"shards", contents.shards},
                      {"metadata", contents.metadata},
                      {"tensors", shown.tensors}});
}

}  // namespace

void add_show(Application& app) {
  auto& command = app.command("Look", "show", "Show a file's or model's tensors: type, shape, sparsity, N:M pattern");
  auto reference = std::make_shared<std::string>();
  command.add_option("what", *reference, "tensor file, folder of the scripts' .pt files, model folder or hub id")
      ->required()
      ->type_name("FILE|MODEL");
  app.on_run(command, [reference](const Session& session) { run_show(session, *reference); });
}

}  // namespace lacuna::cli
