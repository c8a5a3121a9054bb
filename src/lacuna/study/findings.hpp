// Every test of structure in a set of results, corrected for all of them together and ranked.
//
// A test is a statistic with a null model: the rows of `structure` of each run, and the tested statistics of analyses.
// A test that was made twice counts once. adjusted is Benjamini and Hochberg's over all tests of the set; a finding has
// adjusted ≤ 0.05 and draws that vary.
// Ranked: by adjusted p, then by |z|, then in the order given.
//
// By projection and method: how many tests find structure, the strongest of them, and one sentence from the numbers.
// Groups are ranked by the share of their tests that find some, then by the strongest test.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lacuna/study/report.hpp"

namespace lacuna {

struct Finding {
  std::string model;
  std::string method;  // of the run; empty: unknown
  std::string run;     // "wanda 50%", or the source of the analysis
  int layer = -1;
  std::string component;
  std::string statistic;  // "coherence, grouped"
  double value = 0.0;
  std::string null_model;
  std::int64_t draws = 0;
  double null_mean = 0.0;
  double null_std = 0.0;
  std::optional<double> z;
  double p = 1.0;
  double adjusted = 1.0;
  bool found = false;
};

std::vector<Finding> collect_findings(std::span<const StudyModelView> models);

struct FindingGroup {
  std::string projection;  // "down_proj"
  std::string method;
  int tests = 0;
  int found = 0;
  Finding strongest;
  std::string interpretation;
};
std::vector<FindingGroup> group_findings(std::span<const Finding> ranked);

}  // namespace lacuna
