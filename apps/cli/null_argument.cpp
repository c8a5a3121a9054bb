#include "null_argument.hpp"

#include <fmt/format.h>

#include "lacuna/bits/pattern.hpp"
#include "lacuna/core/error.hpp"

namespace lacuna::cli {

void add_null_argument(CLI::App& command, NullArgument& argument) {
  command.add_option("--null", argument.draws, "random masks to compare with; 0: none")
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{1} << 24))
      ->type_name("DRAWS")
      ->capture_default_str();
  command
      .add_option("--null-model", argument.model,
                  "what random masks keep: columns (non-zeros of each feature), margins (of each feature and row), "
                  "pattern (of each N:M group); auto: pattern where the matrix is N:M, else margins")
      ->check(CLI::IsMember({"auto", "columns", "margins", "pattern"}))
      ->capture_default_str();
  command.add_option("--seed", argument.seed, "of every random choice")->capture_default_str();
}

std::optional<NullOptions> null_options(const NullArgument& argument, const ChosenFeatures& features) {
  if (argument.draws == 0) return std::nullopt;
  NullOptions options;
  options.draws = argument.draws;
  options.seed = argument.seed;
  const bool automatic = argument.model == "auto";
  const int m = automatic || argument.model == "pattern" ? summarize_pattern(features.matrix().view).m : 0;
  const bool shuffles_groups = m > 0 && features.by_columns();
  if (!automatic && argument.model == "pattern" && !shuffles_groups) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("null model pattern: expected an N:M matrix and its columns as features, got {}",
                            m > 0 ? "--axis rows" : "a matrix without an N:M pattern"))
        .hint("use --null-model margins");
  }
  options.model = automatic ? (shuffles_groups ? NullModel::pattern : NullModel::margins)
                            : parse_null_model(argument.model).value_or(NullModel::margins);
  options.m = options.model == NullModel::pattern ? m : 0;
  return options;
}

NullComparison test_structure(const Session& session, const FeaturePatterns& patterns, const NullArgument& argument,
                              const std::optional<NullOptions>& options, std::vector<Statistic> statistics,
                              const Procedure& procedure) {
  auto test = compare_with_null(patterns, argument.seed, options, std::move(statistics), procedure, session.context());
  session.finish_progress();
  return test;
}

std::string null_name(const NullOptions& options) {
  const std::string name(null_model_name(options.model));
  return options.m == 0 ? name : fmt::format("{}, groups of {}", name, options.m);
}

Json null_head_json(const std::optional<NullOptions>& options) {
  if (!options) return nullptr;
  Json json = {{"model", null_model_name(options->model)}, {"draws", options->draws}, {"seed", options->seed}};
  if (options->m != 0) json["m"] = options->m;
  return json;
}

Json test_json(const NullTest& test) {
  return {{"mean", test.mean}, {"std", test.std}, {"z", test.z ? Json(*test.z) : Json(nullptr)}, {"p", test.p}};
}

Json null_json(const NullComparison& test) {
  if (!test.options) return nullptr;
  Json json = null_head_json(test.options);
  for (std::size_t s = 0; s < test.statistics.size(); ++s) {
    Json entry = {{"observed", test.observed[s]}};
    entry.update(test_json(test.tests[s]));
    entry["p_holm"] = test.p_holm[s];
    json[test.statistics[s].name] = std::move(entry);
  }
  return json;
}

void print_structure(const Session& session, const NullComparison& test) {
  std::vector<std::vector<std::string>> rows = {{"statistic", "observed"}};
  if (test.options) rows[0].insert(rows[0].end(), {"by chance", "z", "p", "p (Holm)"});
  for (std::size_t s = 0; s < test.statistics.size(); ++s) {
    rows.push_back({test.statistics[s].name, fmt::format("{:.5g}", test.observed[s])});
    if (!test.options) continue;
    const auto& null = test.tests[s];
    const std::vector<std::string> chance = {fmt::format("{:.5g} ± {:.2g}", null.mean, null.std),
                                             null.z ? fmt::format("{:.1f}", *null.z) : "–",
                                             fmt::format("{:.4g}", null.p), fmt::format("{:.4g}", test.p_holm[s])};
    rows.back().insert(rows.back().end(), chance.begin(), chance.end());
  }
  session.print(text_table(rows));
  if (test.options) {
    session.print(fmt::format("By chance: {} draws of the null model {} (seed {}).", test.options->draws,
                              null_name(*test.options), test.options->seed));
  }
}

}  // namespace lacuna::cli
