#include "lacuna/study/report_structure.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "lacuna/render/chart.hpp"
#include "lacuna/study/structure.hpp"

namespace lacuna {
namespace {

constexpr std::size_t kRowsShown = 40;

std::string statistic_label(const StructureRecord& record) {
  static const std::map<std::string, std::string> labels = {{"mean_distance", "pair distance"},
                                                            {"nearest_distance", "nearest distance"},
                                                            {"separation", "separation"},
                                                            {"coherence_stored", "coherence, stored"},
                                                            {"coherence_grouped", "coherence, grouped"}};
  const auto found = labels.find(record.statistic);
  return found == labels.end() ? record.statistic : found->second;
}

// One row per test, strongest first: by adjusted p, then by how many standard deviations it lies from chance.
void add_ranking(Page& page, const std::vector<StructureRecord>& records, const std::vector<std::string>& runs) {
  const auto adjusted = adjusted_p(records);
  std::vector<std::size_t> order(records.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    const double za = std::abs(records[a].z.value_or(0.0));
    const double zb = std::abs(records[b].z.value_or(0.0));
    return adjusted[a] != adjusted[b] ? adjusted[a] < adjusted[b] : za > zb;
  });
  Table table;
  table.columns = {{"run"},          {"matrix"},  {"statistic"},         {"observed", true},
                   {"chance", true}, {"z", true}, {"p, adjusted", true}, {"keeps"}};
  for (const auto i : order) {
    if (table.rows.size() == kRowsShown) break;
    const auto& r = records[i];
    table.rows.push_back({text_cell(runs[i]), text_cell(fmt::format("{}.{}", r.layer, r.component)),
                          text_cell(statistic_label(r)), number_cell(r.value, 4), number_cell(r.null_mean, 4),
                          r.z ? number_cell(*r.z, 1) : text_cell("–"), number_cell(adjusted[i], 4),
                          text_cell(r.null_model)});
  }
  page.table(table, "Which structure there is");
  page.paragraph(
      fmt::format("The {} strongest of {} tests; all are in the database, table structure. Chance is the mean over "
                  "random masks that keep "
                  "the density of every feature (columns), also that of every row (margins), or every N:M group "
                  "(pattern), each sent "
                  "through the whole procedure. p is corrected for all tests (Benjamini-Hochberg).",
                  table.rows.size(), records.size()));
}

// Mean over the measured matrices, by run.
void add_coherence_chart(Page& page, const StudyModelView& model) {
  BarChart chart;
  chart.title = "What a kernel could skip";
  chart.category_title = "run";
  chart.value_title = "rows of a block that are all zero, features grouped";
  chart.series_title = "mask";
  chart.value_format = ValueFormat::percent;
  std::int64_t block = 0;
  for (const auto& run : model.runs) {
    double observed = 0.0;
    double chance = 0.0;
    int n = 0;
    for (const auto& record : run.structure) {
      if (record.statistic != "coherence_grouped") continue;
      observed += record.value;
      chance += record.null_mean;
      block = record.block;
      ++n;
    }
    if (n == 0) continue;
    chart.bars.push_back({run_label(run.run), "pruned", observed / n});
    chart.bars.push_back({run_label(run.run), "chance", chance / n});
  }
  chart.subtitle = fmt::format("{}: blocks of {} features, mean over the measured matrices", model.name, block);
  if (!chart.bars.empty()) page.chart(bar_chart(chart));
}

}  // namespace

void add_structure_section(Page& page, const StudyModelView& model) {
  std::vector<StructureRecord> records;
  std::vector<std::string> runs;
  for (const auto& run : model.runs) {
    for (const auto& record : run.structure) {
      records.push_back(record);
      runs.push_back(run_label(run.run));
    }
  }
  if (records.empty()) return;
  page.subsection("Which structure the patterns have");
  page.paragraph(structure_verdict(records));
  add_coherence_chart(page, model);
  add_ranking(page, records, runs);
}

}  // namespace lacuna
