// `lacuna coherence`: what a kernel that skips blocks of features could skip, under an order of the features.
#include <fmt/format.h>

#include "analysis_argument.hpp"
#include "commands.hpp"
#include "lacuna/cluster/coherence.hpp"
#include "lacuna/cluster/exact_coherence.hpp"
#include "null_argument.hpp"
#include "order_argument.hpp"

namespace lacuna::cli {
namespace {

struct CoherenceCommand {
  FeatureArgument features;
  NullArgument null;
  DatabaseArgument database;
  std::int64_t block = 8;
  OrderArgument order;
};

const std::vector<Statistic> kStatistics = {{"mean", Tail::greater}};

Json null_of_mean(const NullComparison& test, const std::optional<ExactCoherence>& exact) {
  if (!test.options) return nullptr;
  Json json = null_head_json(test.options);
  json.update(test_json(test.tests[0]));
  if (!exact) return json;
  json["exact"] = {{"mean", exact->mean},
                   {"std", exact->std},
                   {"z", exact->z ? Json(*exact->z) : Json(nullptr)},
                   {"p", exact->p ? Json(*exact->p) : Json(nullptr)}};
  return json;
}

// Where the null needs no draws: shuffled columns under an order that was not found on the mask.
std::optional<ExactCoherence> exact_null(const CoherenceCommand& command, const std::optional<NullOptions>& options,
                                         const FeaturePatterns& patterns, const FeatureOrder& order) {
  const bool fixed = command.order.order == "stored" || !is_named_order(command.order.order);
  if (!options || options->model != NullModel::columns || !fixed) return std::nullopt;
  return exact_coherence(patterns, order, command.block);
}

void print_exact(const Session& session, const ExactCoherence& exact) {
  session.print(fmt::format("Exactly, without draws: {:.5g} ± {:.2g}{}{}.", exact.mean, exact.std,
                            exact.z ? fmt::format(", z {:.1f}", *exact.z) : "",
                            exact.p ? fmt::format(", p {:.4g}", *exact.p) : ""));
}

void print_coherence(const Session& session, const CoherenceCommand& command, const Coherence& coherence,
                     double expected, const NullComparison& test) {
  session.print(fmt::format("{} groups of {}, order {}. Share of rows that are zero in all features of a group: {}{}",
                            coherence.groups.size(), command.block, command.order.order,
                            coherence_level(coherence.mean),
                            has_block_structure(coherence.mean) ? ", block structure" : ""));
  print_structure(session, test);
  session.print(
      fmt::format("Independent columns of this density: {:.5g}. A block kernel may skip {:.3g} % of the matrix.",
                  expected, 100.0 * coherence.skipped));
}

Json options_json(const CoherenceCommand& command, const NullComparison& test) {
  Json options = {{"block", command.block}, {"order", command.order.order}};
  const OrderArgument& order = command.order;
  if (order.order == "gradient") options["feature"] = order.feature ? Json(*order.feature) : Json(nullptr);
  if (order.order == "kmeans") options["k"] = order.k;
  options["null"] = null_head_json(test.options);
  return options;
}

void run_coherence(const Session& session, const CoherenceCommand& command) {
  const AnalysisStore store(command.database, "coherence", command.null.seed);
  const ChosenFeatures features(command.features);
  const auto& patterns = features.patterns();
  const MakeOrder make_order = order_maker(command.order, command.block);
  const auto order = make_order(patterns, command.null.seed);
  const auto coherence = block_coherence(patterns, order, command.block);
  const double expected = independent_coherence(patterns.density(), command.block);
  const auto options = null_options(command.null, features);
  if (options && !is_named_order(command.order.order)) {
    session.note("the null keeps the order of the file: its p holds only if the order was not derived from this mask");
  }
  const auto exact = exact_null(command, options, patterns, order);
  const auto test = test_structure(
      session, patterns, command.null, options, kStatistics, [&](const FeaturePatterns& drawn, std::uint64_t seed) {
        const auto drawn_order = make_order(drawn, seed);
        return std::vector<double>{block_coherence(drawn, drawn_order, command.block).mean};
      });
  if (store.wanted()) {
    AnalysisResults results;
    results.statistics = statistic_records(test);
    results.statistics.push_back({.statistic = "expected_independent", .value = expected});
    results.statistics.push_back({.statistic = "skipped", .value = coherence.skipped});
    results.coherence = coherence.groups;
    store.save(std::move(results), features, options_json(command, test));
  }
  session.print(features.heading());
  print_coherence(session, command, coherence, expected, test);
  if (exact) print_exact(session, *exact);
  Json document = features.json();
  document["order"] = command.order.order;
  document["block"] = command.block;
  document["groups"] = coherence.groups;
  document["mean"] = coherence.mean;
  document["level"] = coherence_level(coherence.mean);
  document["block_structure"] = has_block_structure(coherence.mean);
  document["skipped"] = coherence.skipped;
  document["expected_independent"] = expected;
  document["seed"] = command.null.seed;
  document["null"] = null_of_mean(test, exact);
  session.print_json(document);
}

}  // namespace

void add_coherence(Application& app) {
  auto& command =
      app.command("Structure", "coherence", "Measure what a block kernel may skip under an order of features");
  auto options = std::make_shared<CoherenceCommand>();
  add_feature_argument(command, options->features);
  command.add_option("--block", options->block, "features in a block")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 30))
      ->capture_default_str();
  add_order_argument(command, options->order);
  add_null_argument(command, options->null);
  add_database_argument(command, options->database);
  command.footer(
      "The coherence of a group is the share of rows in which all its entries are zero. A random mask gets an order of "
      "its\n"
      "own, found in the same way.\n"
      "Example: lacuna coherence pruned --matrix 0.mlp.down_proj --order groups\n"
      "Also: --json, --quiet, --progress MODE, --threads T (see `lacuna help`).");
  app.on_run(command, [options](const Session& session) { run_coherence(session, *options); });
}

}  // namespace lacuna::cli
