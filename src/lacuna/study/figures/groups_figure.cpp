// Group metrics: `lacuna groups --json`. Each is in a unit of its own, so that all are shown in standard deviations of
// what chance gives.
#include <fmt/format.h>

#include "lacuna/render/structure_charts.hpp"
#include "lacuna/study/figures/figure_parts.hpp"

namespace lacuna {
namespace {

constexpr const char* kMetrics[] = {"zeros",      "ones",        "duplicates",
                                    "total_dups", "unique_rows", "mean_pairwise_distance"};
constexpr const char* kObserved = "observed";
constexpr const char* kChance = "chance";

void add_metrics(IntervalChart& chart, const std::string& panel, const JsonFields& null) {
  for (const char* metric : kMetrics) {
    if (!null.has(metric)) continue;
    const auto fields = null.object(metric);
    const auto test = recorded_test(fields);
    const std::string row = fmt::format("{} {:.4g}", metric, fields.number("observed", -kAnyNumber, kAnyNumber));
    if (test.z) chart.intervals.push_back({panel, row, kObserved, *test.z, 0.0, ""});
    chart.intervals.push_back(
        {panel, row, kChance, 0.0, 1.0, fmt::format("{:.4g} ± {:.2g}, {}", test.mean, test.std, p_text(test.p))});
  }
}

}  // namespace

Chart groups_figure(const std::vector<RecordedResult>& documents, const FigureOptions& options) {
  IntervalChart chart;
  read_figure_document(only_document(documents, "groups"), [&](const JsonFields& document) {
    const auto null = recorded_null(document);
    if (!null) {
      throw Error(ErrorCode::invalid_argument, "the document holds no null: group metrics are drawn beside chance")
          .hint("record it without --null 0");
    }
    add_metrics(chart, "", document.object("null"));
    if (chart.intervals.empty()) {
      throw Error(ErrorCode::corrupt_file, "null: expected statistics of group metrics (zeros, ones, …), got none");
    }
    chart.title = "Groups of features · " + matrix_name(document);
    chart.subtitle = fmt::format("{} groups, means over them; right: what {} give, p corrected by Holm's method",
                                 document.array("groups").size(), null->text());
  });
  chart.value_title = "standard deviations of chance from its mean";
  chart.row_title = "metric";
  chart.note_title = "by chance";
  chart.chance = kChance;
  if (!options.title.empty()) chart.title = options.title;
  return interval_chart(chart);
}

}  // namespace lacuna
