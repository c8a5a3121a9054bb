// `lacuna neighbours`: the features nearest to one, or to each.
#include <fmt/format.h>

#include "analysis_argument.hpp"
#include "commands.hpp"
#include "lacuna/cluster/neighbours.hpp"
#include "lacuna/core/atomic_file.hpp"
#include "lacuna/core/random.hpp"
#include "lacuna/study/analyses/analysis_results.hpp"
#include "null_argument.hpp"

namespace lacuna::cli {
namespace {

struct NeighboursCommand {
  FeatureArgument features;
  NullArgument null;
  DatabaseArgument database;
  std::optional<std::int64_t> feature;
  std::int64_t n = 128;
  bool all = false;
  std::filesystem::path out;
};

const std::vector<Statistic> kStatistics = {{"mean_distance", Tail::less}, {"nearest_distance", Tail::less}};

// Of the n − 1 others: their mean distance and that of the nearest, as shares of rows, averaged over `lists` lists.
std::vector<double> others(const std::uint32_t* distances, std::int64_t n, std::int64_t lists, std::int64_t rows) {
  std::uint64_t sum = 0;
  std::uint64_t nearest = 0;
  for (std::int64_t f = 0; f < lists; ++f) {
    for (std::int64_t i = 1; i < n; ++i) sum += distances[f * n + i];
    if (n > 1) nearest += distances[f * n + 1];
  }
  const double scale = static_cast<double>(std::max<std::int64_t>(rows * lists, 1));
  return {static_cast<double>(sum) / static_cast<double>(std::max<std::int64_t>(n - 1, 1)) / scale,
          static_cast<double>(nearest) / scale};
}

std::vector<double> shares(const std::uint32_t* distances, std::int64_t n, std::int64_t rows) {
  std::vector<double> result;
  for (std::int64_t i = 0; i < n; ++i) {
    result.push_back(static_cast<double>(distances[i]) / static_cast<double>(std::max<std::int64_t>(rows, 1)));
  }
  return result;
}

// feature,rank,neighbour,distance: one line per pair of the graph.
void write_graph(const std::filesystem::path& out, const NeighbourGraph& graph, std::int64_t rows) {
  AtomicFile file(out);
  file.write("feature,rank,neighbour,distance\n");
  for (std::int64_t f = 0; f < graph.features; ++f) {
    std::string lines;
    const auto distances = shares(graph.distances_of(f), graph.n, rows);
    for (std::int64_t i = 0; i < graph.n; ++i) {
      lines += fmt::format("{},{},{},{}\n", f, i, graph.indices_of(f)[i], distances[static_cast<std::size_t>(i)]);
    }
    file.write(lines);
  }
  file.commit();
}

Json one_json(std::int64_t feature, const std::vector<std::int64_t>& indices, const std::vector<double>& distances) {
  return {{"feature", feature}, {"indices", indices}, {"distances", distances}};
}

Json options_json(const NeighboursCommand& command, std::int64_t n, const NullComparison& test) {
  return {{"feature", command.feature ? Json(*command.feature) : Json(nullptr)},
          {"n", n},
          {"all", command.all},
          {"null", null_head_json(test.options)}};
}

void run_one(const Session& session, const NeighboursCommand& command, const ChosenFeatures& features,
             const AnalysisStore& store) {
  const auto nearest = [&](const FeaturePatterns& patterns, std::uint64_t seed) {
    const auto count = static_cast<std::uint64_t>(std::max<std::int64_t>(patterns.count(), 1));
    const auto feature = command.feature.value_or(static_cast<std::int64_t>(Random(seed).below(count)));
    return nearest_features(patterns, feature, std::min(command.n, patterns.count()));
  };
  const auto& patterns = features.patterns();
  const auto found = nearest(patterns, command.null.seed);
  const auto n = static_cast<std::int64_t>(found.indices.size());
  const auto test = test_structure(session, patterns, command.null, null_options(command.null, features), kStatistics,
                                   [&](const FeaturePatterns& drawn, std::uint64_t seed) {
                                     return others(nearest(drawn, seed).distances.data(), n, 1, drawn.rows());
                                   });
  const auto distances = shares(found.distances.data(), n, patterns.rows());
  if (store.wanted()) {
    AnalysisResults results;
    results.statistics = statistic_records(test);
    add_neighbours(found.feature, std::span(found.indices), std::span(found.distances), patterns.rows(),
                   results.neighbours);
    store.save(std::move(results), features, options_json(command, n, test));
  }
  session.print(features.heading());
  std::vector<std::vector<std::string>> table = {{"rank", "feature", "distance", "rows"}};
  for (std::size_t i = 0; i < std::min<std::size_t>(distances.size(), 16); ++i) {
    table.push_back({std::to_string(i), std::to_string(found.indices[i]), fmt::format("{:.4f}", distances[i]),
                     std::to_string(found.distances[i])});
  }
  session.print(text_table(table));
  if (distances.size() > 16) session.note(fmt::format("{} more with --json", distances.size() - 16));
  print_structure(session, test);
  Json document = features.json();
  document.update(one_json(found.feature, found.indices, distances));
  document["seed"] = command.null.seed;
  document["null"] = null_json(test);
  session.print_json(document);
}

Json graph_json(const NeighbourGraph& graph, std::int64_t rows) {
  Json lists = Json::array();
  for (std::int64_t f = 0; f < graph.features; ++f) {
    lists.push_back(one_json(f, {graph.indices_of(f), graph.indices_of(f) + graph.n},
                             shares(graph.distances_of(f), graph.n, rows)));
  }
  return lists;
}

AnalysisResults graph_results(const NeighbourGraph& graph, std::int64_t rows, const NullComparison& test) {
  AnalysisResults results;
  results.statistics = statistic_records(test);
  const auto n = static_cast<std::size_t>(graph.n);
  for (std::int64_t f = 0; f < graph.features; ++f)
    add_neighbours(f, std::span(graph.indices_of(f), n), std::span(graph.distances_of(f), n), rows, results.neighbours);
  return results;
}

void run_all(const Session& session, const NeighboursCommand& command, const ChosenFeatures& features,
             const AnalysisStore& store) {
  const auto& patterns = features.patterns();
  const std::int64_t n = std::min(command.n, patterns.count());
  const auto graph = nearest_of_all(patterns, n, session.context());
  const auto test = test_structure(session, patterns, command.null, null_options(command.null, features), kStatistics,
                                   [&](const FeaturePatterns& drawn, std::uint64_t) {
                                     const auto of_drawn = nearest_of_all(drawn, n);
                                     return others(of_drawn.distances.data(), n, drawn.count(), drawn.rows());
                                   });
  session.finish_progress();
  if (!command.out.empty()) write_graph(command.out, graph, patterns.rows());
  if (store.wanted()) store.save(graph_results(graph, patterns.rows(), test), features, options_json(command, n, test));
  session.print(features.heading());
  session.print(fmt::format("The {} nearest of every feature, itself included; means over all features:", n));
  print_structure(session, test);
  if (!command.out.empty()) session.print(command.out.string());
  Json document = features.json();
  document["n"] = n;
  document["seed"] = command.null.seed;
  document["null"] = null_json(test);
  if (!command.out.empty()) document["out"] = command.out.string();
  if (session.json() && command.out.empty()) document["neighbours"] = graph_json(graph, patterns.rows());
  session.print_json(document);
}

void run_neighbours(const Session& session, const NeighboursCommand& command) {
  const AnalysisStore store(command.database, "neighbours", command.null.seed);
  const ChosenFeatures features(command.features);
  if (!command.out.empty()) require_distinct_paths(command.out, features.matrix().source);
  if (command.all) return run_all(session, command, features, store);
  run_one(session, command, features, store);
}

}  // namespace

void add_neighbours(Application& app) {
  auto& command = app.command("Structure", "neighbours", "Find the features whose patterns are nearest to a feature's");
  auto options = std::make_shared<NeighboursCommand>();
  add_feature_argument(command, options->features);
  auto* feature =
      command.add_option("--feature", options->feature, "index of the feature; default: a random one")->type_name("J");
  command.add_option("--n", options->n, "how many, the feature itself included")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 30))
      ->capture_default_str();
  auto* all = command.add_flag("--all", options->all, "for every feature")->excludes(feature);
  command.add_option("-o,--out", options->out, "with --all: write feature,rank,neighbour,distance as CSV")
      ->needs(all)
      ->type_name("FILE");
  add_null_argument(command, options->null);
  add_database_argument(command, options->database);
  command.footer(
      "Distance: the share of rows in which exactly one of two features is not zero.\n"
      "Example: lacuna neighbours pruned --matrix 0.mlp.down_proj --feature 5 --n 16\n"
      "Also: --json, --quiet, --progress MODE, --threads T (see `lacuna help`).");
  app.on_run(command, [options](const Session& session) { run_neighbours(session, *options); });
}

}  // namespace lacuna::cli
