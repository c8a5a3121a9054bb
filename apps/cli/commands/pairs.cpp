// `lacuna pairs`: Hamming distances between all pairs of features.
#include <fmt/format.h>

#include <algorithm>

#include "analysis_argument.hpp"
#include "commands.hpp"
#include "lacuna/cluster/pairs.hpp"
#include "lacuna/core/atomic_file.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/formats/npy.hpp"
#include "lacuna/study/analyses/analysis_results.hpp"
#include "null_argument.hpp"

namespace lacuna::cli {
namespace {

struct PairsCommand {
  FeatureArgument features;
  NullArgument null;
  DatabaseArgument database;
  std::filesystem::path out;
};

const std::vector<Statistic> kStatistics = {
    {"mean", Tail::less}, {"std", Tail::greater}, {"min", Tail::less}, {"max", Tail::greater}};

// The statistics, then the share of pairs at or below 0, 1, … rows.
std::vector<double> summarize(const PairDistances& pairs) {
  std::vector<double> values = {pairs.mean(), pairs.std(), pairs.min(), pairs.max()};
  std::uint64_t seen = 0;
  const auto total = static_cast<double>(std::max<std::uint64_t>(pairs.pairs(), 1));
  for (const auto count : pairs.histogram) {
    seen += count;
    values.push_back(static_cast<double>(seen) / total);
  }
  return values;
}

std::span<const std::vector<double>> drawn_cdfs(const NullComparison& test) {
  if (!test.options) return {};
  return std::span(test.drawn).subspan(kStatistics.size());
}

// [[distance, low, high], …] where 95 % of the random masks' CDFs pass, at the distances of the observed CDF.
Json cdf_band(const std::vector<PairDistanceRecord>& records) {
  Json band = Json::array();
  for (const auto& r : records) band.push_back({r.distance, *r.null_low, *r.null_high});
  return band;
}

// The N×N matrix as f32 .npy, a few rows at a time.
void write_matrix(const std::filesystem::path& out, const FeaturePatterns& patterns, const RunContext& context) {
  AtomicFile file(out);
  const std::int64_t shape[] = {patterns.count(), patterns.count()};
  file.write(npy_header(DType::f32, shape));
  std::vector<float> shares;
  const auto rows = static_cast<float>(std::max<std::int64_t>(patterns.rows(), 1));
  for_each_distance_row(
      patterns,
      [&](std::int64_t, std::span<const std::uint32_t> distances) {
        shares.clear();
        for (const auto d : distances) shares.push_back(static_cast<float>(d) / rows);
        file.write(std::as_bytes(std::span(shares)));
      },
      context);
  file.commit();
}

void print_distances(const Session& session, const PairDistances& pairs, const NullComparison& test) {
  session.print(
      fmt::format("Hamming distance of {} pairs, as a share of {} rows:", human_count(pairs.pairs()), pairs.rows));
  print_structure(session, test);
  session.print(fmt::format("quantiles 1, 25, 50, 75, 99 %: {:.4f} {:.4f} {:.4f} {:.4f} {:.4f}", pairs.quantile(0.01),
                            pairs.quantile(0.25), pairs.quantile(0.5), pairs.quantile(0.75), pairs.quantile(0.99)));
  session.print(fmt::format("mean over the full matrix, diagonal included: {:.5g}", pairs.mean_with_diagonal()));
}

void run_pairs(const Session& session, const PairsCommand& command) {
  const AnalysisStore store(command.database, "pairs", command.null.seed);
  const ChosenFeatures features(command.features);
  if (!command.out.empty()) require_distinct_paths(command.out, features.matrix().source);
  const auto& patterns = features.patterns();
  const auto pairs = all_pair_distances(patterns, session.context());
  const auto test =
      test_structure(session, patterns, command.null, null_options(command.null, features), kStatistics,
                     [](const FeaturePatterns& drawn, std::uint64_t) { return summarize(all_pair_distances(drawn)); });
  if (!command.out.empty()) write_matrix(command.out, patterns, session.context());
  session.finish_progress();
  const auto records = pair_records(pairs, drawn_cdfs(test));
  if (store.wanted()) {
    AnalysisResults results;
    results.statistics = statistic_records(test);
    results.statistics.push_back({.statistic = "mean_with_diagonal", .value = pairs.mean_with_diagonal()});
    results.pairs = records;
    store.save(std::move(results), features, {{"null", null_head_json(test.options)}});
  }
  session.print(features.heading());
  print_distances(session, pairs, test);
  if (!command.out.empty()) session.print(command.out.string());
  Json document = features.json();
  document["features"] = pairs.features;
  document["rows"] = pairs.rows;
  document["mean"] = pairs.mean();
  document["mean_with_diagonal"] = pairs.mean_with_diagonal();
  document["std"] = pairs.std();
  document["min"] = pairs.min();
  document["max"] = pairs.max();
  Json cdf = Json::array();
  for (const auto& point : pairs.cdf()) cdf.push_back({point.distance, point.share});
  document["cdf"] = std::move(cdf);
  document["seed"] = command.null.seed;
  document["null"] = null_json(test);
  if (test.options) document["null"]["cdf_band"] = cdf_band(records);
  if (!command.out.empty()) document["out"] = command.out.string();
  session.print_json(document);
}

}  // namespace

void add_pairs(Application& app) {
  auto& command = app.command("Structure", "pairs", "Measure the distances between all pairs of features");
  auto options = std::make_shared<PairsCommand>();
  add_feature_argument(command, options->features);
  command.add_option("-o,--out", options->out, "write the whole matrix of distances: .npy, float32")->type_name("FILE");
  add_null_argument(command, options->null);
  add_database_argument(command, options->database);
  command.footer(
      "The distances are counted into a histogram; the matrix of all pairs is never held in memory.\n"
      "Example: lacuna pairs pruned --matrix 0.mlp.down_proj --null 200 --null-model columns\n"
      "Also: --json, --quiet, --progress MODE, --threads T (see `lacuna help`).");
  app.on_run(command, [options](const Session& session) { run_pairs(session, *options); });
}

}  // namespace lacuna::cli
