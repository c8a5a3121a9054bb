#include "lacuna/study/report/report_activations.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "lacuna/render/chart.hpp"

namespace lacuna {
namespace {

std::string short_names(const std::string& components) {  // "self_attn.q_proj,self_attn.k_proj" → "q_proj,k_proj"
  std::string text;
  std::string word;
  for (const char c : components + ",") {
    if (c == '.') {
      word.clear();
    } else if (c == ',') {
      text += (text.empty() ? "" : ",") + word;
      word.clear();
    } else {
      word += c;
    }
  }
  return text;
}

std::string readers_of(const AnalysisResults& results, int layer, const std::string& component) {
  for (const auto& input : results.inputs) {
    if (input.layer == layer && input.component == component) return short_names(input.components);
  }
  return component;
}

// What is left of the input's square norm, over the layers: one panel per input, one line per target.
void add_energy_chart(Page& page, const std::string& model, const AnalysisResults& results) {
  LineChart chart;
  chart.title = "What is left of the inputs below a threshold";
  chart.subtitle = model + ": share of the square norm that larger entries hold, by target sparsity";
  chart.y_title = "energy kept";
  chart.y_format = ValueFormat::percent;
  chart.series_title = "target sparsity";
  for (const auto& t : results.thresholds) {
    if (t.rule != "quantile" || !t.energy_kept) continue;
    const auto name = fmt::format("{:g} %", 100.0 * t.target);
    const auto panel = readers_of(results, t.layer, t.component);
    auto series =
        std::ranges::find_if(chart.series, [&](const LineSeries& s) { return s.name == name && s.panel == panel; });
    if (series == chart.series.end()) series = chart.series.insert(chart.series.end(), {name, panel, {}});
    series->points.push_back({static_cast<double>(t.layer), *t.energy_kept});
  }
  if (!chart.series.empty()) page.chart(line_chart(chart));
}

std::string input_name(const ActivationInputRecord& input) {
  return fmt::format("{} · {}", input.layer, short_names(input.components));
}

const ActivationThresholdRecord* find_threshold(const AnalysisResults& results, const ActivationInputRecord& input,
                                                const std::string& rule, double target) {
  for (const auto& t : results.thresholds) {
    if (t.layer == input.layer && t.component == input.component && t.rule == rule && t.target == target) return &t;
  }
  return nullptr;
}

std::set<double> quantile_targets(const AnalysisResults& results) {
  std::set<double> targets;
  for (const auto& t : results.thresholds) {
    if (t.rule == "quantile") targets.insert(t.target);
  }
  return targets;
}

// Two tables, because one of all columns would not fit a page.
void add_input_table(Page& page, const AnalysisResults& results) {
  const auto targets = quantile_targets(results);
  Table table;
  table.columns = {{"input"}, {"zeros", true}, {"|x| median", true}, {"max", true}};
  for (const double target : targets) table.columns.push_back({fmt::format("t at {:g} %", 100.0 * target), true});
  for (const auto& input : results.inputs) {
    double median = 0.0;
    for (const auto& q : results.quantiles) {
      if (q.layer == input.layer && q.component == input.component && q.q == 0.5) median = q.magnitude;
    }
    std::vector<Cell> row = {text_cell(input_name(input)), percent_cell(input.zero_share, 2), number_cell(median, 4),
                             number_cell(input.largest, 3)};
    for (const double target : targets) {
      const auto* found = find_threshold(results, input, "quantile", target);
      row.push_back(found == nullptr ? text_cell("–") : number_cell(found->threshold, 4));
    }
    table.rows.push_back(std::move(row));
  }
  page.table(table, "Inputs, and their thresholds by quantile");
}

void add_energy_table(Page& page, const AnalysisResults& results) {
  const auto targets = quantile_targets(results);
  Table table;
  table.columns = {{"input"}};
  for (const double target : targets) table.columns.push_back({fmt::format("energy at {:g} %", 100.0 * target), true});
  for (const double target : targets)
    table.columns.push_back({fmt::format("TEAL's t at {:g} %", 100.0 * target), true});
  for (const auto& input : results.inputs) {
    std::vector<Cell> row = {text_cell(input_name(input))};
    for (const double target : targets) {
      const auto* found = find_threshold(results, input, "quantile", target);
      const bool known = found != nullptr && found->energy_kept;
      row.push_back(known ? percent_cell(*found->energy_kept, 2) : text_cell("–"));
    }
    for (const double target : targets) {
      const auto* found = find_threshold(results, input, "teal", target);
      row.push_back(found == nullptr ? text_cell("–") : number_cell(found->threshold, 4));
    }
    table.rows.push_back(std::move(row));
  }
  page.table(table, "Energy kept, and the thresholds of TEAL's rule");
}

void add_overlaps(Page& page, const std::string& model, const AnalysisResults& results) {
  Table table;
  table.columns = {{"input"},         {"hot 80 %", true},   {"always", true}, {"never", true}, {"neighbours", true},
                   {"prompts", true}, {"independent", true}};
  BarChart chart;
  chart.title = "Which tokens share active features";
  chart.category_title = "input";
  chart.value_title = "Jaccard overlap of active sets";
  chart.series_title = "tokens";
  for (const auto& input : results.inputs) {
    if (!input.active_sparsity) continue;
    chart.subtitle =
        fmt::format("{}: features above the threshold of {:g} % sparsity", model, 100.0 * *input.active_sparsity);
    const auto name = input_name(input);
    chart.bars.push_back({name, "neighbours", input.overlap_neighbours.value_or(0.0)});
    chart.bars.push_back({name, "other prompts", input.overlap_prompts.value_or(0.0)});
    chart.bars.push_back({name, "independent (chance)", input.overlap_independent.value_or(0.0)});
    table.rows.push_back(
        {text_cell(name), percent_cell(input.hot_80.value_or(0.0)), percent_cell(input.always.value_or(0.0)),
         percent_cell(input.never.value_or(0.0)), number_cell(input.overlap_neighbours.value_or(0.0), 3),
         number_cell(input.overlap_prompts.value_or(0.0), 3), number_cell(input.overlap_independent.value_or(0.0), 3)});
  }
  if (table.rows.empty()) return;
  page.chart(bar_chart(chart));
  page.table(table, "Features that are active together");
  page.paragraph(
      "Hot 80 %: the share of features that makes up 80 % of all activations (80 % where all are alike). Independent "
      "is "
      "the overlap of features with these frequencies that know nothing of each other: chance.");
}

}  // namespace

void add_activation_section(Page& page, const StudyModelView& model) {
  bool first = true;
  for (const auto& results : model.analyses) {
    if (results.analysis.command != "activations" || results.inputs.empty()) continue;
    if (first) page.subsection("How sparse the inputs of the dense model can be");
    first = false;
    add_energy_chart(page, model.name, results);
    add_input_table(page, results);
    add_energy_table(page, results);
    add_overlaps(page, model.name, results);
  }
}

}  // namespace lacuna
