// `lacuna groups`: features grouped with their nearest, and what a group has in common.
#include <fmt/format.h>

#include "analysis_argument.hpp"
#include "commands.hpp"
#include "lacuna/cluster/grouping.hpp"
#include "lacuna/study/analyses/analysis_results.hpp"
#include "null_argument.hpp"

namespace lacuna::cli {
namespace {

struct GroupsCommand {
  FeatureArgument features;
  NullArgument null;
  DatabaseArgument database;
  std::int64_t size = 8;
  std::int64_t sample = 0;  // 0: exhaustive
};

const std::vector<Statistic> kStatistics = {{"zeros", Tail::greater},    {"ones", Tail::greater},
                                            {"duplicates", Tail::both},  {"total_dups", Tail::greater},
                                            {"unique_rows", Tail::less}, {"mean_pairwise_distance", Tail::less}};

std::vector<FeatureGroup> make_groups(const GroupsCommand& command, const FeaturePatterns& patterns, std::uint64_t seed,
                                      const RunContext& context) {
  if (command.sample == 0) return group_features(patterns, command.size, seed, context);
  return sample_groups(patterns, std::min(command.sample, patterns.count()), command.size, seed, context);
}

// Means over the groups, from integer sums where they are integers.
std::vector<double> means(const std::vector<GroupMetrics>& groups) {
  std::vector<double> sums(kStatistics.size());
  for (const auto& group : groups) {
    sums[0] += static_cast<double>(group.zeros);
    sums[1] += static_cast<double>(group.ones);
    sums[2] += static_cast<double>(group.duplicates);
    sums[3] += static_cast<double>(group.total_dups);
    sums[4] += static_cast<double>(group.unique_rows);
    sums[5] += group.mean_pairwise_distance;
  }
  for (auto& sum : sums) sum /= static_cast<double>(std::max<std::size_t>(groups.size(), 1));
  return sums;
}

Json group_json(const FeatureGroup& group, const GroupMetrics& metrics) {
  return {{"seed_feature", group.seed_feature},
          {"features", group.features},
          {"zeros", metrics.zeros},
          {"ones", metrics.ones},
          {"duplicates", metrics.duplicates},
          {"total_dups", metrics.total_dups},
          {"unique_rows", metrics.unique_rows},
          {"density", metrics.density},
          {"mean_pairwise_distance", metrics.mean_pairwise_distance},
          {"mean_distance", metrics.mean_distance}};
}

void run_groups(const Session& session, const GroupsCommand& command) {
  const AnalysisStore store(command.database, "groups", command.null.seed);
  const ChosenFeatures features(command.features);
  const auto& patterns = features.patterns();
  const auto groups = make_groups(command, patterns, command.null.seed, session.context());
  const auto metrics = measure_groups(patterns, groups);
  const auto test = test_structure(session, patterns, command.null, null_options(command.null, features), kStatistics,
                                   [&](const FeaturePatterns& drawn, std::uint64_t seed) {
                                     return means(measure_groups(drawn, make_groups(command, drawn, seed, {})));
                                   });
  session.finish_progress();
  if (store.wanted()) {
    AnalysisResults results;
    results.statistics = statistic_records(test);
    results.groups =
        group_records(groups, metrics, features.matrix(), matrix_origin(features.set(), features.matrix()));
    store.save(std::move(results), features,
               {{"size", command.size}, {"sample", command.sample}, {"null", null_head_json(test.options)}});
  }
  session.print(features.heading());
  session.print(fmt::format("{} groups of {} ({}), means over the groups:", groups.size(), command.size,
                            command.sample == 0 ? "exhaustive" : "sampled"));
  print_structure(session, test);
  Json document = features.json();
  document["size"] = command.size;
  document["sampled"] = command.sample != 0;
  document["seed"] = command.null.seed;
  Json list = Json::array();
  for (std::size_t g = 0; g < groups.size() && session.json(); ++g) list.push_back(group_json(groups[g], metrics[g]));
  document["groups"] = std::move(list);
  document["null"] = null_json(test);
  session.print_json(document);
}

}  // namespace

void add_groups(Application& app) {
  auto& command = app.command("Structure", "groups", "Group features with their nearest and measure what they share");
  auto options = std::make_shared<GroupsCommand>();
  add_feature_argument(command, options->features);
  command.add_option("--size", options->size, "features in a group")
      ->check(CLI::Range(std::int64_t{1}, kMaxGroupSize))
      ->capture_default_str();
  command
      .add_option("--sample", options->sample, "this many random features with their nearest; 0: every feature once")
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{1} << 30))
      ->type_name("COUNT")
      ->capture_default_str();
  add_null_argument(command, options->null);
  add_database_argument(command, options->database);
  command.footer(
      "zeros, ones: rows of W that are all zero, all non-zero in a group; duplicates: distinct rows that occur more "
      "than\n"
      "once; total_dups: rows minus distinct rows. mean_pairwise_distance counts the diagonal, mean_distance does "
      "not.\n"
      "Example: lacuna groups pruned --matrix 0.mlp.down_proj --size 8\n"
      "Also: --json, --quiet, --progress MODE, --threads T (see `lacuna help`).");
  app.on_run(command, [options](const Session& session) { run_groups(session, *options); });
}

}  // namespace lacuna::cli
