// Clusters beside chance: `lacuna cluster --json`.
#include <fmt/format.h>

#include "lacuna/cluster/run_mean.hpp"
#include "lacuna/render/structure_charts.hpp"
#include "lacuna/study/figures/figure_parts.hpp"

namespace lacuna {
namespace {

constexpr const char* kObserved = "observed";
constexpr const char* kChance = "chance";

RunMean read_mean(const JsonFields& fields) {
  return {fields.number("mean", 0, kAnyNumber), fields.number("std", 0, kAnyNumber)};
}

std::string row_name(std::int64_t k) { return fmt::format("k = {}", k); }

// What random masks give for one k, where the document says.
void add_chance(IntervalChart& chart, const JsonFields& document, const std::string& panel, std::int64_t k) {
  if (!document.has("null")) return;
  const auto null = document.object("null");
  const std::string key = fmt::format("separation_{}", k);
  if (!null.has(key.c_str())) return;
  const auto test = null.object(key.c_str());
  const RunMean chance = read_mean(test);
  const double p = test.number(test.has("p_holm") ? "p_holm" : "p", 0, 1);
  chart.intervals.push_back({panel, row_name(k), kChance, chance.mean, chance.std, p_text(p)});
}

struct Described {
  std::string on;         // "patterns", "weights"
  std::int64_t runs = 0;  // of each k
  std::optional<RecordedNull> null;
};

Described describe(const JsonFields& document) {
  Described described;
  described.on = document.text("on");
  for (const auto& entry : document.objects("summary")) described.runs = entry.integer("runs", 0, kAnyCount);
  described.null = recorded_null(document);
  return described;
}

std::string whiskers_text(const Described& described, bool chance) {
  std::string text = fmt::format("k-means of {}; mean and standard deviation over {} neighbourhood{}", described.on,
                                 described.runs, described.runs == 1 ? "" : "s");
  if (chance && described.null) text += "; chance: " + described.null->text() + ", p corrected by Holm's method";
  return text;
}

void place_titles(IntervalChart& chart, const std::string& what, const std::vector<std::string>& panels,
                  const FigureOptions& options) {
  chart.title = panels.size() == 1 ? what + " · " + panels.front() : what;
  if (!options.title.empty()) chart.title = options.title;
}

}  // namespace

Chart separation_figure(const std::vector<RecordedResult>& documents, const FigureOptions& options) {
  const std::string metric = chosen_metric(options, {"hamming", "euclidean"});
  IntervalChart chart;
  chart.value_title =
      fmt::format("separation: {} distance between / within clusters", metric == "hamming" ? "Hamming" : "Euclidean");
  chart.row_title = "clusters";
  chart.note_title = "p";
  chart.chance = kChance;
  std::vector<std::string> panels;
  for (const auto& document : documents) {
    read_figure_document(document, [&](const JsonFields& fields) {
      panels.push_back(matrix_name(fields));
      for (const auto& entry : fields.objects("summary")) {
        const auto k = entry.integer("k", 1, kAnyCount);
        const auto part = entry.object(metric.c_str());
        if (!part.has("separation")) continue;  // no run has a ratio: clusters without extent
        const RunMean mean = read_mean(part.object("separation"));
        chart.intervals.push_back({panels.back(), row_name(k), kObserved, mean.mean, mean.std, ""});
        if (metric == "hamming") add_chance(chart, fields, panels.back(), k);
      }
      chart.subtitle = whiskers_text(describe(fields), metric == "hamming");
    });
  }
  place_titles(chart, "Separation of clusters", panels, options);
  return interval_chart(chart);
}

Chart within_between_figure(const std::vector<RecordedResult>& documents, const FigureOptions& options) {
  const std::string metric = chosen_metric(options, {"hamming", "euclidean"});
  IntervalChart chart;
  chart.value_title = metric == "hamming" ? "mean Hamming distance (share of rows)" : "mean Euclidean distance";
  chart.row_title = "clusters";
  std::vector<std::string> panels;
  for (const auto& document : documents) {
    read_figure_document(document, [&](const JsonFields& fields) {
      panels.push_back(matrix_name(fields));
      for (const auto& entry : fields.objects("summary")) {
        const std::string row = row_name(entry.integer("k", 1, kAnyCount));
        const auto part = entry.object(metric.c_str());
        for (const char* side : {"within", "between"}) {
          const RunMean mean = read_mean(part.object(side));
          chart.intervals.push_back({panels.back(), row, std::string(side) + " clusters", mean.mean, mean.std, ""});
        }
      }
      chart.subtitle = whiskers_text(describe(fields), false);
    });
  }
  place_titles(chart, "Distances within and between clusters", panels, options);
  return interval_chart(chart);
}

}  // namespace lacuna
