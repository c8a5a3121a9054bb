// `lacuna tune`: measures once which form of a product is the fastest here, and remembers it.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "commands.hpp"
#include "device_argument.hpp"
#include "lacuna/bench/tuner.hpp"
#include "lacuna/core/error.hpp"
#include "sparsity_argument.hpp"
#include "tuning_note.hpp"

namespace lacuna::cli {
namespace {

struct TuneCommand {
  std::string model;
  std::string sparsities = "0.5,0.7,0.9";
  std::string device = "cpu";
  int rounds = TunerOptions().timing.rounds;
  bool list = false;
  bool clear = false;
};

std::string bin_text(int bin) {
  const double width = 100.0 / kSparsityBins;
  return fmt::format("{:g}–{:g} %", bin * width, (bin + 1) * width);
}

bool has_both(const TuningKey& key) { return key.operation == product_name(TunedProduct::both); }

std::string sparsity_text(const TuningKey& key) {
  if (!has_both(key)) return bin_text(key.sparsity_bin);
  return fmt::format("{}, inputs {}", bin_text(key.sparsity_bin), bin_text(key.input_bin));
}

// Dense, what was chosen, and how many others there were.
std::string candidates_text(const TuningEntry& entry) {
  constexpr std::size_t kShown = 4;
  std::string text;
  for (const auto& c : entry.candidates) {
    const bool simple = entry.candidates.size() <= kShown || c.name == "dense" || c.name == "columns";
    if (!simple && c.name != entry.choice) continue;
    text += fmt::format("{}{} {:.3g} µs", text.empty() ? "" : ", ", c.name, 1e6 * c.seconds);
  }
  if (entry.candidates.size() > kShown) text += fmt::format("; of {} forms", entry.candidates.size());
  return text + (entry.steady ? "" : " (unsteady)");
}

Json entry_json(const TuningEntry& entry) {
  Json candidates = Json::array();
  for (const auto& c : entry.candidates) candidates.push_back({{"name", c.name}, {"seconds", c.seconds}});
  const auto bin_json = [](int bin) { return Json(static_cast<double>(bin) / kSparsityBins); };
  const bool both = has_both(entry.key);
  return {{"device", entry.key.device},
          {"version", entry.key.version},
          {"operation", entry.key.operation},
          {"rows", entry.key.rows},
          {"cols", entry.key.cols},
          {"dtype", dtype_name(entry.key.dtype)},
          {"sparsity_low", bin_json(entry.key.sparsity_bin)},
          {"sparsity_high", bin_json(entry.key.sparsity_bin + 1)},
          {"input_sparsity_low", both ? bin_json(entry.key.input_bin) : Json(nullptr)},
          {"input_sparsity_high", both ? bin_json(entry.key.input_bin + 1) : Json(nullptr)},
          {"choice", entry.choice},
          {"candidates", candidates},
          {"measured", entry.measured},
          {"steady", entry.steady}};
}

std::string owner_of(const TuningEntry& entry) {
  return fmt::format("{}, version {}", entry.key.device, entry.key.version);
}

// A table for each device and version: whose times these are.
void print_entries(const Session& session, const std::vector<TuningEntry>& entries, const TuningCache& cache,
                   int measured) {
  std::map<std::string, std::vector<std::vector<std::string>>> tables;
  Json json = Json::array();
  for (const auto& entry : entries) {
    auto& table = tables[owner_of(entry)];
    if (table.empty()) table.push_back({"operation", "rows × cols", "type", "sparsity", "choice", "medians"});
    table.push_back({entry.key.operation, fmt::format("{}×{}", entry.key.rows, entry.key.cols),
                     std::string(dtype_name(entry.key.dtype)), sparsity_text(entry.key), entry.choice,
                     candidates_text(entry)});
    json.push_back(entry_json(entry));
  }
  if (entries.empty()) session.print("Nothing is tuned.");
  for (const auto& [owner, table] : tables) {
    session.print(owner);
    session.print(text_table(table));
  }
  session.print_json({{"file", cache.file().string()}, {"measured", measured}, {"entries", json}});
}

// The keys of a model's products, each once: its matrices at their own sparsity, their inputs at those asked for, and
// both at once where packing pays.
std::vector<TuningKey> model_keys(const Session& session, const TuneCommand& command, const TunedDevice& device,
                                  const Tuner& tuner) {
  const Decoder decoder = Decoder::open(Checkpoint::open(command.model));
  const auto activation = parse_sparsities(command.sparsities);
  std::vector<TuningKey> keys;
  const auto add = [&](const TuningKey& key) {
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(key);
  };
  for (const auto& matrix : device.matrices(decoder, session.context())) {
    add(tuner.key(matrix.packed_product, matrix.shape, matrix.dtype, matrix.sparsity));
    if (!matrix.prunable) continue;
    const bool both = matrix.both && matrix.packed_bytes < matrix.dense_bytes;
    for (const double s : activation) {
      add(tuner.key(matrix.activation_product, matrix.shape, matrix.dtype, s));
      if (both) add(tuner.key(TunedProduct::both, matrix.shape, matrix.dtype, matrix.sparsity, s));
    }
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
  const TunedDevice device = tuned_device(command.device);
  Tuner tuner(cache, device.tuning, options);
  std::vector<TuningEntry> entries;
  const auto keys = model_keys(session, command, device, tuner);
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
  auto* model = command.add_option("model", options->model, "model folder or hub id, dense or packed");
  model->type_name("MODEL");
  command.add_option("--sparsity", options->sparsities, "of inputs: FIRST:LAST:STEP, or a list")
      ->capture_default_str()
      ->type_name("S");
  command.add_option("--rounds", options->rounds, "times that everything is measured; medians decide")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  add_device_option(command, options->device);
  auto* list = command.add_flag("--list", options->list, "show what is remembered")->excludes(model);
  command.add_flag("--clear", options->clear, "forget all of it")->excludes(list)->excludes(model);
  command.footer(
      "Kept in tuning.json under $LACUNA_CACHE_DIR, else $XDG_CACHE_HOME/lacuna, else ~/.cache/lacuna, by device,\n"
      "kernel level or driver, threads, version, shape, type and sparsity. `lacuna advise` and `lacuna generate` read\n"
      "it. Of equals the simpler form is taken.\n"
      "Example: lacuna tune packed-model\n"
      "Also: --json, --quiet, --progress MODE, --threads T (see `lacuna help`).");
  app.on_run(command, [options](const Session& session) { run_tune(session, *options); });
}

}  // namespace lacuna::cli
