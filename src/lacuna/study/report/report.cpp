// One function per part of the page, in the order of the page.
#include "lacuna/study/report/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "lacuna/prune/target.hpp"
#include "lacuna/render/chart.hpp"
#include "lacuna/study/analyses/ablation.hpp"
#include "lacuna/study/report/report_activations.hpp"
#include "lacuna/study/report/report_analyses.hpp"
#include "lacuna/study/report/report_clusters.hpp"
#include "lacuna/study/report/report_structure.hpp"
#include "lacuna/study/report/report_thresholds.hpp"

namespace lacuna {
namespace {

std::string pattern_label(const RunRecord& run) {
  return run.n == 0 ? "unstructured" : fmt::format("{}:{}", run.n, run.m);
}

std::string target_label(const RunRecord& run) { return SparsityTarget{run.sparsity, run.n, run.m}.label(); }

double measured_sparsity(const StudyRunView& run) {
  double zeros = 0.0;
  double total = 0.0;
  for (const auto& matrix : run.matrices) {
    const auto numel = static_cast<double>(matrix.rows * matrix.cols);
    zeros += matrix.sparsity * numel;
    total += numel;
  }
  return total > 0.0 ? zeros / total : 0.0;
}

std::set<std::string> datasets_of(const StudyModelView& model) {
  std::set<std::string> names;
  for (const auto& evaluation : model.evaluations) names.insert(evaluation.dataset);
  return names;
}

const EvaluationRecord* find_evaluation(const StudyModelView& model, const std::string& run_id,
                                        const std::string& dataset) {
  for (const auto& evaluation : model.evaluations) {
    if (evaluation.run_id == run_id && evaluation.dataset == dataset) return &evaluation;
  }
  return nullptr;
}

Cell optional_cell(const std::optional<double>& value, int decimals) {
  return value ? number_cell(*value, decimals) : text_cell("–");
}

void add_key_figures(Page& page, const StudyModelView& model) {
  std::vector<KeyFigure> figures;
  const auto datasets = datasets_of(model);
  figures.push_back({std::to_string(model.runs.size()), "pruned models", ""});
  if (!datasets.empty()) {
    const auto& dataset = *datasets.begin();
    if (const auto* dense = find_evaluation(model, "", dataset)) {
      figures.push_back({number_text(dense->perplexity, 2), "perplexity, dense",
                         dense->perplexity_stderr ? fmt::format("± {:.2f}", *dense->perplexity_stderr) : ""});
    }
    const StudyRunView* best = nullptr;
    double best_perplexity = 0.0;
    for (const auto& run : model.runs) {
      const auto* evaluation = find_evaluation(model, run.run.run_id, dataset);
      if (evaluation == nullptr || run.run.n != 0 || std::abs(run.run.sparsity - 0.5) > 1e-9) continue;
      if (best == nullptr || evaluation->perplexity < best_perplexity) {
        best = &run;
        best_perplexity = evaluation->perplexity;
      }
    }
    if (best != nullptr) {
      figures.push_back({number_text(best_perplexity, 2), "best perplexity at 50 % unstructured", best->run.method});
    }
  }
  page.key_figures(figures);
}

void add_runs_table(Page& page, const StudyModelView& model) {
  const auto datasets = datasets_of(model);
  Table table;
  table.columns = {{"run"}, {"sparsity", true}};
  for (const auto& dataset : datasets) {
    for (const char* measure : {"perplexity", "±", "KL (nats)", "top-1"}) {
      table.columns.push_back({fmt::format("{}{}", measure, datasets.size() > 1 ? " " + dataset : ""), true});
    }
  }
  const auto add_row = [&](const std::string& label, Cell sparsity, const std::string& run_id) {
    std::vector<Cell> row = {text_cell(label), std::move(sparsity)};
    for (const auto& dataset : datasets) {
      const auto* evaluation = find_evaluation(model, run_id, dataset);
      const EvaluationRecord none;
      const auto& e = evaluation != nullptr ? *evaluation : none;
      row.push_back(evaluation != nullptr ? number_cell(e.perplexity, 2) : text_cell("–"));
      row.push_back(optional_cell(e.perplexity_stderr, 2));
      row.push_back(optional_cell(e.kl_mean, 4));
      row.push_back(e.top1_agreement ? percent_cell(*e.top1_agreement) : text_cell("–"));
    }
    table.rows.push_back(std::move(row));
  };
  add_row("dense", percent_cell(0.0), "");
  for (const auto& run : model.runs) {
    add_row(run_label(run.run), percent_cell(measured_sparsity(run)), run.run.run_id);
  }
  page.table(table, "What each run costs");
  page.paragraph(
      "Sparsity is the measured share of exact zeros in the pruned matrices. ± is the standard error over windows. "
      "KL is the mean divergence from the dense model per token, top-1 the share of tokens with the same most "
      "likely successor.");
}

void add_perplexity_charts(Page& page, const StudyModelView& model) {
  for (const auto& dataset : datasets_of(model)) {
    PerplexityChart chart;
    const auto* dense = find_evaluation(model, "", dataset);
    if (dense != nullptr) chart.dense = dense->perplexity;
    for (const auto& run : model.runs) {
      const auto* evaluation = find_evaluation(model, run.run.run_id, dataset);
      if (evaluation == nullptr) continue;
      chart.points.push_back({run.run.method, pattern_label(run.run), measured_sparsity(run), evaluation->perplexity,
                              evaluation->perplexity_stderr.value_or(0.0)});
      chart.subtitle = fmt::format("{} on {}: {} windows of {} tokens", model.name, dataset, evaluation->windows,
                                   evaluation->seqlen);
    }
    if (!chart.points.empty()) page.chart(perplexity_chart(chart));
  }
}

// Mean relative error of each layer's matrices, for the runs of one target.
void add_error_chart(Page& page, const StudyModelView& model) {
  LineChart chart;
  chart.title = "What each layer loses";
  chart.subtitle =
      fmt::format("{}: mean over a layer's matrices; Wanda's values leave out correlations between inputs", model.name);
  chart.y_title = "relative error ‖(W−Ŵ)X‖² / ‖WX‖²";
  chart.series_title = "run";
  for (const auto& run : model.runs) {
    std::map<int, std::pair<double, int>> by_layer;
    for (const auto& matrix : run.matrices) {
      if (!matrix.relative_error) continue;
      by_layer[matrix.layer].first += *matrix.relative_error;
      by_layer[matrix.layer].second += 1;
    }
    if (by_layer.empty() || run.run.n != 0) continue;
    LineSeries series{run_label(run.run), run.run.method, {}};
    for (const auto& [layer, sum] : by_layer)
      series.points.push_back({static_cast<double>(layer), sum.first / sum.second});
    chart.series.push_back(std::move(series));
  }
  if (!chart.series.empty()) page.chart(line_chart(chart));
}

// Method × method, one panel per layer: the mean over the layer's matrices of the mean Jaccard of their features.
void add_similarity_charts(Page& page, const StudyModelView& model) {
  std::map<std::string, const RunRecord*> by_id;
  std::vector<std::string> targets;
  for (const auto& run : model.runs) {
    by_id[run.run.run_id] = &run.run;
    const auto target = target_label(run.run);
    if (std::find(targets.begin(), targets.end(), target) == targets.end()) targets.push_back(target);
  }
  for (const auto& target : targets) {
    std::vector<std::string> methods;
    for (const auto& run : model.runs) {
      if (target_label(run.run) == target) methods.push_back(run.run.method);
    }
    std::map<int, std::map<std::pair<std::string, std::string>, std::pair<double, int>>> sums;
    for (const auto& comparison : model.comparisons) {
      const auto a = by_id.find(comparison.a);
      const auto b = by_id.find(comparison.b);
      if (a == by_id.end() || b == by_id.end()) continue;
      if (target_label(*a->second) != target || target_label(*b->second) != target) continue;
      auto& sum = sums[comparison.layer][std::minmax(a->second->method, b->second->method)];
      sum.first += comparison.jaccard.mean;
      sum.second += 1;
    }
    if (sums.empty() || methods.size() < 2) continue;
    SimilarityChart chart;
    chart.title = fmt::format("Which weights methods agree on at {}", target);
    chart.subtitle = fmt::format("{}: mean Jaccard similarity of features, by layer", model.name);
    for (const auto& [layer, pairs] : sums) {
      SimilarityPanel panel{fmt::format("layer {}", layer), methods, {}};
      for (const auto& row : methods) {
        for (const auto& col : methods) {
          const auto found = pairs.find(std::minmax(row, col));
          const double value = row == col             ? 1.0
                               : found == pairs.end() ? std::nan("")
                                                      : found->second.first / found->second.second;
          panel.values.push_back(value);
        }
      }
      chart.panels.push_back(std::move(panel));
    }
    page.chart(similarity_chart(chart));
  }
}

// Each method against itself, across patterns and across sparsities.
void add_ablation_charts(Page& page, const StudyModelView& model) {
  std::vector<RunRecord> runs;
  for (const auto& run : model.runs) runs.push_back(run.run);
  const auto ablation = ablation_of(runs, model.comparisons, false);
  for (const char* across : {"patterns", "sparsities"}) {
    if (const auto chart = ablation_by_method_chart(ablation, across, AblationMeasure::jaccard)) page.chart(*chart);
  }
}

void add_feature_chart(Page& page, const StudyModelView& model) {
  if (model.example_comparisons.empty()) return;
  DistributionChart chart;
  chart.title = "How much single features agree";
  const auto& first = model.example_comparisons.front();
  chart.subtitle = fmt::format("{}, layer {} {}: Jaccard similarity of each feature's pattern", model.name, first.layer,
                               first.component);
  std::map<std::string, std::string> labels;
  for (const auto& run : model.runs) labels[run.run.run_id] = run_label(run.run);
  for (std::size_t i = 0; i < model.example_comparisons.size(); ++i) {
    const auto& comparison = model.example_comparisons[i];
    const auto& values = model.example_features[i].jaccard;
    chart.distributions.push_back({fmt::format("{} and {}", labels[comparison.a], labels[comparison.b]), values});
  }
  page.chart(distribution_chart(chart));
}

}  // namespace

std::string run_label(const RunRecord& run) { return fmt::format("{} {}", run.method, target_label(run)); }

void write_report(const ReportContents& contents, const std::filesystem::path& target) {
  Page page(contents.title, contents.description);
  for (const auto& model : contents.models) {
    page.section(model.name);
    if (!model.runs.empty() || !model.evaluations.empty()) {
      add_key_figures(page, model);
      page.subsection("What pruning costs");
      add_perplexity_charts(page, model);
      add_runs_table(page, model);
      add_error_chart(page, model);
    }
    if (!model.comparisons.empty()) {
      page.subsection("What the methods keep");
      add_similarity_charts(page, model);
      add_ablation_charts(page, model);
      add_feature_chart(page, model);
    }
    add_structure_section(page, model);
    add_cluster_section(page, model);
    add_coherence_section(page, model);
    add_analysis_section(page, model);
    add_activation_section(page, model);
    add_threshold_section(page, model);
    if (!model.spies.empty()) {
      page.subsection("How the patterns look");
      page.gallery(model.spies);
    }
  }
  page.section("How this was made");
  page.key_values(contents.provenance);
  if (!contents.study_text.empty()) {
    page.paragraph("The study file, from which `lacuna study` makes all of this again:");
    page.code(contents.study_text);
  }
  page.write(target);
}

}  // namespace lacuna
