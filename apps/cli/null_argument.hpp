// --null DRAWS, --null-model and --seed: every structure statistic is printed beside what chance gives.
#pragma once

#include <optional>
#include <vector>

#include "cli.hpp"
#include "lacuna/cluster/null_test.hpp"
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

struct Statistic {
  std::string name;  // snake_case: the key in --json
  Tail tail = Tail::greater;
};

// The statistics of a matrix and, with draws, what the same procedure gives on random masks.
struct StructureTest {
  std::optional<NullOptions> options;
  std::vector<Statistic> statistics;
  std::vector<double> observed;
  std::vector<std::vector<double>>
      drawn;  // one vector per value of the procedure, which may return more than statistics
  std::vector<NullTest> tests;
  std::vector<double> p_holm;  // over the statistics
};
StructureTest test_structure(const Session& session, const FeaturePatterns& patterns, const NullArgument& argument,
                             const std::optional<NullOptions>& options, std::vector<Statistic> statistics,
                             const Procedure& procedure);

// null without draws, else {model, draws, seed, NAME: {observed, mean, std, z, p, p_holm}, …}.
Json null_json(const StructureTest& test);
Json null_head_json(const NullOptions& options);    // {model, draws, seed}
Json test_json(const NullTest& test);               // {mean, std, z, p}
std::string null_name(const NullOptions& options);  // "margins", "pattern 2:4"

// A table: statistic, observed, null mean ± std, z, p, corrected p. Without draws: statistic and observed.
void print_structure(const Session& session, const StructureTest& test);

}  // namespace lacuna::cli
