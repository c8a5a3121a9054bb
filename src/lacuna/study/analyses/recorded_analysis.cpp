#include "lacuna/study/analyses/recorded_analysis.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

namespace lacuna {
namespace {

using Json = nlohmann::ordered_json;

Json options_of(const AnalysisRecord& analysis) {
  auto options = Json::parse(analysis.options_json, nullptr, false);
  return options.is_object() ? options : Json::object();
}

// Which matrix: the fields that titles are made of.
Json matrix_fields(const StudyModelView& model, const AnalysisRecord& analysis) {
  Json document = {{"component", analysis.component}};
  if (analysis.layer >= 0) document["layer"] = analysis.layer;
  for (const auto& run : model.runs) {
    if (run.run.run_id != analysis.run_id || analysis.run_id.empty()) continue;
    document["pruned_by"] = run.run.method;
    for (const auto& matrix : run.matrices) {
      if (matrix.layer != analysis.layer || matrix.component != analysis.component) continue;
      document["sparsity"] = matrix.sparsity;
      document["pattern"] = matrix.pattern;
    }
  }
  return document;
}

Json optional_json(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

// {model, draws, STATISTIC: {observed, mean, …}}; null: nothing was tested.
Json null_fields(const AnalysisResults& results) {
  Json null;
  for (const auto& s : results.statistics) {
    if (s.null_model.empty() || !s.null_mean) continue;
    null["model"] = s.null_model;
    null["draws"] = s.draws;
    null[s.statistic] = {
        {"observed", s.value},     {"mean", *s.null_mean},   {"std", s.null_std.value_or(0.0)},
        {"z", optional_json(s.z)}, {"p", s.p.value_or(1.0)}, {"p_holm", s.p_holm.value_or(s.p.value_or(1.0))}};
  }
  return null;
}

std::optional<double> value_of(const AnalysisResults& results, const std::string& statistic) {
  const auto found = std::ranges::find(results.statistics, statistic, &StatisticRecord::statistic);
  return found == results.statistics.end() ? std::nullopt : std::optional(found->value);
}

std::string add_ranks(const AnalysisResults& results, Json& document) {
  if (results.neighbours.empty()) return {};
  document["feature"] = results.neighbours.front().feature;
  for (const auto& n : results.neighbours) document["distances"].push_back(n.distance);
  return results.analysis.command;
}

std::string add_distances(const AnalysisResults& results, Json& document) {
  const auto& a = results.analysis;
  const auto mean = value_of(results, "mean");
  if (results.pairs.empty() || !mean) return {};
  const bool columns = a.axis != "rows";
  document["features"] = columns ? a.cols : a.rows;
  document["rows"] = columns ? a.rows : a.cols;
  document["mean"] = *mean;
  for (const auto& at : results.pairs) {
    document["cdf"].push_back({at.distance, at.share});
    if (at.null_low && at.null_high && !document["null"].is_null())
      document["null"]["cdf_band"].push_back({at.distance, *at.null_low, *at.null_high});
  }
  return "distances";
}

std::string add_groups(const AnalysisResults& results, Json& document) {
  if (document["null"].is_null()) return {};
  document["groups"] = Json::array();
  for (const auto& group : results.groups) document["groups"].push_back(group.feature);
  return "groups";
}

std::string add_plane(const AnalysisResults& results, Json& document) {
  const auto options = options_of(results.analysis);
  if (results.points.empty() || !options.contains("perplexity") || !options.contains("k")) return {};
  for (const auto& p : results.points) {
    document["indices"].push_back(p.feature);
    document["x"].push_back(p.x);
    document["y"].push_back(p.y);
    document["labels"].push_back(p.cluster);
  }
  document["perplexity"] = options["perplexity"];
  document["k"] = options["k"];
  document["kl"] = value_of(results, "kl").value_or(0.0);
  return "tsne";
}

std::string add_sizes(const AnalysisResults& results, Json& document) {
  if (results.clusters.empty()) return {};
  for (const auto& run : results.clusters) {
    document["runs"].push_back({{"seed", run.seed},
                                {"feature", run.feature},
                                {"k", run.k},
                                {"labels", run.labels},
                                {"indices", run.indices},
                                {"sizes", run.sizes}});
  }
  return "sizes";
}

using Add = std::string (*)(const AnalysisResults&, Json&);  // gives the kind; empty: nothing to draw

const std::map<std::string, Add>& drawn_commands() {
  static const std::map<std::string, Add> kCommands = {{"neighbours", add_ranks}, {"gradient", add_ranks},
                                                       {"pairs", add_distances},  {"groups", add_groups},
                                                       {"tsne", add_plane},       {"cluster", add_sizes}};
  return kCommands;
}

}  // namespace

bool has_figure(const AnalysisRecord& analysis) {
  if (!drawn_commands().contains(analysis.command)) return false;
  const auto options = options_of(analysis);
  const bool every_feature = analysis.command == "neighbours" && options.contains("all") && options["all"] == true;
  return !every_feature;  // as many curves as features: too long to read, too many to draw
}

std::optional<AnalysisFigure> analysis_figure(const StudyModelView& model, const AnalysisResults& results) {
  if (!has_figure(results.analysis)) return std::nullopt;
  Json document = matrix_fields(model, results.analysis);
  document["null"] = null_fields(results);
  const auto kind = drawn_commands().at(results.analysis.command)(results, document);
  if (kind.empty()) return std::nullopt;
  const auto replace = Json::error_handler_t::replace;  // names may be any bytes
  return AnalysisFigure{kind, {"analysis " + results.analysis.analysis_id, document.dump(-1, ' ', false, replace)}};
}

}  // namespace lacuna
