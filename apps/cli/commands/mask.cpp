// `lacuna mask extract|apply|and|or|xor|not`.
#include <fmt/format.h>

#include "commands.hpp"
#include "lacuna/study/checkpoints/mask_work.hpp"

namespace lacuna::cli {
namespace {
namespace fs = std::filesystem;

struct MaskOptions {
  std::string model;
  std::vector<fs::path> files;
  fs::path out;
};

void print_masks(const Session& session, const fs::path& out, const std::vector<MaskSummary>& masks) {
  std::vector<std::vector<std::string>> rows = {{"mask", "shape", "kept"}};
  Json list = Json::array();
  for (const auto& mask : masks) {
    rows.push_back({mask.name, fmt::format("{} × {}", mask.rows, mask.cols), fmt::format("{:.4f}", mask.kept)});
    list.push_back({{"name", mask.name}, {"rows", mask.rows}, {"cols", mask.cols}, {"kept", mask.kept}});
  }
  session.print(text_table(rows));
  session.print_json({{"out", out.string()}, {"masks", list}});
}

CLI::App& nested(CLI::App& parent, const std::string& name, const std::string& description, MaskOptions& options) {
  CLI::App& command = *parent.add_subcommand(name, description);
  command.fallthrough();
  command.add_option("-o,--out", options.out, name == "apply" ? "output folder; must not exist" : "mask file to write")
      ->required()
      ->type_name(name == "apply" ? "DIR" : "FILE");
  return command;
}

}  // namespace

void add_mask(Application& app) {
  auto& command = app.command("Prune", "mask", "Take masks from models, combine them, apply them");
  command.require_subcommand(1);
  auto options = std::make_shared<MaskOptions>();

  auto& extract =
      nested(command, "extract", "Write the non-zeros of a file, script tree or model as a mask file", *options);
  extract.add_option("model", options->model, "where the weights are")->required()->type_name("FILE|MODEL");
  app.on_run(extract, [options](const Session& session) {
    print_masks(session, options->out, extract_masks(options->model, options->out, session.context()));
  });

  auto& apply = nested(command, "apply", "Copy a model with its weights zeroed where a mask is 0", *options);
  apply.add_option("model", options->model, "model folder or hub id")->required()->type_name("MODEL");
  apply.add_option("mask", options->files, "mask file")->required()->expected(1)->type_name("MASK");
  app.on_run(apply, [options](const Session& session) {
    print_masks(session, options->out,
                apply_masks(options->model, options->files.at(0), options->out, session.context()));
  });

  const auto combination = [&](const std::string& name, const std::string& description, MaskOperation operation,
                               int n) {
    auto& nested_command = nested(command, name, description, *options);
    nested_command.add_option("masks", options->files, "mask files")->required()->expected(n)->type_name("MASK");
    app.on_run(nested_command, [options, operation](const Session& session) {
      print_masks(session, options->out, combine_masks(operation, options->files, options->out, session.context()));
    });
  };
  combination("and", "Keep what both masks keep", MaskOperation::mask_and, 2);
  combination("or", "Keep what either mask keeps", MaskOperation::mask_or, 2);
  combination("xor", "Keep what exactly one mask keeps", MaskOperation::mask_xor, 2);
  combination("not", "Keep what the mask prunes", MaskOperation::mask_not, 1);
}

}  // namespace lacuna::cli
