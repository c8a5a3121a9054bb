// `lacuna pack` and `lacuna unpack`: a pruned model without its zeros, and back.
#include <fmt/format.h>

#include "commands.hpp"
#include "lacuna/study/checkpoints/pack_work.hpp"

namespace lacuna::cli {
namespace {
namespace fs = std::filesystem;

struct PackCommand {
  std::string model;
  fs::path out;
};

double ratio(std::uint64_t packed, std::uint64_t dense) {
  return dense == 0 ? 1.0 : static_cast<double>(packed) / static_cast<double>(dense);
}

std::string size_text(std::uint64_t packed, std::uint64_t dense) {
  return fmt::format("{} packed, {} dense: {:.4f}", human_bytes(packed), human_bytes(dense), ratio(packed, dense));
}

// How many matrices have each layout: "154 bitmap, 2 of 4 …".
std::string layouts_text(const PackReport& report) {
  std::map<std::string, std::size_t> counts;
  for (const auto& matrix : report.matrices) ++counts[matrix.plan.layout.name()];
  std::string text;
  for (const auto& [layout, count] : counts) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, layout);
  return text;
}

void print_report(const Session& session, const PackCommand& command, const PackReport& report) {
  Json matrices = Json::array();
  for (const auto& [name, plan] : report.matrices) {
    matrices.push_back({{"name", name},
                        {"layout", plan.layout.name()},
                        {"dtype", dtype_name(plan.dtype)},
                        {"rows", plan.rows},
                        {"cols", plan.cols},
                        {"stored", plan.stored},
                        {"dense_bytes", plan.dense_bytes()},
                        {"packed_bytes", plan.packed_bytes()}});
  }
  session.print(text_table({{"matrices", layouts_text(report)},
                            {"zeros", fmt::format("{:.2f} % of them", 100.0 * report.sparsity())},
                            {"their bytes", size_text(report.packed_bytes(), report.dense_bytes())},
                            {"weight files", size_text(report.packed_file_bytes, report.dense_file_bytes)},
                            {"written", command.out.string()}}));
  session.print_json({{"model", command.model},
                      {"out", command.out.string()},
                      {"sparsity", report.sparsity()},
                      {"matrices_dense_bytes", report.dense_bytes()},
                      {"matrices_packed_bytes", report.packed_bytes()},
                      {"matrices_ratio", ratio(report.packed_bytes(), report.dense_bytes())},
                      {"files_dense_bytes", report.dense_file_bytes},
                      {"files_packed_bytes", report.packed_file_bytes},
                      {"files_ratio", ratio(report.packed_file_bytes, report.dense_file_bytes)},
                      {"matrices", matrices}});
}

std::shared_ptr<PackCommand> add_options(CLI::App& command) {
  auto options = std::make_shared<PackCommand>();
  command.add_option("model", options->model, "model folder or hub id")->required()->type_name("MODEL");
  command.add_option("-o,--out", options->out, "output folder; must not exist")->required()->type_name("DIR");
  return options;
}

}  // namespace

void add_pack(Application& app) {
  auto& command =
      app.command("Prune", "pack", "Copy a pruned model without its zeros: smaller, lossless, ready to run");
  auto options = add_options(command);
  command.footer(
      "Packed are the matrices of decoder blocks that take fewer bytes so; the rest is carried over. show, eval and\n"
      "generate open the result; docs/formats/packed.md describes it.\n"
      "Example: lacuna pack pruned -o packed && lacuna generate packed --prompt \"Once upon a time\"\n"
      "Also: --json, --quiet, --progress MODE, --threads T (see `lacuna help`).");
  app.on_run(command, [options](const Session& session) {
    print_report(session, *options, pack_model(options->model, options->out, session.context()));
  });
}

void add_unpack(Application& app) {
  auto& command = app.command("Prune", "unpack", "Copy a packed model with its zeros put back, bit for bit");
  auto options = add_options(command);
  command.footer(
      "Example: lacuna unpack packed -o pruned\n"
      "Also: --json, --quiet, --progress MODE, --threads T (see `lacuna help`).");
  app.on_run(command, [options](const Session& session) {
    print_report(session, *options, unpack_model(options->model, options->out, session.context()));
  });
}

}  // namespace lacuna::cli
