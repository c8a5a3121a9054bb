// Figures of recorded results: the documents that Lacuna's commands print with --json become charts.
//
//   neighbours, gradient, distances, groups, coherence, tsne   `lacuna neighbours`, `gradient`, `pairs`, …
//   separation, within-between, sizes                          `lacuna cluster`
//   heatmap, pattern                                           `lacuna cluster --patterns`, `gradient --patterns`
//   sparsity, frequency                                        `lacuna activations`
//   thresholds                                                 `lacuna threshold`
//   ablation, ablation-patterns, ablation-sparsities           `lacuna ablate`
//
// So every figure can be made again from the document it was made of. A document may come from a stranger: every field
// that is drawn is checked, fields that are not are ignored. Several documents (matrices, orders, models) may share one
// figure where that makes sense.
//
// Errors   Error{invalid_argument}: no such figure, an option that the figure does not know, or several documents where
//          one is drawn; Error{corrupt_file}: the document's name, the path of the field, what was expected there and
//          what was found.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lacuna/render/chart.hpp"

namespace lacuna {

struct RecordedResult {
  std::string name;  // of the file, for messages
  std::string json;
};

struct FigureOptions {
  std::string title;              // in place of the figure's own; may be empty
  std::string metric;             // empty: the figure's default
  std::optional<std::int64_t> k;  // of the clusters drawn; absent: the first in the document
  std::int64_t run = 0;           // which of the runs with this k, from 0
};

struct FigureKind {
  std::string_view name;     // "separation"
  std::string_view what;     // for people: what it shows
  std::string_view command;  // whose document it draws: "cluster --json"
  std::string_view metrics;  // comma-separated, the default first; may be empty
};
const std::vector<FigureKind>& figure_kinds();

Chart draw_figure(std::string_view kind, const std::vector<RecordedResult>& results, const FigureOptions& options);

}  // namespace lacuna
