#include "lacuna/study/report/study_view.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "lacuna/core/atomic_file.hpp"
#include "lacuna/core/cpu.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/core/threads.hpp"
#include "lacuna/core/version.hpp"
#include "lacuna/formats/matrix_set.hpp"
#include "lacuna/render/spy.hpp"

namespace lacuna {
namespace {
namespace fs = std::filesystem;

class ViewMaker {
 public:
  ViewMaker(const StudyViewRequest& request, ResultSource& source, const RunContext& context)
      : study_(request.study),
        model_(request.model),
        out_(request.out),
        runs_(request.runs),
        digests_(request.text_digests),
        analyses_(request.analyses),
        source_(source),
        context_(context) {}

  StudyModelView view() {
    StudyModelView view;
    view.name = model_.name;
    std::set<std::string> ids;
    for (const auto& pruned : runs_) {
      view.runs.push_back({pruned.run, source_.matrices(pruned.run.run_id), source_.structure(pruned.run.run_id)});
      ids.insert(pruned.run.run_id);
    }
    for (auto& evaluation : source_.evaluations()) {
      const bool ours = evaluation.model == model_.name && digests_.count(evaluation.text_digest) != 0;
      if (ours && (evaluation.run_id.empty() || ids.count(evaluation.run_id) != 0))
        view.evaluations.push_back(std::move(evaluation));
    }
    for (auto& comparison : source_.comparisons()) {
      if (ids.count(comparison.a) != 0 && ids.count(comparison.b) != 0)
        view.comparisons.push_back(std::move(comparison));
    }
    for (const auto& id : analyses_) {
      if (auto analysis = source_.analysis(id)) view.analyses.push_back(std::move(*analysis));
    }
    add_examples(view);
    for (const auto& key : study_.spy_matrices) {
      for (const auto* pruned : runs_to_draw()) {
        if (auto picture = spy(*pruned, key)) view.spies.push_back(std::move(*picture));
      }
    }
    return view;
  }

 private:
  std::optional<Picture> spy(const PrunedModel& pruned, const std::string& key) {
    const auto where = parse_mask_key(key);
    if (!where)
      throw Error(ErrorCode::bad_study_file, fmt::format("spy: expected LAYER.COMPONENT, got {}", key)).at(study_.file);
    const MatrixSet set = MatrixSet::open(pruned.folder.string());
    const WeightMatrix* matrix = set.find(where->layer, where->component);
    if (matrix == nullptr) {
      context_.warn(fmt::format("spy: {} has no {}", model_.name, key));
      return std::nullopt;
    }
    SpyOptions options;
    options.title = fmt::format("{} · {}", matrix->label(), run_label(pruned.run));
    const SpyImage image = draw_spy(spy_pattern(matrix->view), options);
    const fs::path folder = out_ / "spy" / model_.name / pruned.folder.filename();
    fs::create_directories(folder);
    write_file_atomic(folder / (key + ".png"), image.png);
    return Picture{image.png, image.description, ""};  // the title is in the picture
  }

  // The runs nearest to 50 % unstructured, and the first pattern: enough to see how methods differ.
  std::vector<const PrunedModel*> runs_to_draw() const {
    const PrunedModel* nearest = nullptr;
    const PrunedModel* structured = nullptr;
    for (const auto& pruned : runs_) {
      const auto distance = [](const PrunedModel& p) { return std::abs(p.run.sparsity - 0.5); };
      if (pruned.run.n == 0 && (nearest == nullptr || distance(pruned) < distance(*nearest))) nearest = &pruned;
      if (pruned.run.n != 0 && structured == nullptr) structured = &pruned;
    }
    std::vector<const PrunedModel*> chosen;
    for (const auto& pruned : runs_) {
      const auto same_target = [&](const PrunedModel* p) {
        return p != nullptr && p->run.n == pruned.run.n && p->run.m == pruned.run.m &&
               p->run.sparsity == pruned.run.sparsity;
      };
      if (same_target(nearest) || same_target(structured)) chosen.push_back(&pruned);
    }
    return chosen;
  }

  // Per-feature vectors of the first spy matrix, between the methods nearest to 50 %.
  void add_examples(StudyModelView& view) {
    const auto drawn = runs_to_draw();
    const auto key = study_.spy_matrices.empty() ? std::nullopt : parse_mask_key(study_.spy_matrices.back());
    if (!key) return;
    const auto is_drawn = [&](const std::string& id) {
      return std::any_of(drawn.begin(), drawn.end(),
                         [&](const PrunedModel* p) { return p->run.run_id == id && p->run.n == 0; });
    };
    for (const auto& comparison : view.comparisons) {
      if (comparison.layer != key->layer || comparison.component != key->component) continue;
      if (!is_drawn(comparison.a) || !is_drawn(comparison.b)) continue;
      auto features = source_.features(comparison.a, comparison.b, comparison.layer, comparison.component);
      if (!features) continue;
      view.example_comparisons.push_back(comparison);
      view.example_features.push_back(std::move(*features));
    }
  }

  const Study& study_;
  const StudyModel& model_;
  const fs::path& out_;
  const std::vector<PrunedModel>& runs_;
  const std::set<std::string>& digests_;
  const std::vector<std::string>& analyses_;
  ResultSource& source_;
  const RunContext& context_;
};

}  // namespace

StudyModelView study_view(const StudyViewRequest& request, ResultSource& source, const RunContext& context) {
  return ViewMaker(request, source, context).view();
}

std::vector<std::pair<std::string, std::string>> study_provenance(const Study& study) {
  std::vector<std::pair<std::string, std::string>> values = {
      {"study", study.name},
      {"study file", fmt::format("{}, SHA-256 {}", study.file.filename().string(), study.digest)},
      {"lacuna", fmt::format("{} ({})", version(), commit())},
      {"processor", fmt::format("{}, {} kernels, {} threads", cpu_model(), isa_name(isa_level()), thread_count())},
      {"compute", std::string(compute_name(study.compute))}};
  for (const auto& text : study.texts) {
    values.emplace_back(fmt::format("text {}", text.name),
                        text.file.empty()
                            ? fmt::format("sampled from the model: {} sequences of {} tokens, temperature {}, seed {}",
                                          text.sequences, text.seqlen, text.temperature, text.seed)
                            : text.file.string());
  }
  if (!study.calibration.text.empty()) {
    values.emplace_back("calibration",
                        fmt::format("{}: {} samples of {} tokens, seed {}", study.calibration.text,
                                    study.calibration.samples, study.calibration.seqlen, study.calibration.seed));
  }
  return values;
}

}  // namespace lacuna
