// Running a study: texts, pruning, evaluation, comparison, pictures, report; each step skipped where its result is
// there.
//
// What counts as done: a text, a pruned model or a picture that exists; a record in the database with the same keys. A
// pruned model made from another recipe is an error, not something to overwrite. An interrupted prune is resumed.
//
// Errors  those of every step, with the step's place; interrupted.
#pragma once

#include <filesystem>

#include "lacuna/core/run_context.hpp"
#include "lacuna/study/records.hpp"
#include "lacuna/study/study_file.hpp"

namespace lacuna {

struct StudyRunResult {
  std::filesystem::path report;
  int models_pruned = 0;  // in this run of the study
  int evaluations_made = 0;
  int comparisons_made = 0;
  int structures_measured = 0;  // matrices
  int analyses_made = 0;
  int steps_skipped = 0;  // done before
};

// `out` exists. Records go to `sink`; what is there already is read from `source` (one database is both).
StudyRunResult run_study(const Study& study, const std::filesystem::path& out, ResultSink& sink, ResultSource& source,
                         const RunContext& context);

}  // namespace lacuna
