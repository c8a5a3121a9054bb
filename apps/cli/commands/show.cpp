// `lacuna show`: what a tensor file, a scripts' tree or a model holds.
#include <fmt/format.h>

#include <filesystem>

#include "commands.hpp"
#include "lacuna/bits/pattern.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/formats/checkpoint.hpp"
#include "lacuna/formats/matrix_set.hpp"
#include "lacuna/formats/tensor_archive.hpp"

namespace lacuna::cli {
namespace {
namespace fs = std::filesystem;

struct Contents {
  std::string kind;  // "safetensors", "checkpoint", "script tree"
  std::vector<NamedTensor> tensors;
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

Contents open_contents(const std::string& reference) {
  Contents contents;
  if (is_checkpoint(reference)) {
    auto model = std::make_shared<Checkpoint>(Checkpoint::open(reference));
    contents.kind = "checkpoint";
    for (const auto& shard : model->shards()) {
      contents.tensors.insert(contents.tensors.end(), shard.tensors.begin(), shard.tensors.end());
      contents.metadata.insert(shard.metadata.begin(), shard.metadata.end());
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
    contents.kind = file_format_name(archive->format);
    contents.tensors = archive->tensors;
    contents.metadata = archive->metadata;
    contents.keep_alive = archive;
  }
  return contents;
}

void run_show(const Session& session, const std::string& reference) {
  const Contents contents = open_contents(reference);
  std::vector<std::vector<std::string>> rows = {{"tensor", "dtype", "shape", "sparsity", "pattern"}};
  Json tensors = Json::array();
  std::int64_t parameters = 0;
  std::int64_t zeros = 0;
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < contents.tensors.size(); ++i) {
    session.context().check_stop();
    const auto& [name, view] = contents.tensors[i];
    session.context().report({"read", name, "tensors", i, contents.tensors.size(), 0.0});
    const PatternSummary pattern = summarize_pattern(view);
    parameters += pattern.numel;
    zeros += pattern.zeros;
    bytes += view.bytes();
    rows.push_back({name.empty() ? "(bare tensor)" : name, std::string(dtype_name(view.dtype)), shape_text(view.shape),
                    fmt::format("{:.4f}", pattern.sparsity()), pattern.label()});
    tensors.push_back({{"name", name},
                       {"dtype", dtype_name(view.dtype)},
                       {"shape", view.shape},
                       {"numel", pattern.numel},
                       {"bytes", view.bytes()},
                       {"zeros", pattern.zeros},
                       {"sparsity", pattern.sparsity()},
                       {"pattern", pattern.label()},
                       {"n", pattern.n},
                       {"m", pattern.m}});
  }
  const double sparsity = parameters == 0 ? 0.0 : static_cast<double>(zeros) / static_cast<double>(parameters);
  session.print(text_table(rows));
  session.print(fmt::format("\n{}: {} tensors, {} parameters, {}, {:.2f} % zeros", contents.kind,
                            contents.tensors.size(), human_count(static_cast<std::uint64_t>(parameters)),
                            human_bytes(bytes), 100.0 * sparsity));
  session.print_json({{"path", reference},
                      {"kind", contents.kind},
                      {"parameters", parameters},
                      {"bytes", bytes},
                      {"sparsity", sparsity},
                      {"shards", contents.shards},
                      {"metadata", contents.metadata},
                      {"tensors", tensors}});
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
