// `lacuna advise`: which format of a model's weights pays on this machine, in bytes and in tokens a second.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "commands.hpp"
#include "device_argument.hpp"
#include "lacuna/bench/advice.hpp"
#include "sparsity_argument.hpp"
#include "tuning_note.hpp"

namespace lacuna::cli {
namespace {

struct AdviseCommand {
  std::string model;
  std::string weights = "0.5,0.7,0.9";
  std::string activations = "0.25,0.5,0.7";
  std::string device = "cpu";
  int rounds = TunerOptions().timing.rounds;
};

std::vector<Prospect> prospects_of(const AdviseCommand& command) {
  std::vector<Prospect> prospects;
  const auto weights = parse_sparsities(command.weights);
  const auto inputs = parse_sparsities(command.activations);
  for (const double s : weights) prospects.push_back({TunedProduct::packed, s});
  for (const double s : inputs) prospects.push_back({TunedProduct::activation, s});
  // Both at once where one sparsity stands in both lists.
  for (const double s : weights) {
    if (std::find(inputs.begin(), inputs.end(), s) != inputs.end()) prospects.push_back({TunedProduct::both, s, s});
  }
  return prospects;
}

std::vector<std::string> cost_row(const std::string& name, const FormatCost& cost, const FormatCost& dense) {
  return {name, human_bytes(cost.bytes),
          fmt::format("{:.3f}", static_cast<double>(cost.bytes) / static_cast<double>(dense.bytes)),
          fmt::format("{:.1f}", cost.tokens_per_second()), fmt::format("{:.2f}", cost.speedup())};
}

std::string prospect_name(const FormatCost& cost) {
  const char* what = cost.format == "packed" ? "weights" : cost.format == "both" ? "weights and inputs" : "inputs";
  return fmt::format("if {:g} % of the {} were 0", 100.0 * cost.sparsity, what);
}

void print_advice(const Session& session, const Advice& advice) {
  const FormatCost& dense = advice.formats.front();
  std::vector<std::vector<std::string>> table = {{"format", "bytes", "of dense", "tokens/s", "times dense"}};
  for (const auto& cost : advice.formats) table.push_back(cost_row(cost.format, cost, dense));
  for (const auto& cost : advice.prospects) table.push_back(cost_row(prospect_name(cost), cost, dense));
  session.print(text_table(table));
  session.print("Tokens/s: products with weights alone, one token at a time; attention and sampling come on top.");
  session.print(advice.verdict);
}

Json cost_json(const FormatCost& cost, const FormatCost& dense) {
  return {{"format", cost.format},
          {"sparsity", cost.sparsity},
          {"input_sparsity", cost.format == "both" ? Json(cost.input_sparsity) : Json(nullptr)},
          {"bytes", cost.bytes},
          {"bytes_ratio", static_cast<double>(cost.bytes) / static_cast<double>(dense.bytes)},
          {"seconds_per_token", cost.seconds},
          {"tokens_per_second", cost.tokens_per_second()},
          {"speedup", cost.speedup()}};
}

Json advice_json(const AdviseCommand& command, const std::string& device, const std::vector<AdviceMatrix>& matrices,
                 const Advice& advice) {
  const FormatCost& dense = advice.formats.front();
  Json formats = Json::array();
  Json prospects = Json::array();
  Json each = Json::array();
  for (const auto& cost : advice.formats) formats.push_back(cost_json(cost, dense));
  for (const auto& cost : advice.prospects) prospects.push_back(cost_json(cost, dense));
  for (std::size_t i = 0; i < matrices.size(); ++i) {
    const AdviceMatrix& m = matrices[i];
    each.push_back({{"name", m.name},
                    {"rows", m.shape.rows},
                    {"cols", m.shape.cols},
                    {"dtype", dtype_name(m.dtype)},
                    {"sparsity", m.sparsity},
                    {"dense_bytes", m.dense_bytes},
                    {"packed_bytes", m.packed_bytes},
                    {"choice", advice.choices[i]}});
  }
  return {{"model", command.model}, {"device", device}, {"formats", formats},
          {"prospects", prospects}, {"matrices", each}, {"verdict", advice.verdict}};
}

void run_advise(const Session& session, const AdviseCommand& command) {
  const auto prospects = prospects_of(command);
  const TunedDevice device = tuned_device(command.device);
  const Decoder decoder = Decoder::open(Checkpoint::open(command.model));
  const auto matrices = device.matrices(decoder, session.context());
  TuningCache cache = TuningCache::open(default_tuning_file());
  if (const auto& damage = cache.damage()) {
    session.note(fmt::format("{}: {}; starting anew", cache.file().string(), *damage));
  }
  TunerOptions options;
  options.timing.rounds = command.rounds;
  Tuner tuner(cache, device.tuning, options);
  const Advice advice = advise(matrices, prospects, tuner, session.context());
  session.finish_progress();
  note_unsteady(session, tuner);
  session.print(tuner.device());
  print_advice(session, advice);
  session.print_json(advice_json(command, tuner.device(), matrices, advice));
}

}  // namespace

void add_advise(Application& app) {
  auto& command = app.command("Measure", "advise", "Say which format of a model pays here, in bytes and tokens/s");
  auto options = std::make_shared<AdviseCommand>();
  command.add_option("model", options->model, "model folder or hub id, dense or packed")
      ->required()
      ->type_name("MODEL");
  command.add_option("--weights", options->weights, "sparsities of weights to look ahead to")
      ->capture_default_str()
      ->type_name("S");
  command
      .add_option("--activations", options->activations,
                  "sparsities of inputs to look ahead to; with those of weights where both have one")
      ->capture_default_str()
      ->type_name("S");
  command
      .add_option("--rounds", options->rounds, "times that each product is measured, where `lacuna tune` has not yet")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  add_device_option(command, options->device);
  command.footer(
      "Each product is measured once on this machine, from memory, and remembered (`lacuna tune --list`).\n"
      "Example: lacuna advise pruned\n"
      "Also: --json, --quiet, --progress MODE, --threads T (see `lacuna help`).");
  app.on_run(command, [options](const Session& session) { run_advise(session, *options); });
}

}  // namespace lacuna::cli
