#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <set>

#include "lacuna/prune/target.hpp"
#include "lacuna/study/analyses/ablation.hpp"

namespace lacuna {
namespace {

double value_of(const AblationPair& pair, AblationMeasure measure) {
  if (measure == AblationMeasure::cosine) return pair.cosine.mean;
  return measure == AblationMeasure::jaccard ? pair.jaccard.mean : pair.hamming.mean;
}

const char* measure_name(AblationMeasure measure) {
  constexpr const char* kNames[] = {"Jaccard similarity", "cosine similarity", "Hamming distance"};
  return kNames[static_cast<int>(measure)];
}

// "50%", "2:4"
std::string target_name(const AblationVariant& variant) {
  return SparsityTarget{variant.sparsity.value_or(0.0), variant.n, variant.m}.label();
}

bool equal_sparsity(const Ablation& ablation, const AblationPair& pair) {
  return ablation.variants[pair.a].sparsity == ablation.variants[pair.b].sparsity;
}

}  // namespace

Chart ablation_chart(const Ablation& ablation, AblationMeasure measure, const std::string& title) {
  SimilarityChart chart;
  chart.title = title.empty() ? "Variants against each other" : title;
  chart.measure = measure_name(measure);
  chart.subtitle = "mean over layers of the mean over features, by projection; empty: not compared";
  const std::size_t n = ablation.variants.size();
  for (const auto& pair : ablation.pairs) {
    auto panel = std::ranges::find(chart.panels, pair.projection, &SimilarityPanel::name);
    if (panel == chart.panels.end()) {
      panel = chart.panels.insert(chart.panels.end(), SimilarityPanel{pair.projection, {}, {}});
      for (const auto& variant : ablation.variants) panel->labels.push_back(variant.label);
      panel->values.assign(n * n, std::numeric_limits<double>::quiet_NaN());
      const double same = measure == AblationMeasure::hamming ? 0.0 : 1.0;
      for (std::size_t i = 0; i < n; ++i) panel->values[i * n + i] = same;
    }
    panel->values[pair.a * n + pair.b] = panel->values[pair.b * n + pair.a] = value_of(pair, measure);
  }
  return similarity_chart(chart);
}

std::optional<Chart> ablation_by_method_chart(const Ablation& ablation, const std::string& across,
                                              AblationMeasure measure, const std::string& title) {
  struct Panel {
    std::string name;
    std::map<std::pair<std::string, std::string>, double> values;  // by method, pair of targets
  };
  // 50% and 2:4 rather than 30% and 2:4, where both were compared.
  const bool equals_only = std::ranges::any_of(ablation.pairs, [&](const AblationPair& pair) {
    return pair.across == across && equal_sparsity(ablation, pair);
  });
  std::vector<Panel> panels;
  std::vector<std::string> columns;
  std::set<std::string> methods;
  for (const auto& pair : ablation.pairs) {
    if (pair.across != across || (equals_only && !equal_sparsity(ablation, pair))) continue;
    if (panels.empty() || panels.back().name != pair.projection) panels.push_back({pair.projection, {}});
    const auto& a = ablation.variants[pair.a];
    auto names = std::pair(target_name(a), target_name(ablation.variants[pair.b]));
    if (a.m != 0 && ablation.variants[pair.b].m == 0) std::swap(names.first, names.second);
    const auto column = fmt::format("{} and {}", names.first, names.second);
    if (std::ranges::find(columns, column) == columns.end()) columns.push_back(column);
    methods.insert(a.method);
    panels.back().values[{a.method, column}] = value_of(pair, measure);
  }
  if (panels.empty()) return std::nullopt;
  SimilarityChart chart;
  chart.title = title.empty() ? fmt::format("What methods keep across {}", across) : title;
  chart.measure = measure_name(measure);
  chart.subtitle = "each method against itself; mean over layers of the mean over features, by projection";
  if (measure == AblationMeasure::hamming) chart.low = 0.0;
  for (const auto& panel : panels) {
    SimilarityPanel map{panel.name, {methods.begin(), methods.end()}, {}, columns};
    for (const auto& method : map.labels) {
      for (const auto& column : columns) {
        const auto found = panel.values.find({method, column});
        map.values.push_back(found == panel.values.end() ? std::numeric_limits<double>::quiet_NaN() : found->second);
      }
    }
    chart.panels.push_back(std::move(map));
  }
  return similarity_chart(chart);
}

}  // namespace lacuna
