#include "lacuna/study/report/findings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "lacuna/cluster/coherence.hpp"
#include "lacuna/cluster/null_test.hpp"

namespace lacuna {
namespace {

constexpr double kFound = 0.05;  // share of false findings among the findings

std::string structure_label(const std::string& statistic) {
  static const std::map<std::string, std::string> labels = {{"mean_distance", "pair distance"},
                                                            {"nearest_distance", "nearest distance"},
                                                            {"separation", "separation, k = 8"},
                                                            {"coherence_stored", "coherence, stored"},
                                                            {"coherence_grouped", "coherence, groups"}};
  const auto found = labels.find(statistic);
  return found == labels.end() ? statistic : found->second;
}

std::string analysis_label(const AnalysisRecord& analysis, const std::string& statistic) {
  if (analysis.command == "cluster" && statistic.starts_with("separation_")) {
    return "separation, k = " + statistic.substr(std::string("separation_").size());
  }
  if (analysis.command == "coherence" && statistic == "mean") {
    const auto options = nlohmann::json::parse(analysis.options_json, nullptr, false);
    if (options.is_object() && options.contains("order") && options["order"].is_string())
      return "coherence, " + options["order"].get<std::string>();
  }
  return fmt::format("{}, {}", analysis.command, statistic);
}

void add_structure(const std::string& model, const StudyRunView& run, std::vector<Finding>& findings) {
  for (const auto& r : run.structure) {
    findings.push_back({model, run.run.method, run_label(run.run), r.layer, r.component, structure_label(r.statistic),
                        r.value, r.null_model, r.draws, r.null_mean, r.null_std, r.z, r.p});
  }
}

// A study that measures structure and coherence with the same block, seed and draws makes some tests twice.
bool is_same_test(const Finding& a, const Finding& b) {
  return a.run == b.run && a.layer == b.layer && a.component == b.component && a.statistic == b.statistic &&
         a.value == b.value && a.null_model == b.null_model && a.draws == b.draws && a.null_mean == b.null_mean;
}

void add_analysis(const StudyModelView& model, const AnalysisResults& results, std::vector<Finding>& findings) {
  const auto& a = results.analysis;
  Finding base;
  base.model = model.name;
  base.run = std::filesystem::path(a.source).filename().string();
  for (const auto& run : model.runs) {
    if (run.run.run_id != a.run_id) continue;
    base.method = run.run.method;
    base.run = run_label(run.run);
  }
  base.layer = a.layer;
  base.component = a.component;
  for (const auto& s : results.statistics) {
    if (!s.p || !s.null_mean) continue;
    Finding finding = base;
    finding.statistic = analysis_label(a, s.statistic);
    finding.value = s.value;
    finding.null_model = s.null_model;
    finding.draws = s.draws;
    finding.null_mean = *s.null_mean;
    finding.null_std = s.null_std.value_or(0.0);
    finding.z = s.z;
    finding.p = *s.p;
    const bool known = std::ranges::any_of(findings, [&](const Finding& f) { return is_same_test(f, finding); });
    if (!known) findings.push_back(std::move(finding));
  }
}

bool is_stronger(const Finding& a, const Finding& b) {
  if (a.adjusted != b.adjusted) return a.adjusted < b.adjusted;
  return std::abs(a.z.value_or(0.0)) > std::abs(b.z.value_or(0.0));
}

std::string projection_of(const std::string& component) {
  const auto dot = component.rfind('.');
  return dot == std::string::npos ? component : component.substr(dot + 1);
}

// What the size of the effect means, beside its significance.
std::string effect_text(const Finding& f) {
  if (f.statistic.starts_with("coherence")) {
    return fmt::format("{:.2f} % of the rows of a block are zero instead of {:.2f} %, {}", 100.0 * f.value,
                       100.0 * f.null_mean,
                       has_block_structure(f.value) ? "enough for a kernel that skips blocks"
                                                    : "too little for a kernel that skips blocks");
  }
  const double change = f.null_mean == 0.0 ? 0.0 : 100.0 * (f.value - f.null_mean) / std::abs(f.null_mean);
  return fmt::format("{:.4g} instead of {:.4g} by chance, {:+.1f} %{}", f.value, f.null_mean, change,
                     std::abs(change) < 1.0 ? ": real, but small" : "");
}

std::string interpret(const FindingGroup& group) {
  const auto& s = group.strongest;
  if (group.found == 0) {
    return fmt::format("None of {} tests finds more structure than chance gives (least adjusted p {:.3g}: {} of {}).",
                       group.tests, s.adjusted, s.statistic, s.run);
  }
  return fmt::format(
      "{} of {} tests find more structure than chance gives. The strongest is {} of {}, layer {}: {} (adjusted p {:.2g}"
      "{}).",
      group.found, group.tests, s.statistic, s.run, s.layer, effect_text(s), s.adjusted,
      s.z ? fmt::format(", z {:.1f}", *s.z) : "");
}

}  // namespace

std::vector<Finding> collect_findings(std::span<const StudyModelView> models) {
  std::vector<Finding> findings;
  for (const auto& model : models) {
    for (const auto& run : model.runs) add_structure(model.name, run, findings);
    for (const auto& analysis : model.analyses) add_analysis(model, analysis, findings);
  }
  std::vector<double> p;
  for (const auto& finding : findings) p.push_back(finding.p);
  const auto adjusted = benjamini_hochberg(p);
  for (std::size_t i = 0; i < findings.size(); ++i) {
    findings[i].adjusted = adjusted[i];
    findings[i].found = findings[i].z.has_value() && adjusted[i] <= kFound;
  }
  std::ranges::stable_sort(findings, is_stronger);
  return findings;
}

FindingFloor finding_floor(std::span<const Finding> findings) {
  FindingFloor floor;
  floor.tests = findings.size();
  for (const auto& f : findings) {
    const double smallest = 1.0 / static_cast<double>(1 + f.draws);
    floor.draws = std::max(floor.draws, f.draws);
    floor.at_floor += f.z.has_value() && f.p < 1.5 * smallest ? 1 : 0;  // the next p is twice as large
  }
  const auto tests = static_cast<double>(floor.tests);
  floor.smallest_p = 1.0 / static_cast<double>(1 + floor.draws);
  floor.smallest_alone = std::min(1.0, floor.smallest_p * tests);
  floor.draws_needed = static_cast<std::int64_t>(std::ceil(tests / kFound)) - 1;
  return floor;
}

std::string FindingFloor::text() const {
  if (tests == 0) return {};
  std::string words = fmt::format(
      "With {} draws no p is below 1/{} = {:.2g}. Corrected for {} tests, it is {:.2g} where one test "
      "alone gets there{}, and less the more do. ",
      draws, draws + 1, smallest_p, tests, smallest_alone,
      smallest_alone > kFound ? fmt::format(" ({} draws would make that {:g})", draws_needed, kFound) : "");
  if (at_floor == 0) return words + "No test is at its floor.";
  return words + fmt::format(
                     "{} of {} {} at the floor: no draw reached what was observed, p tells such tests apart no "
                     "longer, and their order is that of |z|.",
                     at_floor, tests, at_floor == 1 ? "is" : "are");
}

std::vector<FindingGroup> group_findings(std::span<const Finding> ranked) {
  std::vector<FindingGroup> groups;
  for (const auto& finding : ranked) {
    const auto projection = projection_of(finding.component);
    const auto& method = finding.method.empty() ? finding.run : finding.method;
    auto group = std::ranges::find_if(
        groups, [&](const FindingGroup& g) { return g.projection == projection && g.method == method; });
    if (group == groups.end()) group = groups.insert(groups.end(), {projection, method, 0, 0, finding, {}});
    ++group->tests;
    group->found += finding.found ? 1 : 0;
  }
  for (auto& group : groups) group.interpretation = interpret(group);
  std::ranges::stable_sort(groups, [](const FindingGroup& a, const FindingGroup& b) {
    const auto share = [](const FindingGroup& g) { return static_cast<double>(g.found) / g.tests; };
    return share(a) != share(b) ? share(a) > share(b) : is_stronger(a.strongest, b.strongest);
  });
  return groups;
}

}  // namespace lacuna
