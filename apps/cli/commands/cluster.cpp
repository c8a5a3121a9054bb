// `lacuna cluster`: k-means on the nearest features of random features.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "analysis_argument.hpp"
#include "commands.hpp"
#include "lacuna/cluster/neighbourhood_clusters.hpp"
#include "lacuna/cluster/run_mean.hpp"
#include "lacuna/cluster/separation_null.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/study/analyses/analysis_results.hpp"
#include "null_argument.hpp"
#include "weight_points.hpp"

namespace lacuna::cli {
namespace {

struct ClusterCommand {
  FeatureArgument features;
  NullArgument null;
  DatabaseArgument database;
  NeighbourhoodOptions run;
  std::string on = "patterns";
  bool patterns = false;
};

Json to_json(const RunMean& m) { return {{"mean", m.mean}, {"std", m.std}}; }

Json to_json(const Separation& separation) {
  const auto ratio = separation.ratio();
  return {{"within", separation.within},
          {"between", separation.between},
          {"separation", ratio ? Json(*ratio) : Json(nullptr)}};
}

Json to_json(const ClusterRun& run) {
  return {{"seed", run.seed},
          {"feature", run.feature},
          {"k", run.clustering.k},
          {"labels", run.clustering.labels},
          {"indices", run.indices},
          {"sizes", cluster_sizes(run.clustering)},
          {"inertia", run.clustering.inertia},
          {"iterations", run.clustering.iterations},
          {"hamming", to_json(run.hamming)},
          {"euclidean", to_json(run.euclidean)}};
}

struct Summary {
  int k = 0;
  std::vector<double> hamming_within, hamming_between, hamming_separation;
  std::vector<double> euclidean_within, euclidean_between, euclidean_separation;
  std::vector<double> inertia, iterations, sizes;

  void add(const ClusterRun& run) {
    hamming_within.push_back(run.hamming.within);
    hamming_between.push_back(run.hamming.between);
    if (const auto ratio = run.hamming.ratio()) hamming_separation.push_back(*ratio);
    euclidean_within.push_back(run.euclidean.within);
    euclidean_between.push_back(run.euclidean.between);
    if (const auto ratio = run.euclidean.ratio()) euclidean_separation.push_back(*ratio);
    inertia.push_back(run.clustering.inertia);
    iterations.push_back(run.clustering.iterations);
    for (const auto size : cluster_sizes(run.clustering)) sizes.push_back(static_cast<double>(size));
  }
};

std::vector<Summary> summarise(const std::vector<ClusterRun>& runs, const std::vector<int>& ks) {
  std::vector<Summary> summaries;
  for (const int k : ks) {
    summaries.emplace_back().k = k;
    for (const auto& run : runs) {
      if (run.clustering.k == k) summaries.back().add(run);
    }
  }
  return summaries;
}

Json to_json(const Summary& s) {
  const auto part = [](const std::vector<double>& within, const std::vector<double>& between,
                       const std::vector<double>& separation) {
    return Json{{"within", to_json(mean_of_runs(within))},
                {"between", to_json(mean_of_runs(between))},
                {"separation", separation.empty() ? Json(nullptr) : to_json(mean_of_runs(separation))}};
  };
  return {{"k", s.k},
          {"runs", s.inertia.size()},
          {"hamming", part(s.hamming_within, s.hamming_between, s.hamming_separation)},
          {"euclidean", part(s.euclidean_within, s.euclidean_between, s.euclidean_separation)},
          {"level", separation_level(mean_of_runs(s.euclidean_separation).mean)},
          {"inertia", to_json(mean_of_runs(s.inertia))},
          {"iterations", to_json(mean_of_runs(s.iterations))},
          {"sizes", to_json(mean_of_runs(s.sizes))}};
}

void print_summaries(const Session& session, const std::vector<Summary>& summaries) {
  const auto text = [](const std::vector<double>& values) {
    const RunMean m = mean_of_runs(values);
    return values.empty() ? std::string("–") : fmt::format("{:.4f} ± {:.4f}", m.mean, m.std);
  };
  std::vector<std::vector<std::string>> rows = {
      {"k", "hamming within", "between", "separation", "euclidean separation", "sizes", "iterations"}};
  for (const auto& s : summaries) {
    rows.push_back({std::to_string(s.k), text(s.hamming_within), text(s.hamming_between), text(s.hamming_separation),
                    text(s.euclidean_separation),
                    fmt::format("{:.1f} ± {:.1f}", mean_of_runs(s.sizes).mean, mean_of_runs(s.sizes).std),
                    fmt::format("{:.1f}", mean_of_runs(s.iterations).mean)});
  }
  session.print(text_table(rows));
}

// Columns shuffled, one run a draw: no mask has to be shuffled as a whole (cluster/separation_null.hpp).
NullComparison test_shuffled_columns(const Session& session, const ClusterCommand& command,
                                     const FeaturePatterns& patterns, const NullOptions& options,
                                     std::vector<Statistic> statistics, std::vector<double> observed) {
  NullComparison test;
  test.options = options;
  test.statistics = std::move(statistics);
  test.observed = std::move(observed);
  SeparationNullOptions null;
  null.n = command.run.n;
  null.k = command.run.k;
  null.initialisations = command.run.initialisations;
  null.draws = options.draws;
  null.seed = options.seed;
  test.drawn = draw_separation_null(patterns, null, session.context());
  test_drawn(test);
  return test;
}

NullComparison test_separation(const Session& session, const ClusterCommand& command, const ChosenFeatures& features,
                               const std::vector<ClusterRun>& runs) {
  std::vector<Statistic> statistics;
  for (const int k : command.run.k) statistics.push_back({fmt::format("separation_{}", k), Tail::greater});
  auto options = null_options(command.null, features);
  if (options && command.on == "weights") {
    session.note("null models shuffle masks; clusters of weights have none");
    options.reset();
  }
  const bool fast = options && options->model == NullModel::columns && command.run.seeds == 1 && !command.run.feature;
  if (fast) {
    return test_shuffled_columns(session, command, features.patterns(), *options, std::move(statistics),
                                 mean_separations(runs, command.run.k));
  }
  NullComparison plain;  // without draws
  plain.statistics = statistics;
  plain.observed = mean_separations(runs, command.run.k);
  if (!options) return plain;
  return test_structure(session, features.patterns(), command.null, options, std::move(statistics),
                        [&](const FeaturePatterns& drawn, std::uint64_t seed) {
                          NeighbourhoodOptions run = command.run;
                          run.seed = seed;
                          return mean_separations(cluster_neighbourhoods(drawn, run), run.k);
                        });
}

std::vector<std::int64_t> features_in(const std::vector<ClusterRun>& runs) {
  std::set<std::int64_t> all;
  for (const auto& run : runs) all.insert(run.indices.begin(), run.indices.end());
  return {all.begin(), all.end()};
}

void run_cluster(const Session& session, ClusterCommand command) {
  const AnalysisStore store(command.database, "cluster", command.null.seed);
  const ChosenFeatures features(command.features);
  const auto& patterns = features.patterns();
  command.run.n = std::min(command.run.n, patterns.count());
  command.run.seed = command.null.seed;
  const auto points =
      command.on == "weights" ? weight_points(features.matrix().view, features.by_columns()) : PointMaker{};
  const auto runs = cluster_neighbourhoods(patterns, command.run, points, session.context());
  const auto test = test_separation(session, command, features, runs);
  const auto summaries = summarise(runs, command.run.k);
  session.finish_progress();
  if (store.wanted()) {
    AnalysisResults results;
    results.statistics = statistic_records(test);
    results.clusters = cluster_records(runs);
    store.save(std::move(results), features,
               {{"k", command.run.k},
                {"n", command.run.n},
                {"seeds", command.run.seeds},
                {"feature", command.run.feature ? Json(*command.run.feature) : Json(nullptr)},
                {"inits", command.run.initialisations},
                {"on", command.on},
                {"null", null_head_json(test.options)}});
  }
  session.print(features.heading());
  session.print(fmt::format("k-means of the {} of the {} nearest features of {} feature{}:", command.on, command.run.n,
                            command.run.seeds, command.run.seeds == 1 ? "" : "s"));
  print_summaries(session, summaries);
  print_structure(session, test);
  Json document = features.json();
  document["n"] = command.run.n;
  document["on"] = command.on;
  document["seed"] = command.null.seed;
  document["runs"] = Json::array();
  for (const auto& run : runs) document["runs"].push_back(to_json(run));
  document["summary"] = Json::array();
  for (const auto& summary : summaries) document["summary"].push_back(to_json(summary));
  document["null"] = null_json(test);
  if (command.patterns) document["patterns"] = features.patterns_json(features_in(runs));
  session.print_json(document);
}

}  // namespace

void add_cluster(Application& app) {
  auto& command = app.command("Structure", "cluster", "Cluster the nearest features of random features with k-means");
  auto options = std::make_shared<ClusterCommand>();
  add_feature_argument(command, options->features);
  command.add_option("--k", options->run.k, "numbers of clusters")
      ->delimiter(',')
      ->check(CLI::PositiveNumber)
      ->capture_default_str()
      ->type_name("K,…");
  command.add_option("--n", options->run.n, "features clustered, the main one included")
      ->check(CLI::Range(std::int64_t{2}, PointGram::kMaxPoints))
      ->capture_default_str();
  command.add_option("--seeds", options->run.seeds, "random features, each with a seed of its own")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  command.add_option("--feature", options->run.feature, "this feature in every run")->type_name("J");
  command.add_option("--inits", options->run.initialisations, "initialisations; the least inertia is kept")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str();
  command.add_option("--on", options->on, "what is clustered: patterns or weights")
      ->check(CLI::IsMember({"patterns", "weights"}))
      ->capture_default_str();
  command.add_flag("--patterns", options->patterns, "with --json: also the patterns clustered, for `lacuna plot`");
  add_null_argument(command, options->null);
  add_database_argument(command, options->database);
  command.footer(
      "separation = between / within. Each random mask goes through the whole procedure: its own features, neighbours\n"
      "and clusters.\n"
      "Example: lacuna cluster pruned --matrix 0.mlp.down_proj --k 4,8,16 --seeds 10\n"
      "Also: --json, --quiet, --progress MODE, --threads T (see `lacuna help`).");
  app.on_run(command, [options](const Session& session) { run_cluster(session, *options); });
}

}  // namespace lacuna::cli
