#include "lacuna/study/figures/figures.hpp"

#include <fmt/format.h>

#include <array>

#include "lacuna/study/figures/figure_parts.hpp"

namespace lacuna {
namespace {

using Draw = Chart (*)(const std::vector<FigureDocument>&, const FigureOptions&);

struct Entry {
  FigureKind kind;
  Draw draw;
};

constexpr std::array kEntries = {
    Entry{{"distances", "distances of all pairs of features, beside chance", "pairs --json", ""}, distances_figure},
    Entry{{"separation", "how far apart clusters are, beside chance", "cluster --json", "hamming,euclidean"},
          separation_figure},
    Entry{{"within-between", "distances inside clusters and between them", "cluster --json", "hamming,euclidean"},
          within_between_figure},
};

std::string names() {
  std::string text;
  for (const auto& entry : kEntries) text += (text.empty() ? "" : ", ") + std::string(entry.kind.name);
  return text;
}

}  // namespace

const std::vector<FigureKind>& figure_kinds() {
  static const std::vector<FigureKind> kKinds = [] {
    std::vector<FigureKind> kinds;
    for (const auto& entry : kEntries) kinds.push_back(entry.kind);
    return kinds;
  }();
  return kKinds;
}

Chart draw_figure(std::string_view kind, const std::vector<RecordedResult>& results, const FigureOptions& options) {
  for (const auto& entry : kEntries) {
    if (entry.kind.name != kind) continue;
    if (!options.metric.empty() && entry.kind.metrics.empty()) {
      throw Error(ErrorCode::invalid_argument, fmt::format("figure {} has no choice of --metric", kind));
    }
    if (results.empty()) throw Error(ErrorCode::invalid_argument, fmt::format("figure {} needs a document", kind));
    std::vector<FigureDocument> documents;
    for (const auto& result : results) {
      documents.push_back({result.name, parse_json_document(result.name, result.json)});
    }
    return entry.draw(documents, options);
  }
  throw Error(ErrorCode::invalid_argument, fmt::format("figure: expected {}, got '{}'", names(), kind));
}

}  // namespace lacuna
