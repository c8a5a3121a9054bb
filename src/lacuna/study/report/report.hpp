// The report of a study or a store: what was run, what it cost, what methods share, which structure there is, how the
// patterns look. One HTML file.
//
// Built from the records a study left and the pictures it drew; nothing is measured here.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "lacuna/render/page.hpp"
#include "lacuna/study/records.hpp"

namespace lacuna {

struct StudyRunView {
  RunRecord run;
  std::vector<MatrixRecord> matrices;
  std::vector<StructureRecord> structure;
};

struct StudyModelView {
  std::string name;
  std::vector<StudyRunView> runs;                // in the order of the study
  std::vector<EvaluationRecord> evaluations;     // of the dense model (run_id empty) and the runs
  std::vector<ComparisonRecord> comparisons;     // a and b are run ids
  std::vector<FeatureMetrics> example_features;  // of example_comparisons, same order
  std::vector<ComparisonRecord> example_comparisons;
  std::vector<Picture> spies;
  std::vector<AnalysisResults> analyses;  // of the runs, and of the model itself
};

struct ReportContents {
  std::string title;
  std::string description;
  std::vector<StudyModelView> models;
  std::vector<std::pair<std::string, std::string>> provenance;
  std::string study_text;  // the study file, verbatim; empty: no study made this
};

// "wanda 50%", "sparsegpt 2:4"
std::string run_label(const RunRecord& run);

void write_report(const ReportContents& contents, const std::filesystem::path& target);

}  // namespace lacuna
