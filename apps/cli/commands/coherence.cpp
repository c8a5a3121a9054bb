// `lacuna coherence`: what a kernel that skips blocks of features could skip, under an order of the features.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <sstream>

#include "analysis_argument.hpp"
#include "commands.hpp"
#include "lacuna/cluster/cluster_orders.hpp"
#include "lacuna/cluster/coherence.hpp"
#include "lacuna/cluster/grouping.hpp"
#include "lacuna/core/atomic_file.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/core/random.hpp"
#include "lacuna/formats/npy.hpp"
#include "null_argument.hpp"

namespace lacuna::cli {
namespace {

struct CoherenceCommand {
  FeatureArgument features;
  NullArgument null;
  DatabaseArgument database;
  std::int64_t block = 8;
  std::string order = "stored";  // a name or a file
  std::optional<std::int64_t> feature;
  int k = 16;
};

const std::vector<Statistic> kStatistics = {{"mean", Tail::greater}};

using MakeOrder = std::function<FeatureOrder(const FeaturePatterns&, std::uint64_t seed)>;

// A permutation of the features as an .npy vector of integers, or as text: one index a line.
FeatureOrder read_order(const std::string& path) {
  FeatureOrder order;
  if (std::filesystem::path(path).extension() == ".npy") {
    const TensorArchive archive = read_npy(path);
    const TensorView& view = archive.tensors.front().view;
    if (view.shape.size() != 1 || (view.dtype != DType::i64 && view.dtype != DType::i32)) {
      throw Error(ErrorCode::invalid_argument, fmt::format("order: expected a vector of int64 or int32, got {} {}",
                                                           dtype_name(view.dtype), shape_text(view.shape)))
          .at(path);
    }
    std::vector<std::byte> bytes(view.bytes());
    copy_contiguous(view, bytes.data());
    for (std::int64_t i = 0; i < view.numel(); ++i) {
      std::int64_t wide = 0;
      std::int32_t narrow = 0;
      if (view.dtype == DType::i64) std::memcpy(&wide, bytes.data() + i * 8, 8);
      if (view.dtype == DType::i32) std::memcpy(&narrow, bytes.data() + i * 4, 4);
      order.push_back(view.dtype == DType::i64 ? wide : narrow);
    }
    return order;
  }
  std::istringstream text(read_file(path, std::uint64_t{1} << 30));
  for (std::string word; text >> word;) {
    std::int64_t index = 0;
    const auto [end, failure] = std::from_chars(word.data(), word.data() + word.size(), index);
    if (failure != std::errc() || end != word.data() + word.size()) {
      throw Error(ErrorCode::invalid_argument,
                  fmt::format("order: expected an integer at entry {}, got {:.40}", order.size(), word))
          .at(path);
    }
    order.push_back(index);
  }
  return order;
}

MakeOrder order_maker(const CoherenceCommand& command) {
  if (command.order == "stored") {
    return [](const FeaturePatterns& patterns, std::uint64_t) { return stored_order(patterns.count()); };
  }
  if (command.order == "gradient") {
    return [&command](const FeaturePatterns& patterns, std::uint64_t seed) {
      const auto count = static_cast<std::uint64_t>(std::max<std::int64_t>(patterns.count(), 1));
      return gradient_order(patterns, command.feature.value_or(static_cast<std::int64_t>(Random(seed).below(count))));
    };
  }
  if (command.order == "groups") {
    return [&command](const FeaturePatterns& patterns, std::uint64_t seed) {
      return grouped_order(group_features(patterns, command.block, seed));
    };
  }
  if (command.order == "kmeans") {
    return [&command](const FeaturePatterns& patterns, std::uint64_t seed) {
      return kmeans_order(patterns, static_cast<int>(std::min<std::int64_t>(command.k, patterns.count())), seed);
    };
  }
  if (command.order == "balanced") {
    return [&command](const FeaturePatterns& patterns, std::uint64_t seed) {
      return balanced_order(patterns, command.block, seed);
    };
  }
  return [order = read_order(command.order)](const FeaturePatterns&, std::uint64_t) { return order; };
}

bool is_named(const std::string& order) {
  constexpr std::string_view kNames[] = {"stored", "gradient", "kmeans", "balanced", "groups"};
  return std::find(std::begin(kNames), std::end(kNames), order) != std::end(kNames);
}

Json null_of_mean(const NullComparison& test) {
  if (!test.options) return nullptr;
  Json json = null_head_json(test.options);
  json.update(test_json(test.tests[0]));
  return json;
}

void print_coherence(const Session& session, const CoherenceCommand& command, const Coherence& coherence,
                     double expected, const NullComparison& test) {
  session.print(fmt::format("{} groups of {}, order {}. Share of rows that are zero in all features of a group: {}{}",
                            coherence.groups.size(), command.block, command.order, coherence_level(coherence.mean),
                            has_block_structure(coherence.mean) ? ", block structure" : ""));
  print_structure(session, test);
  session.print(
      fmt::format("Independent columns of this density: {:.5g}. A block kernel may skip {:.3g} % of the matrix.",
                  expected, 100.0 * coherence.skipped));
}

Json options_json(const CoherenceCommand& command, const NullComparison& test) {
  Json options = {{"block", command.block}, {"order", command.order}};
  if (command.order == "gradient") options["feature"] = command.feature ? Json(*command.feature) : Json(nullptr);
  if (command.order == "kmeans") options["k"] = command.k;
  options["null"] = null_head_json(test.options);
  return options;
}

void run_coherence(const Session& session, const CoherenceCommand& command) {
  const AnalysisStore store(command.database, "coherence", command.null.seed);
  const ChosenFeatures features(command.features);
  const auto& patterns = features.patterns();
  const MakeOrder make_order = order_maker(command);
  const auto order = make_order(patterns, command.null.seed);
  const auto coherence = block_coherence(patterns, order, command.block);
  const double expected = independent_coherence(patterns.density(), command.block);
  const auto options = null_options(command.null, features);
  if (options && !is_named(command.order)) {
    session.note("the null keeps the order of the file: its p holds only if the order was not derived from this mask");
  }
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
  Json document = features.json();
  document["order"] = command.order;
  document["block"] = command.block;
  document["groups"] = coherence.groups;
  document["mean"] = coherence.mean;
  document["level"] = coherence_level(coherence.mean);
  document["block_structure"] = has_block_structure(coherence.mean);
  document["skipped"] = coherence.skipped;
  document["expected_independent"] = expected;
  document["seed"] = command.null.seed;
  document["null"] = null_of_mean(test);
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
  command
      .add_option(
          "--order", options->order,
          "stored, gradient (distance to a feature), kmeans (by cluster), balanced (clusters of a block), groups "
          "(exhaustive grouping), or a file with a permutation: .npy, or text with an index a line")
      ->type_name("ORDER|FILE")
      ->capture_default_str();
  command.add_option("--feature", options->feature, "main feature of the gradient; default: a random one")
      ->type_name("J");
  command.add_option("--k", options->k, "clusters of --order kmeans")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
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
