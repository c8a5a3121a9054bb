// What a study's report shows of one model: the records a study left, and the pictures, drawn here.
//
// Errors   bad_study_file: a spy entry that names no matrix; those of the sources and writers.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "lacuna/core/run_context.hpp"
#include "lacuna/study/records.hpp"
#include "lacuna/study/report/report.hpp"
#include "lacuna/study/study_file.hpp"

namespace lacuna {

struct PrunedModel {
  RunRecord run;
  std::filesystem::path folder;
};

struct StudyViewRequest {
  const Study& study;
  const StudyModel& model;
  const std::filesystem::path& out;
  const std::vector<PrunedModel>& runs;
  const std::set<std::string>& text_digests;  // of the evaluations that belong to the study
  const std::vector<std::string>& analyses;   // their ids
};

StudyModelView study_view(const StudyViewRequest& request, ResultSource& source, const RunContext& context);

// How the study was made, for the end of the report.
std::vector<std::pair<std::string, std::string>> study_provenance(const Study& study);

}  // namespace lacuna
