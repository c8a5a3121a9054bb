// `lacuna prune`: every combination of methods and targets on one model.
#include <fmt/format.h>

#include "commands.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/store/database.hpp"
#include "lacuna/study/pruning/prune_run.hpp"
#include "lacuna/study/pruning/store_prune.hpp"
#include "prune_result.hpp"

namespace lacuna::cli {
namespace {

struct PruneCommand {
  PruneRunOptions run;
  std::vector<double> sparsities;
  std::vector<std::string> patterns;
  std::vector<std::string> formats = {"hf"};
  std::string compute = "f32";
  std::string database;
  bool dry_run = false;
};

Json plan_json(const PrunePlan& plan) {
  Json layers = Json::array();
  for (std::size_t i = 0; i < plan.layers.size(); ++i) {
    Json linears = Json::array();
    for (const auto& linear : plan.layers[i]) {
      linears.push_back({{"component", linear.component}, {"rows", linear.rows}, {"cols", linear.cols}});
    }
    layers.push_back({{"layer", i}, {"linears", linears}});
  }
  const auto peak = plan.activations_bytes + plan.layer_bytes + plan.statistics_bytes;
  return {{"jobs", plan.jobs},
          {"parameters", plan.parameters},
          {"pruned_parameters", plan.pruned_parameters},
          {"memory",
           {{"activations_bytes", plan.activations_bytes},
            {"layer_bytes", plan.layer_bytes},
            {"statistics_bytes", plan.statistics_bytes},
            {"peak_bytes", peak}}},
          {"bytes_to_write", plan.bytes_to_write},
          {"work_bytes", plan.work_bytes},
          {"estimated_seconds", plan.estimated_seconds},
          {"layers", layers}};
}

void print_plan(const Session& session, const PrunePlan& plan) {
  const auto peak = plan.activations_bytes + plan.layer_bytes + plan.statistics_bytes;
  std::vector<std::vector<std::string>> rows = {{"layer", "linear", "shape", "parameters"}};
  for (std::size_t i = 0; i < plan.layers.size(); ++i) {
    for (const auto& linear : plan.layers[i]) {
      rows.push_back({std::to_string(i), linear.component, fmt::format("{} × {}", linear.rows, linear.cols),
                      human_count(static_cast<std::uint64_t>(linear.rows * linear.cols))});
    }
  }
  session.print(text_table(rows));
  session.print("\n" + text_table({
                           {"jobs", fmt::format("{}", fmt::join(plan.jobs, ", "))},
                           {"parameters", fmt::format("{} of {} are pruned",
                                                      human_count(static_cast<std::uint64_t>(plan.pruned_parameters)),
                                                      human_count(static_cast<std::uint64_t>(plan.parameters)))},
                           {"memory", fmt::format("{} = activations {} + one layer {} + its statistics {}",
                                                  human_bytes(peak), human_bytes(plan.activations_bytes),
                                                  human_bytes(plan.layer_bytes), human_bytes(plan.statistics_bytes))},
                           {"to write", fmt::format("{}, at most {} while running", human_bytes(plan.bytes_to_write),
                                                    human_bytes(plan.work_bytes))},
                           {"time", fmt::format("about {}", human_seconds(plan.estimated_seconds))},
                       }));
  session.print("Nothing was written.");
}

void run_prune_command(const Session& session, PruneCommand command) {
  for (const double sparsity : command.sparsities) command.run.targets.push_back(unstructured(sparsity));
  for (const auto& pattern : command.patterns) command.run.targets.push_back(parse_pattern(pattern));
  command.run.compute = parse_compute(command.compute);
  const auto wants = [&](const char* format) {
    return std::find(command.formats.begin(), command.formats.end(), format) != command.formats.end();
  };
  command.run.write_hf = wants("hf");
  command.run.write_pt = wants("pt");
  if (command.dry_run) {
    const auto plan = plan_prune(command.run);
    if (session.json()) return session.print_json(plan_json(plan));
    return print_plan(session, plan);
  }
  std::optional<Database> database;
  if (!command.database.empty()) database.emplace(command.database);
  PruneRunResult result;
  try {
    result = run_prune(command.run, session.context());
  } catch (Error& error) {
    if (error.code() == ErrorCode::interrupted || error.code() == ErrorCode::no_space) {
      error.hint("finished layers are kept; the same command with --resume goes on there");
    }
    throw;
  }
  if (database) store_prune(result, *database);
  print_prune_result(session, result);
}

}  // namespace

void add_prune(Application& app) {
  auto& command = app.command("Prune", "prune", "Prune a model with one or several methods and targets");
  auto options = std::make_shared<PruneCommand>();
  auto& run = options->run;
  command.add_option("model", run.model, "model folder or hub id")->required()->type_name("MODEL");
  command.add_option("--method", run.methods, "magnitude, wanda, sparsegpt; several with commas")
      ->required()
      ->delimiter(',')
      ->type_name("METHOD");
  command.add_option("--sparsity", options->sparsities, "share of weights to prune, in [0, 1); several with commas")
      ->delimiter(',')
      ->type_name("S");
  command.add_option("--pattern", options->patterns, "N:M prunes N of every M; several with commas")
      ->delimiter(',')
      ->type_name("N:M");
  command.add_option("--calib", run.calibration, "calibration data: text, token .npy or .safetensors")
      ->type_name("FILE");
  command.add_option("--samples", run.samples, "calibration sequences")->capture_default_str();
  command.add_option("--seqlen", run.seqlen, "tokens in each")->capture_default_str();
  command.add_option("--seed", run.seed, "of the draw from a text")->capture_default_str();
  command.add_option("-o,--out", run.out, "output folder; must not exist")->required()->type_name("DIR");
  command.add_option("--format", options->formats, "hf (checkpoint), pt (the scripts' tree), or hf,pt")
      ->delimiter(',')
      ->check(CLI::IsMember({"hf", "pt"}))
      ->capture_default_str();
  command.add_option("--compute", options->compute, "f32 or bf16")
      ->check(CLI::IsMember({"f32", "bf16"}))
      ->capture_default_str();
  command.add_flag("--true-sequential", run.true_sequential, "recapture inputs between q,k,v / o / gate,up / down");
  command.add_flag("--wanda-variant", run.method_options.wanda_use_variant,
                   "Wanda's use_variant: a threshold on the cumulative metric");
  command.add_option("--block-size", run.method_options.sparsegpt_block_size, "SparseGPT's block of columns")
      ->capture_default_str()
      ->check(CLI::Range(1, 1 << 20));
  command.add_option("--damping", run.method_options.sparsegpt_damping, "SparseGPT's share of the mean diagonal")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  command.add_option("--db", options->database, "also record the runs in this database")->type_name("FILE");
  command.add_flag("--resume", run.resume, "go on with an interrupted run of the same command");
  command.add_flag("--dry-run", options->dry_run, "show parameters, memory, bytes, time and the plan; write nothing");
  command.footer(
      "Example: lacuna prune examples/tiny-llama --method wanda,sparsegpt --sparsity 0.5 --pattern 2:4 \\\n"
      "           --calib calib.txt --out pruned\n"
      "Several combinations are written to DIR/{method}-{n}-{m}-{sparsity}, one to DIR itself.\n"
      "Also: --json, --quiet, --progress MODE, --threads T (see `lacuna help`).");
  app.on_run(command, [options](const Session& session) { run_prune_command(session, *options); });
}

}  // namespace lacuna::cli
