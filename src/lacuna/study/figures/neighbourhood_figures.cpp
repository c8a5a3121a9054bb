// Single neighbourhoods: sizes of their clusters, their patterns, their distances.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "lacuna/render/pattern_charts.hpp"
#include "lacuna/render/structure_charts.hpp"
#include "lacuna/study/figures/recorded_neighbourhood.hpp"

namespace lacuna {
namespace {

constexpr std::int64_t kMaxShownColumns = 256;
constexpr std::int64_t kMaxHeatMapFeatures = 256;

// Features in the order in which they are drawn, and how they are grouped.
struct Arranged {
  std::vector<std::int64_t> features;
  std::vector<FeatureGroupLabel> groups;
  std::string order;  // "by cluster"
  std::string about;  // for the subtitle
};

Arranged by_cluster_of(const JsonFields& document, const FigureOptions& options) {
  const auto runs = recorded_runs(document);
  const auto& run = chosen_run(runs, options);
  Arranged arranged;
  for (const auto position : by_cluster(run)) arranged.features.push_back(run.indices[position]);
  std::map<std::int64_t, std::int64_t> counts;
  for (const auto label : run.labels) ++counts[label];
  for (const auto& [label, count] : counts) arranged.groups.push_back({std::to_string(label + 1), count});
  arranged.order = "feature, by cluster";
  arranged.about = fmt::format("{} nearest features of feature {}, k-means with k = {}, seed {}", run.indices.size(),
                               run.feature, run.k, run.seed);
  return arranged;
}

Arranged by_distance_of(const JsonFields& document) {
  Arranged arranged;
  arranged.features = document.integers("indices", 0, kAnyCount);
  arranged.order = "feature, nearest first";
  arranged.about =
      fmt::format("feature {} and {} others, ordered by their distance to it",
                  document.integer("feature", 0, kAnyCount), std::max<std::size_t>(arranged.features.size(), 1) - 1);
  return arranged;
}

std::string title_of(const std::string& what, const JsonFields& document, const FigureOptions& options) {
  return options.title.empty() ? what + " · " + matrix_name(document) : options.title;
}

// As many rows as can be drawn, evenly spaced.
std::vector<std::vector<bool>> sampled(const RecordedPatterns& patterns, std::int64_t n_columns) {
  std::vector<std::vector<bool>> kept;
  for (const auto& line : patterns.kept) {
    auto& shown = kept.emplace_back();
    for (std::int64_t c = 0; c < n_columns; ++c)
      shown.push_back(line[static_cast<std::size_t>(c * patterns.rows / n_columns)]);
  }
  return kept;
}

PatternChart read_pattern(const JsonFields& document, const FigureOptions& options) {
  const auto arranged = document.has("runs") ? by_cluster_of(document, options) : by_distance_of(document);
  const auto n = static_cast<std::int64_t>(arranged.features.size());
  if (n > kMaxPatternCells) {
    throw Error(ErrorCode::limit_exceeded,
                fmt::format("indices: expected at most {} features, got {}", kMaxPatternCells, n));
  }
  const auto patterns = recorded_patterns(document, arranged.features);
  PatternChart chart;
  chart.n_columns = std::min({patterns.rows, kMaxShownColumns, kMaxPatternCells / std::max<std::int64_t>(n, 1)});
  chart.kept = sampled(patterns, chart.n_columns);
  chart.groups = arranged.groups;
  chart.title = title_of("Patterns", document, options);
  chart.subtitle = arranged.about;
  chart.feature_title = arranged.order;
  const bool rows = document.has("axis") && document.text("axis") == "rows";
  chart.column_title = rows ? "input feature (column of W)" : "output feature (row of W)";
  if (chart.n_columns < patterns.rows) {
    chart.column_title += fmt::format(": {} of {}, evenly spaced", chart.n_columns, patterns.rows);
  }
  return chart;
}

double measure_of(const std::vector<bool>& a, const std::vector<bool>& b, bool jaccard) {
  std::int64_t both = 0;
  std::int64_t either = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    both += static_cast<std::int64_t>(a[i] && b[i]);
    either += static_cast<std::int64_t>(a[i] || b[i]);
  }
  const auto whole = jaccard ? either : static_cast<std::int64_t>(a.size());
  const auto part = jaccard ? both : either - both;
  return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
}

HeatMapChart read_heat_map(const JsonFields& document, const FigureOptions& options) {
  const bool jaccard = chosen_metric(options, {"hamming", "jaccard"}) == "jaccard";
  const auto arranged = document.has("runs") ? by_cluster_of(document, options) : by_distance_of(document);
  HeatMapChart chart;
  chart.n = static_cast<std::int64_t>(arranged.features.size());
  if (chart.n > kMaxHeatMapFeatures) {
    throw Error(ErrorCode::limit_exceeded,
                fmt::format("a heat map: expected at most {} features, got {}", kMaxHeatMapFeatures, chart.n))
        .hint(fmt::format("record a smaller neighbourhood: --n {}", kMaxHeatMapFeatures));
  }
  const auto patterns = recorded_patterns(document, arranged.features);
  for (const auto& a : patterns.kept) {
    for (const auto& b : patterns.kept) chart.values.push_back(measure_of(a, b, jaccard));
  }
  chart.measure = jaccard ? "Jaccard similarity" : "Hamming distance";
  chart.title = title_of(jaccard ? "Similarity in a neighbourhood" : "Distances in a neighbourhood", document, options);
  chart.subtitle = arranged.about;
  chart.feature_title = arranged.order;
  chart.groups = arranged.groups;
  return chart;
}

ClusterSizeChart read_sizes(const JsonFields& document, const FigureOptions& options) {
  ClusterSizeChart chart;
  std::size_t runs = 0;
  for (const auto& run : recorded_runs(document)) {
    if (options.k && run.k != *options.k) continue;
    auto at = std::find_if(chart.sizes.begin(), chart.sizes.end(), [&](const auto& sizes) { return sizes.k == run.k; });
    if (at == chart.sizes.end()) at = chart.sizes.insert(at, {run.k, {}});
    at->runs.push_back(run.sizes);
    runs = std::max(runs, at->runs.size());
  }
  chart.title = title_of("Sizes of clusters", document, options);
  chart.subtitle = fmt::format(
      "bars: mean over {} neighbourhood{}; lines: from the least to the most; dashed: clusters of equal size", runs,
      runs == 1 ? "" : "s");
  return chart;
}

}  // namespace

Chart sizes_figure(const std::vector<RecordedResult>& documents, const FigureOptions& options) {
  return read_figure_document(only_document(documents, "sizes"), [&](const JsonFields& document) {
    return cluster_size_chart(read_sizes(document, options));
  });
}

Chart pattern_figure(const std::vector<RecordedResult>& documents, const FigureOptions& options) {
  return read_figure_document(only_document(documents, "pattern"), [&](const JsonFields& document) {
    return pattern_chart(read_pattern(document, options));
  });
}

Chart heatmap_figure(const std::vector<RecordedResult>& documents, const FigureOptions& options) {
  return read_figure_document(only_document(documents, "heatmap"), [&](const JsonFields& document) {
    return heat_map_chart(read_heat_map(document, options));
  });
}

}  // namespace lacuna
