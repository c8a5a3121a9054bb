#include "lacuna/study/report/report_clusters.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "lacuna/cluster/run_mean.hpp"
#include "lacuna/render/structure_charts.hpp"

namespace lacuna {
namespace {

std::string label_of(const StudyModelView& model, const AnalysisRecord& analysis) {
  for (const auto& run : model.runs) {
    if (run.run.run_id == analysis.run_id) return run_label(run.run);
  }
  return std::filesystem::path(analysis.source).filename().string();
}

std::string place_of(const AnalysisRecord& a) {
  return a.layer < 0 ? a.component : fmt::format("layer {} {}", a.layer, a.component);
}

std::string short_place(const AnalysisRecord& a) {
  const auto dot = a.component.rfind('.');
  const auto projection = dot == std::string::npos ? a.component : a.component.substr(dot + 1);
  return a.layer < 0 ? projection : fmt::format("{}.{}", a.layer, projection);
}

Cell optional_cell(const std::optional<double>& value, int decimals) {
  return value ? number_cell(*value, decimals) : text_cell("–");
}

const StatisticRecord* find_statistic(const AnalysisResults& results, const std::string& name) {
  for (const auto& s : results.statistics) {
    if (s.statistic == name) return &s;
  }
  return nullptr;
}

struct ClusterSummary {
  int k = 0;
  std::vector<double> within, between, separation, euclidean, sizes;
};

std::vector<ClusterSummary> summarise(const AnalysisResults& results) {
  std::map<int, ClusterSummary> by_k;
  for (const auto& run : results.clusters) {
    auto& s = by_k[run.k];
    s.k = run.k;
    s.within.push_back(run.hamming_within);
    s.between.push_back(run.hamming_between);
    if (run.hamming_separation) s.separation.push_back(*run.hamming_separation);
    if (run.euclidean_separation) s.euclidean.push_back(*run.euclidean_separation);
    for (const auto size : run.sizes) s.sizes.push_back(static_cast<double>(size));
  }
  std::vector<ClusterSummary> summaries;
  for (auto& [k, summary] : by_k) summaries.push_back(std::move(summary));
  return summaries;
}

std::vector<const AnalysisResults*> of_command(const StudyModelView& model, const char* command) {
  std::vector<const AnalysisResults*> found;
  for (const auto& results : model.analyses) {
    if (results.analysis.command == command) found.push_back(&results);
  }
  return found;
}

// One chart a matrix: a row per run and k.
void add_separation_charts(Page& page, const StudyModelView& model, const std::vector<const AnalysisResults*>& all) {
  std::vector<std::string> places;
  for (const auto* results : all) {
    const auto place = place_of(results->analysis);
    if (std::ranges::find(places, place) == places.end()) places.push_back(place);
  }
  for (const auto& place : places) {
    IntervalChart chart;
    chart.title = "Separation of clusters beside chance";
    chart.subtitle = fmt::format("{}, {}: nearest features of random features, Hamming distance", model.name, place);
    chart.value_title = "separation (between / within)";
    chart.row_title = "run";
    chart.chance = "chance";
    for (const auto* results : all) {
      if (place_of(results->analysis) != place) continue;
      for (const auto& s : summarise(*results)) {
        const auto* statistic = find_statistic(*results, fmt::format("separation_{}", s.k));
        const auto m = mean_of_runs(s.separation);
        const auto panel = fmt::format("k = {}", s.k);
        const auto row = label_of(model, results->analysis);
        chart.intervals.push_back({panel, row, "observed", m.mean, m.std, ""});
        if (statistic == nullptr || !statistic->null_mean) continue;
        chart.intervals.push_back({panel, row, "chance", *statistic->null_mean, statistic->null_std.value_or(0.0), ""});
      }
    }
    std::ranges::stable_sort(chart.intervals, {}, [](const Interval& i) { return std::stoi(i.panel.substr(4)); });
    page.chart(interval_chart(chart));
  }
}

void add_cluster_table(Page& page, const StudyModelView& model, const std::vector<const AnalysisResults*>& all) {
  Table table;
  table.columns = {{"run"},           {"matrix"},          {"k", true},        {"separation ± seeds", true},
                   {"chance", true},  {"z", true},         {"p (Holm)", true}, {"within", true},
                   {"between", true}, {"euclidean", true}, {"sizes ±", true}};
  for (const auto* results : all) {
    for (const auto& s : summarise(*results)) {
      const auto* t = find_statistic(*results, fmt::format("separation_{}", s.k));
      const auto of_test = [&](std::optional<double> StatisticRecord::* field, int decimals) {
        return t == nullptr ? text_cell("–") : optional_cell(t->*field, decimals);
      };
      const auto separation = mean_of_runs(s.separation);
      table.rows.push_back({text_cell(label_of(model, results->analysis)),
                            text_cell(short_place(results->analysis)),
                            count_cell(s.k),
                            {fmt::format("{:.4f} ± {:.4f}", separation.mean, separation.std), separation.mean},
                            of_test(&StatisticRecord::null_mean, 4),
                            of_test(&StatisticRecord::z, 1),
                            of_test(&StatisticRecord::p_holm, 4),
                            number_cell(mean_of_runs(s.within).mean, 4),
                            number_cell(mean_of_runs(s.between).mean, 4),
                            number_cell(mean_of_runs(s.euclidean).mean, 3),
                            number_cell(mean_of_runs(s.sizes).std, 1)});
    }
  }
  page.table(table, "Clusters of the nearest features");
}

struct OrderOf {
  std::string name = "?";
  std::int64_t block = 0;
};

OrderOf order_of(const AnalysisRecord& analysis) {
  OrderOf order;
  const auto json = nlohmann::json::parse(analysis.options_json, nullptr, false);
  if (!json.is_object()) return order;
  if (json.contains("order") && json["order"].is_string()) order.name = json["order"].get<std::string>();
  if (json.contains("block") && json["block"].is_number_integer()) order.block = json["block"].get<std::int64_t>();
  return order;
}

}  // namespace

void add_cluster_section(Page& page, const StudyModelView& model) {
  const auto all = of_command(model, "cluster");
  if (all.empty()) return;
  page.subsection("Do features fall into clusters?");
  add_separation_charts(page, model, all);
  add_cluster_table(page, model, all);
  page.paragraph(
      "Separation is the mean distance between clusters over that within them; 1 means none. k-means finds some in any "
      "set of points: each random mask went through the same choice of features, neighbours and clusters. ± is the "
      "standard deviation over the seeds of a run; p is corrected for the numbers of clusters of one matrix (Holm).");
}

void add_coherence_section(Page& page, const StudyModelView& model) {
  const auto all = of_command(model, "coherence");
  if (all.empty()) return;
  page.subsection("Does an order of the features help a block kernel?");
  IntervalChart chart;
  chart.title = "Coherence of blocks beside chance";
  chart.subtitle = model.name + ": share of rows that are zero in all features of a block";
  chart.value_title = "coherence (share of rows)";
  chart.row_title = "run and matrix";
  chart.chance = "chance";
  Table table;
  table.columns = {{"run"},          {"matrix"},  {"order"},   {"block", true},       {"coherence", true},
                   {"chance", true}, {"z", true}, {"p", true}, {"independent", true}, {"skipped", true}};
  for (const auto* results : all) {
    const auto* mean = find_statistic(*results, "mean");
    const auto* independent = find_statistic(*results, "expected_independent");
    const auto* skipped = find_statistic(*results, "skipped");
    if (mean == nullptr) continue;
    const auto order = order_of(results->analysis);
    const auto run = label_of(model, results->analysis);
    const auto row = fmt::format("{}, {}", run, place_of(results->analysis));
    const auto panel = fmt::format("order {}", order.name);
    chart.intervals.push_back({panel, row, "observed", mean->value, 0.0, ""});
    if (mean->null_mean)
      chart.intervals.push_back({panel, row, "chance", *mean->null_mean, mean->null_std.value_or(0.0), ""});
    table.rows.push_back({text_cell(run), text_cell(short_place(results->analysis)), text_cell(order.name),
                          count_cell(order.block), percent_cell(mean->value, 2),
                          mean->null_mean ? percent_cell(*mean->null_mean, 2) : text_cell("–"),
                          optional_cell(mean->z, 1), optional_cell(mean->p, 4),
                          independent == nullptr ? text_cell("–") : percent_cell(independent->value, 2),
                          skipped == nullptr ? text_cell("–") : percent_cell(skipped->value, 2)});
  }
  std::ranges::stable_sort(chart.intervals, {}, &Interval::panel);
  page.chart(interval_chart(chart));
  page.table(table, "Coherence under each order");
  page.paragraph(
      "Every random mask was ordered anew in the same way. Independent is (1 − density) to the power of the block; "
      "skipped is the share of the matrix that a block kernel need not read.");
}

}  // namespace lacuna
