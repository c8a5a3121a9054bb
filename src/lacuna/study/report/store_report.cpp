#include "lacuna/study/report/store_report.hpp"

#include <algorithm>

#include "lacuna/study/analyses/recorded_analysis.hpp"

namespace lacuna {
namespace {

class Views {
 public:
  StudyModelView& of_model(const std::string& name) {
    for (auto& view : views_) {
      if (view.name == name) return view;
    }
    views_.emplace_back().name = name;
    return views_.back();
  }

  StudyModelView* of_run(const std::string& run_id) {
    if (run_id.empty()) return nullptr;
    for (auto& view : views_) {
      for (const auto& run : view.runs) {
        if (run.run.run_id == run_id) return &view;
      }
    }
    return nullptr;
  }

  bool has_model(const std::string& name) const {
    return std::ranges::find(views_, name, &StudyModelView::name) != views_.end();
  }

  std::vector<StudyModelView> take() { return std::move(views_); }

 private:
  std::vector<StudyModelView> views_;
};

// What the report draws, in full; of the others, which may be long lists, the statistics.
AnalysisResults read_analysis(ResultSource& source, const AnalysisRecord& record) {
  const bool drawn = has_figure(record) || record.command == "coherence" || record.command == "activations" ||
                     record.command == "threshold";
  if (drawn) {
    if (auto results = source.analysis(record.analysis_id)) return std::move(*results);
  }
  AnalysisResults results;
  results.analysis = record;
  results.statistics = source.statistics(record.analysis_id);
  return results;
}

}  // namespace

std::vector<StudyModelView> store_views(ResultSource& source) {
  Views views;
  for (auto& run : source.runs()) {
    const std::string id = run.run_id;
    views.of_model(run.model).runs.push_back({std::move(run), source.matrices(id), source.structure(id)});
  }
  for (auto& evaluation : source.evaluations()) {
    auto* view = views.of_run(evaluation.run_id);
    (view != nullptr ? *view : views.of_model(evaluation.model)).evaluations.push_back(std::move(evaluation));
  }
  for (auto& comparison : source.comparisons()) {
    auto* view = views.of_run(comparison.a);
    if (view != nullptr && view == views.of_run(comparison.b)) view->comparisons.push_back(std::move(comparison));
  }
  std::vector<AnalysisRecord> others;
  for (auto& record : source.analyses()) {
    auto* view = views.of_run(record.run_id);
    if (view == nullptr && views.has_model(record.source)) view = &views.of_model(record.source);
    if (view == nullptr) {
      others.push_back(std::move(record));
    } else {
      view->analyses.push_back(read_analysis(source, record));
    }
  }
  for (const auto& record : others) views.of_model(kOtherSources).analyses.push_back(read_analysis(source, record));
  return views.take();
}

}  // namespace lacuna
