// One run of `lacuna cluster --json`, and the patterns that --patterns adds. Internal to study.
//
//   "runs": [{"seed", "feature", "k", "labels", "indices", "sizes", …}], "axis",
//   "patterns": {"rows": ROWS, "packbits": {"FEATURE": HEXADECIMAL, …}}    numpy.packbits of each pattern
//
// Errors   Error{corrupt_file}: as json_fields.hpp says; Error{invalid_argument}: no run with the k asked for, or no
//          patterns in the document.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lacuna/study/figures/figure_parts.hpp"

namespace lacuna {

struct RecordedRun {
  std::int64_t k = 0;
  std::int64_t seed = 0;
  std::int64_t feature = 0;
  std::vector<std::int64_t> indices;
  std::vector<std::int64_t> labels;  // one per index, in [0, k)
  std::vector<std::int64_t> sizes;
};
std::vector<RecordedRun> recorded_runs(const JsonFields& document);
const RecordedRun& chosen_run(const std::vector<RecordedRun>& runs, const FigureOptions& options);

// Positions in run.indices by cluster, each cluster in the order of the document.
std::vector<std::size_t> by_cluster(const RecordedRun& run);

struct RecordedPatterns {
  std::int64_t rows = 0;
  std::vector<std::vector<bool>> kept;  // one line per feature asked for
};
RecordedPatterns recorded_patterns(const JsonFields& document, const std::vector<std::int64_t>& features);

}  // namespace lacuna
