// --null DRAWS, --null-model and --seed: every structure statistic is printed beside what chance gives.
#pragma once

#include <optional>
#include <vector>

#include "cli.hpp"
#include "lacuna/study/analyses/null_comparison.hpp"
#include "matrix_argument.hpp"

namespace lacuna::cli {

struct NullArgument {
  std::int64_t draws = 100;    // 0: no null, and none is printed
  std::string model = "auto";  // pattern where the matrix is N:M, else margins
  std::uint64_t seed = 0;      // of every random choice of the command
};
void add_null_argument(CLI::App& command, NullArgument& argument);

// Absent without draws. Error{invalid_argument}: --null-model pattern for a matrix that is not N:M, or for rows.
std::optional<NullOptions> null_options(const NullArgument& argument, const ChosenFeatures& features);

// compare_with_null() under this session: its progress and seed.
NullComparison test_structure(const Session& session, const FeaturePatterns& patterns, const NullArgument& argument,
                              const std::optional<NullOptions>& options, std::vector<Statistic> statistics,
                              const Procedure& procedure);

// null without draws, else {model, draws, seed, NAME: {observed, mean, std, z, p, p_holm}, …}.
Json null_json(const NullComparison& test);
Json null_head_json(const std::optional<NullOptions>& options);  // {model, draws, seed}; null without
Json test_json(const NullTest& test);                            // {mean, std, z, p}
std::string null_name(const NullOptions& options);               // "margins", "pattern 2:4"

// A table: statistic, observed, null mean ± std, z, p, corrected p. Without draws: statistic and observed.
void print_structure(const Session& session, const NullComparison& test);

}  // namespace lacuna::cli
