// `lacuna activations`: how sparse the inputs of every linear are, and the thresholds that make them sparser.
#include <fmt/format.h>

#include <cstring>
#include <filesystem>

#include "analysis_argument.hpp"
#include "commands.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/core/version.hpp"
#include "lacuna/formats/mask_file.hpp"
#include "lacuna/model/decoder.hpp"
#include "lacuna/study/analyses/activation_file.hpp"
#include "lacuna/study/analyses/activation_run.hpp"
#include "lacuna/study/analyses/analysis_results.hpp"
#include "lacuna/study/analyses/evaluation.hpp"

namespace lacuna::cli {
namespace {
namespace fs = std::filesystem;

struct ActivationsCommand {
  std::string model;
  std::string calibration;
  std::int64_t samples = 32;
  std::int64_t seqlen = 512;
  std::uint64_t seed = 0;
  std::string allocate = "uniform";
  std::string compute = "f32";
  double coactivation = 0.0;
  fs::path out;
  fs::path active_out;
  ActivationOptions options;
  DatabaseArgument database;
};

std::string joined(const std::vector<std::string>& components) {
  std::string text;
  for (const auto& component : components) {
    const auto dot = component.rfind('.');
    text += (text.empty() ? "" : ",") + (dot == std::string::npos ? component : component.substr(dot + 1));
  }
  return text;
}

void print_inputs(const Session& session, const ActivationProfile& profile) {
  std::vector<std::vector<std::string>> rows = {{"layer", "read by", "zeros", "|x| median", "max"}};
  for (const double target : profile.targets) {
    rows[0].push_back(fmt::format("t at {:g} %", 100.0 * target));
    rows[0].push_back("TEAL's");
    rows[0].push_back("energy");
  }
  for (const auto& input : profile.inputs) {
    std::vector<std::string> row = {std::to_string(input.layer), joined(input.components),
                                    fmt::format("{:.2f} %", 100.0 * input.zero_share)};
    for (const auto& [q, value] : input.quantiles) {
      if (q == 0.5) row.push_back(fmt::format("{:.4f}", value));
    }
    row.push_back(fmt::format("{:.3f}", input.largest));
    for (const auto& target : input.targets) {
      row.push_back(fmt::format("{:.4f}", target.quantile));
      row.push_back(fmt::format("{:.4f}", target.teal));
      row.push_back(fmt::format("{:.2f} %", 100.0 * target.energy_kept));
    }
    rows.push_back(std::move(row));
  }
  session.print(text_table(rows));
}

void print_allocations(const Session& session, const ActivationProfile& profile) {
  if (profile.allocations.empty()) return;
  for (std::size_t i = 0; i < profile.targets.size(); ++i) {
    std::vector<std::vector<std::string>> rows = {
        {"layer", "linear", "sparsity", "threshold", "block", "error", "uniform"}};
    for (const auto& linear : profile.allocations) {
      const auto& t = linear.targets[i];
      rows.push_back({std::to_string(linear.layer), linear.component, fmt::format("{:.3f}", t.sparsity),
                      fmt::format("{:.4f}", t.threshold), fmt::format("{:.3f}", t.block_sparsity),
                      fmt::format("{:.4f}", t.block_error), fmt::format("{:.4f}", t.uniform_error)});
    }
    session.print(fmt::format("\ngreedy allocation for {:g} %:", 100.0 * profile.targets[i]));
    session.print(text_table(rows));
  }
}

void print_coactivation(const Session& session, const ActivationProfile& profile) {
  std::vector<std::vector<std::string>> rows = {
      {"layer", "read by", "hot 80 %", "always", "never", "neighbours", "prompts", "independent"}};
  for (const auto& input : profile.inputs) {
    if (!input.coactivation) continue;
    const auto& c = *input.coactivation;
    rows.push_back({std::to_string(input.layer), joined(input.components), fmt::format("{:.1f} %", 100.0 * c.hot_80),
                    fmt::format("{:.1f} %", 100.0 * c.always), fmt::format("{:.1f} %", 100.0 * c.never),
                    fmt::format("{:.3f}", c.overlap_neighbours), fmt::format("{:.3f}", c.overlap_prompts),
                    fmt::format("{:.3f}", c.overlap_independent)});
  }
  if (rows.size() == 1) return;
  session.print("\nactive sets: features that make up 80 % of activations, Jaccard overlap of tokens:");
  session.print(text_table(rows));
}

void write_active(const fs::path& file, const std::vector<ActiveInput>& inputs, const std::string& model,
                  const RunContext& context) {
  std::vector<MaskSpec> specs;
  specs.reserve(inputs.size());
  for (const auto& input : inputs) {
    specs.push_back({format_mask_key({input.layer, input.component}), input.active.rows(), input.active.cols()});
  }
  const std::map<std::string, std::string> metadata = {
      {"rows", "tokens"}, {"cols", "features"}, {"source", model}, {"made_by", fmt::format("lacuna {}", version())}};
  write_mask_file(
      file, specs, metadata,
      [&](std::size_t index, std::span<std::byte> out) {
        const auto packed = inputs[index].active.to_packbits();
        std::memcpy(out.data(), packed.data(), packed.size());
      },
      context);
}

Json options_json(const ActivationsCommand& command, const ActivationProfile& profile) {
  Json options = {{"calibration", profile.calibration},
                  {"calibration_digest", profile.calibration_digest},
                  {"samples", profile.samples},
                  {"seqlen", profile.seqlen},
                  {"targets", profile.targets},
                  {"compute", command.compute},
                  {"allocate", command.allocate},
                  {"coactivation", command.options.coactivation ? Json(*command.options.coactivation) : Json(nullptr)}};
  if (command.options.greedy) {
    options["greedy_step"] = command.options.greedy_step;
    options["greedy_sequences"] = command.options.greedy_sequences;
  }
  return options;
}

void run_activations(const Session& session, ActivationsCommand command) {
  command.options.compute = parse_compute(command.compute);
  command.options.greedy = command.allocate == "greedy";
  if (command.coactivation > 0.0) command.options.coactivation = command.coactivation;
  if (!command.active_out.empty() && !command.options.coactivation) {
    throw Error(ErrorCode::missing_argument, "--active-out needs --coactivation SPARSITY: what counts as active");
  }
  const AnalysisStore store(command.database, "activations", command.seed);
  const Decoder decoder = Decoder::open(Checkpoint::open(command.model));
  const auto source = read_evaluation_text(command.model, command.calibration);
  const auto calibration = draw_calibration(source, command.samples, command.seqlen, command.seed);
  auto run = measure_activations(decoder, calibration, command.options, session.context());
  run.profile.model = command.model;
  run.profile.calibration = command.calibration;
  run.profile.seed = command.seed;
  if (!command.active_out.empty()) write_active(command.active_out, run.active, command.model, session.context());
  if (!command.out.empty()) write_activation_profile(command.out, run.profile);
  if (store.wanted()) {
    AnalysisResults results;
    results.analysis.source = command.model;
    add_profile(run.profile, results);
    store.save(std::move(results), options_json(command, run.profile));
  }
  session.finish_progress();
  print_inputs(session, run.profile);
  print_allocations(session, run.profile);
  print_coactivation(session, run.profile);
  session.print_json(Json::parse(activation_profile_json(run.profile)));
}

}  // namespace

void add_activations(Application& app) {
  auto& command = app.command("Measure", "activations", "Measure the inputs of every linear; thresholds for sparsity");
  auto options = std::make_shared<ActivationsCommand>();
  command.add_option("model", options->model, "model folder or hub id")->required()->type_name("MODEL");
  command.add_option("--calib", options->calibration, "text, token .npy or .safetensors")
      ->required()
      ->type_name("FILE");
  command.add_option("--samples", options->samples, "sequences")->capture_default_str()->check(CLI::PositiveNumber);
  command.add_option("--seqlen", options->seqlen, "tokens of each")->capture_default_str()->check(CLI::PositiveNumber);
  command.add_option("--seed", options->seed, "of the sequences drawn from a text")->capture_default_str();
  command.add_option("--sparsity", options->options.targets, "target sparsities, each in (0, 1)")
      ->delimiter(',')
      ->capture_default_str()
      ->type_name("S,…");
  command.add_option("--allocate", options->allocate, "uniform, or greedy over each block's linears as TEAL does")
      ->check(CLI::IsMember({"uniform", "greedy"}))
      ->capture_default_str();
  command.add_option("--greedy-step", options->options.greedy_step, "sparsity of the first linear in one step")
      ->capture_default_str()
      ->check(CLI::Range(0.001, 0.5));
  command.add_option("--greedy-sequences", options->options.greedy_sequences, "sequences the greedy search runs")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  command
      .add_option("--coactivation", options->coactivation, "also which features are active together, at this sparsity")
      ->check(CLI::Range(0.0, 1.0))
      ->type_name("S");
  command.add_option("--active-out", options->active_out, "write the active features of every token as a mask file")
      ->type_name("FILE");
  command.add_option("--compute", options->compute, "f32 or bf16")
      ->check(CLI::IsMember({"f32", "bf16"}))
      ->capture_default_str();
  command.add_option("-o,--out", options->out, "write the profile as JSON, for `lacuna eval --profile`")
      ->type_name("FILE");
  add_database_argument(command, options->database);
  command.footer(
      "Entries with |x| ≤ t count as 0. t is the quantile of |x|; TEAL's threshold assumes that x is symmetric.\n"
      "Example: lacuna activations model --calib wiki.txt --sparsity 0.25,0.5 -o profile.json\n"
      "Also: --json, --quiet, --progress MODE, --threads T (see `lacuna help`).");
  app.on_run(command, [options](const Session& session) { run_activations(session, *options); });
}

}  // namespace lacuna::cli
