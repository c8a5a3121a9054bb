// Every method against plain PyTorch (reference_prune.py), where the oracle's Python is installed.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "lacuna/prune/method.hpp"
#include "problems.hpp"
#include "support/shared_data.hpp"
#include "support/temp_folder.hpp"

namespace lacuna {
namespace {

struct Problem {
  std::int64_t rows, cols, tokens, sequences;
  std::string target;  // "0.5" or "2:4"
};

struct Job {
  std::string method;  // as reference_prune.py names them
  Problem problem;
};

std::filesystem::path oracle_python() { return test::source_path(".deps/oracle/bin/python"); }

SparsityTarget parse(const std::string& target) {
  return target.find(':') == std::string::npos ? unstructured(std::stod(target)) : parse_pattern(target);
}

Matrix<float> weights_of(const Problem& problem) { return test::normal_matrix(problem.rows, problem.cols, 21); }

Matrix<float> inputs_of(const Problem& problem) { return test::correlated_inputs(problem.tokens, problem.cols, 22); }

void write(const std::filesystem::path& path, const Matrix<float>& m) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(m.data()), static_cast<std::streamsize>(m.numel()) * 4);
}

Matrix<float> read(const std::filesystem::path& path, std::int64_t rows, std::int64_t cols) {
  auto m = Matrix<float>::zeroed(rows, cols);
  std::ifstream(path, std::ios::binary)
      .read(reinterpret_cast<char*>(m.data()), static_cast<std::streamsize>(m.numel()) * 4);
  return m;
}

struct Agreement {
  double mask = 0.0;        // share of entries zero in both or in neither
  double difference = 0.0;  // largest |a − b| over rows whose masks agree
};

Agreement compare(const Matrix<float>& a, const Matrix<float>& b) {
  Agreement agreement;
  std::int64_t equal = 0;
  for (std::int64_t r = 0; r < a.rows(); ++r) {
    std::int64_t in_row = 0;
    double difference = 0.0;
    for (std::int64_t c = 0; c < a.cols(); ++c) {
      in_row += (a(r, c) == 0.0F) == (b(r, c) == 0.0F) ? 1 : 0;
      difference = std::max(difference, std::fabs(static_cast<double>(a(r, c)) - static_cast<double>(b(r, c))));
    }
    if (in_row == a.cols()) agreement.difference = std::max(agreement.difference, difference);
    equal += in_row;
  }
  agreement.mask = static_cast<double>(equal) / static_cast<double>(a.numel());
  return agreement;
}

Agreement run_job(const Job& job, const std::filesystem::path& expected) {
  const auto& problem = job.problem;
  auto w = weights_of(problem);
  PruneOptions options;
  options.wanda_use_variant = job.method == "wanda-variant";
  const auto statistics = test::statistics_of(inputs_of(problem), StatisticsNeed::gram, problem.sequences);
  const std::string name = job.method.substr(0, job.method.find('-'));
  make_prune_method(name, options)->prune(w.view(), &statistics, parse(problem.target), {});
  return compare(w, read(expected, problem.rows, problem.cols));
}

// One Python process for all jobs: importing PyTorch takes longer than the work.
std::vector<Agreement> against_reference(const std::vector<Job>& jobs) {
  const test::TempFolder folder;
  std::string lines;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    const auto& problem = jobs[i].problem;
    const auto path = [&](const char* kind) { return (folder / (kind + std::to_string(i))).string(); };
    write(path("w"), weights_of(problem));
    write(path("x"), inputs_of(problem));
    lines += fmt::format("{} {} {} {} {} {} {} {}\n", jobs[i].method, problem.target, problem.rows, problem.cols,
                         problem.sequences, path("w"), path("x"), path("out"));
  }
  const auto list = folder.write("jobs", lines);
  const std::string command = fmt::format("{} {} {}", oracle_python().string(),
                                          test::source_path("tests/prune/reference_prune.py").string(), list.string());
  EXPECT_EQ(std::system(command.c_str()), 0) << command;
  std::vector<Agreement> agreements;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    agreements.push_back(run_job(jobs[i], folder / ("out" + std::to_string(i))));
  }
  return agreements;
}

void expect_identical(const std::vector<Job>& jobs) {
  const auto agreements = against_reference(jobs);
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    EXPECT_EQ(agreements[i].mask, 1.0) << jobs[i].method << ' ' << jobs[i].problem.target;
    EXPECT_EQ(agreements[i].difference, 0.0) << jobs[i].method << ' ' << jobs[i].problem.target;
  }
}

#define LACUNA_REQUIRE_ORACLE() \
  if (!std::filesystem::exists(oracle_python())) GTEST_SKIP() << "needs the oracle's Python: " << oracle_python()

TEST(AgainstPyTorch, MagnitudeIsIdentical) {
  LACUNA_REQUIRE_ORACLE();
  expect_identical({{"magnitude", {40, 150, 1, 1, "0.5"}},
                    {"magnitude", {40, 150, 1, 1, "0.29"}},
                    {"magnitude", {7, 64, 1, 1, "3:8"}}});
}

// Scores differ in the last f32 bits of the norms only; of 12800 normal weights no two neighbours are that close.
TEST(AgainstPyTorch, WandaIsIdentical) {
  LACUNA_REQUIRE_ORACLE();
  expect_identical({{"wanda", {64, 200, 240, 3, "0.5"}},
                    {"wanda", {64, 200, 240, 3, "0.7"}},
                    {"wanda", {64, 200, 240, 3, "2:4"}},
                    {"wanda-variant", {64, 200, 240, 3, "0.5"}},
                    {"wanda-variant", {64, 200, 240, 3, "0.65"}}});
}

// Against the reference in f32 and in f64: orders of summation differ by their roundings, and a score near the
// threshold may fall on its other side. Such a flip moves the rest of its row, by as much as the threshold's weight.
TEST(AgainstPyTorch, SparseGptAgreesUpToNearTies) {
  LACUNA_REQUIRE_ORACLE();
  std::vector<Job> jobs;
  for (const Problem& problem : {Problem{96, 320, 1000, 4, "0.5"},
                                 {96, 320, 1000, 4, "2:4"},
                                 {50, 200, 600, 2, "0.7"},
                                 {96, 320, 1000, 4, "4:8"},
                                 {1, 100, 300, 1, "0.5"},
                                 {30, 60, 100, 1, "0.5"}}) {
    jobs.push_back({"sparsegpt", problem});
    jobs.push_back({"sparsegpt-f64", problem});
  }
  const auto agreements = against_reference(jobs);
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    const auto& problem = jobs[i].problem;
    EXPECT_GE(agreements[i].mask, 0.9999) << jobs[i].method << ' ' << problem.target << ' ' << problem.cols;
    // Weights of size 1 after some 300 compensations of 2^-24 each, condition number of H up to about 10^4 after
    // damping: √300 · 6e-8 · √10^4.
    EXPECT_LE(agreements[i].difference, 1e-4) << jobs[i].method << ' ' << problem.target << ' ' << problem.cols;
  }
}

}  // namespace
}  // namespace lacuna
