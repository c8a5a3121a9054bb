// `lacuna tsne`: features in the plane.
#include <fmt/format.h>

#include <numeric>

#include "analysis_argument.hpp"
#include "commands.hpp"
#include "lacuna/cluster/gradient.hpp"
#include "lacuna/cluster/neighbours.hpp"
#include "lacuna/cluster/tsne.hpp"
#include "lacuna/core/atomic_file.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/study/analyses/analysis_results.hpp"
#include "matrix_argument.hpp"
#include "weight_points.hpp"

namespace lacuna::cli {
namespace {

struct TsneCommand {
  FeatureArgument features;
  DatabaseArgument database;
  TsneOptions tsne;
  std::optional<std::int64_t> feature;
  std::optional<double> perplexity;
  std::int64_t n = 128;
  bool all = false;
  int k = 8;
  std::string on = "patterns";
  std::string method = "auto";
  std::filesystem::path out;
};

void write_csv(const std::filesystem::path& file, const std::vector<std::int64_t>& indices,
               const std::vector<int>& labels, const Embedding& embedding) {
  std::string text = "feature,x,y,cluster\n";
  for (std::size_t i = 0; i < indices.size(); ++i)
    text += fmt::format("{},{},{},{}\n", indices[i], embedding.x[i], embedding.y[i], labels[i]);
  write_file_atomic(file, text);
}

TsneMethod parse_method(const std::string& name) {
  if (name == "exact") return TsneMethod::exact;
  return name == "barnes-hut" ? TsneMethod::barnes_hut : TsneMethod::automatic;
}

const char* method_name(const Embedding& embedding) {
  return embedding.method == TsneMethod::exact ? "exact" : "barnes-hut";
}

// What was embedded, how, and what came of it.
struct TsneResult {
  std::int64_t main = 0;
  std::vector<std::int64_t> indices;
  Embedding embedding;
  Clustering clusters;
};

TsneResult embed(const Session& session, TsneCommand& command, const ChosenFeatures& features) {
  const auto& patterns = features.patterns();
  TsneResult result;
  result.main = run_feature(patterns, command.feature, command.tsne.seed);
  if (command.all) {
    result.indices.resize(static_cast<std::size_t>(patterns.count()));
    std::iota(result.indices.begin(), result.indices.end(), 0);
  } else {
    result.indices = nearest_features(patterns, result.main, std::min(command.n, patterns.count())).indices;
  }
  const auto n = static_cast<std::int64_t>(result.indices.size());
  const auto points = command.on == "weights"
                          ? weight_points(features.matrix().view, features.by_columns())(result.indices)
                          : PointGram::of_patterns(patterns_of(patterns, result.indices));
  command.tsne.perplexity = command.perplexity.value_or(default_perplexity(n));
  command.tsne.method = parse_method(command.method);
  result.embedding = tsne(points, command.tsne, session.context());
  result.clusters =
      kmeans(points, {static_cast<int>(std::min<std::int64_t>(command.k, n)), 10, 300, command.tsne.seed});
  return result;
}

void save(const AnalysisStore& store, const ChosenFeatures& features, const TsneCommand& command,
          const TsneResult& result) {
  AnalysisResults results;
  results.statistics.push_back({.statistic = "kl", .value = result.embedding.kl});
  results.points = point_records(result.indices, result.embedding, result.clusters.labels);
  store.save(std::move(results), features,
             {{"feature", command.feature ? Json(*command.feature) : Json(nullptr)},
              {"n", result.indices.size()},
              {"all", command.all},
              {"perplexity", command.tsne.perplexity},
              {"iterations", command.tsne.iterations},
              {"starts", command.tsne.starts},
              {"method", method_name(result.embedding)},
              {"k", result.clusters.k},
              {"on", command.on}});
}

Json tsne_json(const ChosenFeatures& features, const TsneCommand& command, const TsneResult& result) {
  Json document = features.json();
  document.update(Json{{"feature", command.all ? Json(nullptr) : Json(result.main)},
                       {"indices", result.indices},
                       {"x", result.embedding.x},
                       {"y", result.embedding.y},
                       {"labels", result.clusters.labels},
                       {"k", result.clusters.k},
                       {"kl", result.embedding.kl},
                       {"perplexity", command.tsne.perplexity},
                       {"method", method_name(result.embedding)},
                       {"iterations", result.embedding.iterations},
                       {"on", command.on},
                       {"seed", command.tsne.seed},
                       {"out", command.out.empty() ? Json(nullptr) : Json(command.out.string())}});
  return document;
}

void run_tsne(const Session& session, TsneCommand command) {
  const AnalysisStore store(command.database, "tsne", command.tsne.seed);
  const ChosenFeatures features(command.features);
  if (!command.out.empty()) require_distinct_paths(command.out, features.matrix().source);
  const auto result = embed(session, command, features);
  if (!command.out.empty()) write_csv(command.out, result.indices, result.clusters.labels, result.embedding);
  if (store.wanted()) save(store, features, command, result);
  session.print(features.heading());
  session.print(text_table({{"features", std::to_string(result.indices.size())},
                            {"perplexity", fmt::format("{:g}", command.tsne.perplexity)},
                            {"method", method_name(result.embedding)},
                            {"KL divergence", fmt::format("{:.4f}", result.embedding.kl)},
                            {"iterations", std::to_string(result.embedding.iterations)}}));
  session.print_json(tsne_json(features, command, result));
}

}  // namespace

void add_tsne(Application& app) {
  auto& command = app.command("Structure", "tsne", "Place features in the plane with t-SNE");
  auto options = std::make_shared<TsneCommand>();
  add_feature_argument(command, options->features);
  auto* feature =
      command.add_option("--feature", options->feature, "embed its nearest features; default: a random one")
          ->type_name("J");
  command.add_option("--n", options->n, "how many, the feature itself included")
      ->check(CLI::Range(std::int64_t{2}, PointGram::kMaxPoints))
      ->capture_default_str();
  command.add_flag("--all", options->all, "embed every feature")->excludes(feature);
  command.add_option("--perplexity", options->perplexity, "default: 30, or n − 1 where that is less");
  command.add_option("--iterations", options->tsne.iterations, "of gradient descent")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  command.add_option("--starts", options->tsne.starts, "from principal coordinates, then random; the least KL is kept")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command.add_option("--method", options->method, "exact or barnes-hut; auto: exact up to 512 features")
      ->check(CLI::IsMember({"auto", "exact", "barnes-hut"}))
      ->capture_default_str();
  command.add_option("--k", options->k, "clusters that colour the points")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command.add_option("--on", options->on, "patterns or weights")
      ->check(CLI::IsMember({"patterns", "weights"}))
      ->capture_default_str();
  command.add_option("--seed", options->tsne.seed, "of every random choice")->capture_default_str();
  add_database_argument(command, options->database);
  command.add_option("-o,--out", options->out, "write feature,x,y,cluster as CSV")->type_name("FILE");
  command.footer(
      "Example: lacuna tsne pruned --matrix 0.mlp.down_proj --n 256 -o map.csv\n"
      "Also: --json, --quiet, --progress MODE, --threads T (see `lacuna help`).");
  app.on_run(command, [options](const Session& session) { run_tsne(session, *options); });
}

}  // namespace lacuna::cli
