// `lacuna gradient`: a feature beside random others, ordered by their distance to it.
#include <fmt/format.h>

#include <cmath>

#include "analysis_argument.hpp"
#include "commands.hpp"
#include "lacuna/cluster/gradient.hpp"
#include "lacuna/core/atomic_file.hpp"
#include "lacuna/core/random.hpp"
#include "lacuna/render/spy.hpp"
#include "lacuna/study/analyses/analysis_results.hpp"
#include "null_argument.hpp"

namespace lacuna::cli {
namespace {

struct GradientCommand {
  FeatureArgument features;
  NullArgument null;
  DatabaseArgument database;
  std::optional<std::int64_t> feature;
  std::int64_t n = 127;
  std::filesystem::path out;
  bool patterns = false;
};

const std::vector<Statistic> kStatistics = {
    {"min", Tail::less}, {"mean", Tail::less}, {"max", Tail::greater}, {"std", Tail::greater}};

// Of the distances to the others, the main feature left out.
std::vector<double> spread(const Gradient& gradient, std::int64_t rows) {
  const auto n = static_cast<double>(gradient.distances.size() - 1);
  if (n == 0 || rows == 0) return {0.0, 0.0, 0.0, 0.0};
  double sum = 0.0;
  double squares = 0.0;
  for (std::size_t i = 1; i < gradient.distances.size(); ++i) {
    sum += gradient.distances[i];
    squares += static_cast<double>(gradient.distances[i]) * gradient.distances[i];
  }
  const double variance = std::max(0.0, squares / n - sum / n * (sum / n));
  const auto scale = static_cast<double>(rows);
  return {gradient.distances[1] / scale, sum / n / scale, gradient.distances.back() / scale,
          std::sqrt(variance) / scale};
}

Gradient draw(const GradientCommand& command, const FeaturePatterns& patterns, std::uint64_t seed) {
  Random random(seed);
  const auto count = static_cast<std::uint64_t>(std::max<std::int64_t>(patterns.count(), 1));
  const auto chosen = static_cast<std::int64_t>(random.below(count));
  return coactivation_gradient(patterns, command.feature.value_or(chosen),
                               std::min(command.n, std::max<std::int64_t>(patterns.count() - 1, 0)), random.next());
}

void write_picture(const GradientCommand& command, const ChosenFeatures& features, const Gradient& gradient,
                   const std::vector<double>& observed) {
  const BitMatrix rows = patterns_of(features.patterns(), gradient.indices);
  SpyOptions options;
  options.title =
      fmt::format("{} · gradient of feature {} · distance {:.3f} to {:.3f}",
                  matrix_title(features.set(), features.matrix()), gradient.feature, observed[0], observed[2]);
  options.x_label = features.by_columns() ? "output feature (row of W)" : "input feature (column of W)";
  options.y_label = "feature, nearest first";
  const auto pattern = spy_pattern(rows.rows(), rows.cols(), [&](std::int64_t r) { return rows.row(r); });
  if (command.out.extension() == ".svg") {
    write_spy_svg(command.out, pattern, options);
  } else {
    write_spy_png(command.out, pattern, options);
  }
}

void run_gradient(const Session& session, const GradientCommand& command) {
  const AnalysisStore store(command.database, "gradient", command.null.seed);
  const ChosenFeatures features(command.features);
  if (!command.out.empty()) require_distinct_paths(command.out, features.matrix().source);
  const auto& patterns = features.patterns();
  const auto gradient = draw(command, patterns, command.null.seed);
  const auto test = test_structure(session, patterns, command.null, null_options(command.null, features), kStatistics,
                                   [&](const FeaturePatterns& drawn, std::uint64_t seed) {
                                     return spread(draw(command, drawn, seed), drawn.rows());
                                   });
  if (store.wanted()) {
    AnalysisResults results;
    results.statistics = statistic_records(test);
    add_neighbours(gradient.feature, std::span(gradient.indices), std::span(gradient.distances), patterns.rows(),
                   results.neighbours);
    store.save(std::move(results), features,
               {{"feature", command.feature ? Json(*command.feature) : Json(nullptr)},
                {"n", gradient.indices.size() - 1},
                {"null", null_head_json(test.options)}});
  }
  session.print(features.heading());
  session.print(
      fmt::format("Distance of feature {} to {} random others:", gradient.feature, gradient.indices.size() - 1));
  print_structure(session, test);
  Json document = features.json();
  std::vector<double> distances;
  for (const auto d : gradient.distances) {
    distances.push_back(static_cast<double>(d) / static_cast<double>(std::max<std::int64_t>(patterns.rows(), 1)));
  }
  document["feature"] = gradient.feature;
  document["indices"] = gradient.indices;
  document["distances"] = distances;
  for (std::size_t s = 0; s < kStatistics.size(); ++s) document[kStatistics[s].name] = test.observed[s];
  document["seed"] = command.null.seed;
  document["null"] = null_json(test);
  if (command.patterns) document["patterns"] = features.patterns_json(gradient.indices);
  if (!command.out.empty()) {
    write_picture(command, features, gradient, test.observed);
    document["out"] = command.out.string();
    session.print(command.out.string());
  }
  session.print_json(document);
}

}  // namespace

void add_gradient(Application& app) {
  auto& command = app.command("Structure", "gradient", "Order random features by their distance to one of them");
  auto options = std::make_shared<GradientCommand>();
  add_feature_argument(command, options->features);
  command.add_option("--feature", options->feature, "index of the main feature; default: a random one")->type_name("J");
  command.add_option("--n", options->n, "how many random others")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 30))
      ->capture_default_str();
  command.add_option("-o,--out", options->out, "spy plot to write, one line per feature: .png or .svg")
      ->type_name("FILE");
  command.add_flag("--patterns", options->patterns, "with --json: also the patterns, for `lacuna plot pattern`");
  add_null_argument(command, options->null);
  add_database_argument(command, options->database);
  command.footer(
      "Example: lacuna gradient pruned --matrix 0.mlp.down_proj --feature 5 -o gradient.png\n"
      "Also: --json, --quiet, --progress MODE, --threads T (see `lacuna help`).");
  app.on_run(command, [options](const Session& session) { run_gradient(session, *options); });
}

}  // namespace lacuna::cli
