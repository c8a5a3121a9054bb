// Distances to one feature, nearest first: `lacuna neighbours --json`, `lacuna gradient --json`.
#include <fmt/format.h>

#include <algorithm>

#include "lacuna/study/figures/figure_parts.hpp"

namespace lacuna {
namespace {

// "nearest 0.412, by chance 0.411 ± 0.087 (p = 0.40)"
std::string beside_chance(const JsonFields& document, const std::string& name, const char* key) {
  if (!document.has("null") || !document.object("null").has(key)) return "";
  const auto fields = document.object("null").object(key);
  const auto test = recorded_test(fields);
  return fmt::format("; {} {:.4f}, by chance {:.4f} ± {:.4f} ({})", name,
                     fields.number("observed", -kAnyNumber, kAnyNumber), test.mean, test.std, p_text(test.p));
}

LineSeries read_ranks(const JsonFields& document) {
  LineSeries series{fmt::format("feature {}", document.integer("feature", 0, kAnyCount)), "", {}};
  for (const double distance : document.numbers("distances", 0, 1)) {
    series.points.push_back({static_cast<double>(series.points.size()), distance});
  }
  if (!series.points.empty()) series.points.erase(series.points.begin());  // the feature itself
  return series;
}

Chart ranked_chart(LineChart chart, const FigureOptions& options) {
  chart.x_title = "rank of the feature by its distance";
  chart.y_title = "Hamming distance (share of rows)";
  chart.series_title = chart.series.size() > 1 ? "distance to" : "";
  if (!options.title.empty()) chart.title = options.title;
  return line_chart(chart);
}

}  // namespace

Chart neighbours_figure(const std::vector<RecordedResult>& documents, const FigureOptions& options) {
  LineChart chart;
  for (const auto& recorded : documents) {
    read_figure_document(recorded, [&](const JsonFields& document) {
      if (document.has("neighbours")) {
        for (const auto& entry : document.objects("neighbours")) chart.series.push_back(read_ranks(entry));
      } else {
        chart.series.push_back(read_ranks(document));
      }
      chart.title = "Nearest features · " + matrix_name(document);
      if (chart.series.size() == 1) chart.subtitle = fmt::format("to {}", chart.series.back().name);
      chart.subtitle +=
          beside_chance(document, "mean", "mean_distance") + beside_chance(document, "nearest", "nearest_distance");
    });
  }
  constexpr std::size_t kMostLines = 8;  // more would need colours that nobody can tell apart
  if (chart.series.size() > kMostLines) {
    throw Error(ErrorCode::limit_exceeded, fmt::format("figure neighbours: expected at most {} features, got {}",
                                                       kMostLines, chart.series.size()));
  }
  return ranked_chart(std::move(chart), options);
}

Chart gradient_figure(const std::vector<RecordedResult>& documents, const FigureOptions& options) {
  LineChart chart;
  read_figure_document(only_document(documents, "gradient"), [&](const JsonFields& document) {
    chart.series.push_back(read_ranks(document));
    chart.title = "Co-activation gradient · " + matrix_name(document);
    chart.subtitle =
        fmt::format("from {} to {} random others", chart.series.back().name, chart.series.back().points.size());
    chart.subtitle += beside_chance(document, "nearest", "min") + beside_chance(document, "farthest", "max");
  });
  return ranked_chart(std::move(chart), options);
}

}  // namespace lacuna
