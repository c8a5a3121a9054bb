// Every test of structure in a set of results, corrected for all of them together and ranked.
//
// A test is a statistic with a null model: the rows of `structure` of each run, and the tested statistics of analyses.
// A test that was made twice counts once. adjusted is Benjamini and Hochberg's over all tests of the set; a finding has
// adjusted ≤ 0.05 and draws that vary.
// Ranked: by adjusted p, then by |z|, then in the order given. p is never below 1 / (1 + draws): tests that no draw
// reached share that floor, and z ranks them.
//
// By projection and method: how many tests find structure, the strongest of them, and one sentence from the numbers.
// Groups are ranked by the share of their tests that find some, then by the strongest test.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lacuna/study/report/report.hpp"

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

// How far p can go down with the draws that were made.
struct FindingFloor {
  std::size_t tests = 0;
  std::int64_t draws = 0;         // of the test with the most
  double smallest_p = 1.0;        // 1 / (1 + draws)
  double smallest_alone = 1.0;    // adjusted, of a test that is the only one at the floor
  std::size_t at_floor = 0;       // tests that no draw of theirs reached
  std::int64_t draws_needed = 0;  // for one such test alone to be a finding

  std::string text() const;  // all of that in words; empty without tests
};
FindingFloor finding_floor(std::span<const Finding> findings);

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
