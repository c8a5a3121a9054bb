// `lacuna tune`: measures once which form of a product is the fastest here, and remembers it.
#include <fmt/format.h>

#include <set>

#include "commands.hpp"
#include "lacuna/bench/model_matrices.hpp"
#include "lacuna/bench/tuner.hpp"
#include "lacuna/core/error.hpp"
#include "sparsity_argument.hpp"
#include "tuning_note.hpp"

namespace lacuna::cli {
namespace {

struct TuneCommand {
  std::string model;
  std::string sparsities = "0.5,0.7,0.9";
  int rounds = TunerOptions().timing.rounds;
  bool list = false;
  bool clear = false;
};

std::string bin_text(int bin) {
  const double width = 100.0 / kSparsityBins;
  return fmt::format("{:g}–{:g} %", bin * width, (bin + 1) * width);
}

std::string candidates_text(const TuningEntry& entry) {
  std::string text;
  for (const auto& c : entry.candidates) {
    text += fmt::format("{}{} {:.0f} µs", text.empty() ? "" : ", ", c.name, 1e6 * c.seconds);
  }
  return text;
}

Json entry_json(const TuningEntry& entry) {
  Json candidates = Json::array();
  for (const auto& c : entry.candidates) candidates.push_back({{"name", c.name}, {"seconds", c.seconds}});
  return {{"device", entry.key.device},
          {"version", entry.key.version},
          {"operation", entry.key.operation},
          {"rows", entry.key.rows},
          {"cols", entry.key.cols},
          {"dtype", dtype_name(entry.key.dtype)},
          {"sparsity_low", static_cast<double>(entry.key.sparsity_bin) / kSparsityBins},
          {"sparsity_high", static_cast<double>(entry.key.sparsity_bin + 1) / kSparsityBins},
          {"choice", entry.choice},
          {"candidates", candidates},
          {"measured", entry.measured},
          {"steady", entry.steady}};
}

// Whose times these are: for people, who mostly have one machine and one version.
void print_owners(const Session& session, const std::vector<TuningEntry>& entries) {
  std::set<std::string> owners;
  for (const auto& entry : entries) owners.insert(fmt::format("{}, version {}", entry.key.device, entry.key.version));
  for (const auto& owner : owners) session.print(owner);
}

void print_entries(const Session& session, const std::vector<TuningEntry>& entries, const TuningCache& cache,
                   int measured) {
  std::vector<std::vector<std::string>> table = {{"operation", "rows × cols", "type", "sparsity", "choice", "medians"}};
  Json json = Json::array();
  for (const auto& entry : entries) {
    table.push_back({entry.key.operation, fmt::format("{}×{}", entry.key.rows, entry.key.cols),
                     std::string(dtype_name(entry.key.dtype)), bin_text(entry.key.sparsity_bin), entry.choice,
                     candidates_text(entry) + (entry.steady ? "" : " (unsteady)")});
    json.push_back(entry_json(entry));
  }
  session.print(entries.empty() ? "Nothing is tuned." : text_table(table));
  print_owners(session, entries);
  session.print_json({{"file", cache.file().string()}, {"measured", measured}, {"entries", json}});
}

// The keys of a model's products, each once: its matrices at their own sparsity, and their inputs at those asked for.
std::vector<TuningKey> model_keys(const Session& session, const TuneCommand& command) {
  const Decoder decoder = Decoder::open(Checkpoint::open(command.model));
  const auto activation = parse_sparsities(command.sparsities);
  std::vector<TuningKey> keys;
  const auto add = [&](const TuningKey& key) {
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(key);
  };
  for (const auto& matrix : model_matrices(decoder, session.context())) {
    add(cpu_tuning_key(TunedProduct::packed, matrix.shape, matrix.dtype, matrix.sparsity));
    if (!matrix.prunable) continue;
    for (const double s : activation) add(cpu_tuning_key(TunedProduct::activation, matrix.shape, matrix.dtype, s));
  }
  session.finish_progress();
  return keys;
}

void run_tune(const Session& session, const TuneCommand& command) {
  const auto file = default_tuning_file();
  if (command.clear) {
    const bool removed = TuningCache::clear(file);
    session.print(removed ? fmt::format("Removed {}.", file.string()) : "Nothing was tuned.");
    session.print_json({{"file", file.string()}, {"removed", removed}});
    return;
  }
  TuningCache cache = TuningCache::open(file);
  if (const auto& damage = cache.damage()) {
    session.note(fmt::format("{} is damaged ({}): starting anew", file.string(), *damage));
  }
  if (command.list) return print_entries(session, cache.entries(), cache, 0);
  if (command.model.empty()) {
    throw Error(ErrorCode::missing_argument, "tune: expected a model, --list or --clear, got none of them");
  }
  TunerOptions options;
  options.timing.rounds = command.rounds;
  Tuner tuner(cache, options);
  std::vector<TuningEntry> entries;
  const auto keys = model_keys(session, command);
  for (const auto& key : keys) {
    entries.push_back(tuner.choose(key, session.context()));
    session.context().report({"tune", fmt::format("{} {}×{}", key.operation, key.rows, key.cols), "products",
                              entries.size(), keys.size(), 0.0});
  }
  session.finish_progress();
  note_unsteady(session, tuner);
  print_entries(session, entries, cache, tuner.measured());
}

}  // namespace

void add_tune(Application& app) {
  auto& command = app.command("Measure", "tune", "Measure which form of each product is fastest here, and remember it");
  auto options = std::make_shared<TuneCommand>();
  command.add_option("model", options->model, "model folder or hub id, dense or packed")->type_name("MODEL");
  command.add_option("--sparsity", options->sparsities, "of inputs: FIRST:LAST:STEP, or a list")
      ->capture_default_str()
      ->type_name("S");
  command.add_option("--rounds", options->rounds, "times that everything is measured; medians decide")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  auto* list = command.add_flag("--list", options->list, "show what is remembered");
  command.add_flag("--clear", options->clear, "forget it")->excludes(list);
  command.footer(
      "Kept in tuning.json under $LACUNA_CACHE_DIR, else $XDG_CACHE_HOME/lacuna, else ~/.cache/lacuna, by device, "
      "kernel\n"
      "level, threads, version, shape, type and sparsity. `lacuna advise` reads it. Of equals the simpler form is "
      "taken.\n"
      "Example: lacuna tune packed-model\n"
      "Also: --json, --quiet, --progress MODE, --threads T (see `lacuna help`).");
  app.on_run(command, [options](const Session& session) { run_tune(session, *options); });
}

}  // namespace lacuna::cli
