#include "lacuna/study/report/report_structure.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "lacuna/render/chart.hpp"
#include "lacuna/study/analyses/structure.hpp"
#include "lacuna/study/report/findings.hpp"

namespace lacuna {
namespace {

constexpr std::size_t kRowsShown = 40;

std::string place(const Finding& f) { return f.layer < 0 ? f.component : fmt::format("{}.{}", f.layer, f.component); }

Cell z_cell(const Finding& f) { return f.z ? number_cell(*f.z, 1) : text_cell("–"); }

// One row per test, strongest first.
void add_ranking(Page& page, std::span<const Finding> findings) {
  Table table;
  table.columns = {{"run"},          {"matrix"},  {"statistic"},         {"observed", true},
                   {"chance", true}, {"z", true}, {"p, adjusted", true}, {"keeps"}};
  for (const auto& f : findings.subspan(0, std::min(kRowsShown, findings.size()))) {
    table.rows.push_back({text_cell(f.run), text_cell(place(f)), text_cell(f.statistic), number_cell(f.value, 4),
                          number_cell(f.null_mean, 4), z_cell(f), number_cell(f.adjusted, 4), text_cell(f.null_model)});
  }
  page.table(table, "Which structure there is");
  page.paragraph(
      fmt::format("The {} strongest of {} tests; all are in the database, tables structure and analysis_statistics. "
                  "Chance is the mean over random masks that keep the density of every feature (columns), also that of "
                  "every row (margins), or every N:M group (pattern), each sent through the whole procedure. p is "
                  "corrected for all tests (Benjamini-Hochberg).",
                  table.rows.size(), findings.size()));
  page.paragraph(finding_floor(findings).text());
}

void add_groups(Page& page, std::span<const FindingGroup> groups) {
  Table table;
  table.columns = {{"projection"}, {"method"}, {"tests", true}, {"find structure", true}, {"what it is"}};
  for (const auto& group : groups) {
    table.rows.push_back({text_cell(group.projection), text_cell(group.method), count_cell(group.tests),
                          count_cell(group.found), text_cell(group.interpretation)});
  }
  page.table(table, "By projection and method, most structure first");
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
  for (const auto& run : model.runs) records.insert(records.end(), run.structure.begin(), run.structure.end());
  const auto findings = collect_findings(std::span(&model, 1));
  if (findings.empty()) return;
  page.subsection("Which structure the patterns have");
  if (!records.empty()) page.paragraph(structure_verdict(records));
  add_groups(page, group_findings(findings));
  add_coherence_chart(page, model);
  add_ranking(page, findings);
}

}  // namespace lacuna
