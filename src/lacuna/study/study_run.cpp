#include "lacuna/study/study_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "lacuna/core/atomic_file.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/formats/matrix_set.hpp"
#include "lacuna/study/analyses/comparison.hpp"
#include "lacuna/study/analyses/evaluation.hpp"
#include "lacuna/study/pruning/prune_output.hpp"
#include "lacuna/study/pruning/prune_run.hpp"
#include "lacuna/study/pruning/store_prune.hpp"
#include "lacuna/study/report/report.hpp"
#include "lacuna/study/report/study_view.hpp"
#include "lacuna/study/study_texts.hpp"

namespace lacuna {
namespace {
namespace fs = std::filesystem;

// A study of one model.
class ModelStudy {
 public:
  ModelStudy(const Study& study, const StudyModel& model, const fs::path& out, ResultSink& sink, ResultSource& source,
             const RunContext& context, StudyRunResult& result)
      : study_(study), model_(model), out_(out), sink_(sink), source_(source), context_(context), result_(result) {}

  StudyModelView run() {
    for (const auto& method : study_.methods) {
      for (const auto& target : study_.targets) prune(method, target);
    }
    for (const auto& evaluation : study_.evaluations) evaluate_all(evaluation);
    if (study_.compare) compare_all();
    for (const auto& pruned : runs_) {
      measure_structures(pruned);
      analyse_matrices(pruned);
    }
    if (study_.activations) analyse_inputs(*study_.activations);
    return study_view({study_, model_, out_, runs_, digests_, analyses_}, source_, context_);
  }

 private:
  std::string calibration_path() {
    if (study_.calibration.text.empty()) return "";
    return make_study_text(model_, study_.text(study_.calibration.text), out_, context_).string();
  }

  // One run of one method and target; several at once would share more, but could not grow: a study gains methods and
  // targets over time, and each finished one must stay as it is.
  void prune(const std::string& method, const SparsityTarget& target) {
    PruneRunOptions options;
    options.model = model_.reference;
    options.methods = {method};
    options.targets = {target};
    if (make_prune_method(method, study_.options)->needs() != StatisticsNeed::none)
      options.calibration = calibration_path();
    options.samples = study_.calibration.samples;
    options.seqlen = study_.calibration.seqlen;
    options.seed = study_.calibration.seed;
    options.method_options = study_.options;
    options.true_sequential = study_.true_sequential;
    options.compute = study_.compute;
    options.write_pt = study_.write_pt;
    options.out = out_ / "models" / model_.name / fmt::format("{}-{}", method, target.script_name());
    fs::create_directories(options.out.parent_path());
    options.resume = fs::exists(options.out / kRecordName) || fs::exists(options.out.string() + ".lacuna-partial");
    const auto pruned = run_prune(options, context_);
    const auto& job = pruned.jobs.at(0);
    RunRecord run = run_record(job);
    run.model = model_.name;
    if (pruned.was_complete && source_.find_run(run.run_id)) {
      ++result_.steps_skipped;
    } else {
      RecordSet set(sink_);
      sink_.write(run);
      sink_.write(job.matrices);
      set.commit();
      result_.models_pruned += pruned.was_complete ? 0 : 1;
    }
    runs_.push_back({run, options.out});
  }

  bool is_evaluated(const std::string& run_id, const std::string& digest, std::int64_t seqlen) {
    for (const auto& e : source_.evaluations()) {
      if (e.model == model_.name && e.run_id == run_id && e.text_digest == digest && e.seqlen == seqlen) return true;
    }
    return false;
  }

  void evaluate_one(const StudyEvaluation& wanted, const TokenSource& text, const std::string& reference,
                    const std::string& run_id) {
    digests_.insert(text.digest);
    if (is_evaluated(run_id, text.digest, wanted.seqlen)) {
      ++result_.steps_skipped;
      return;
    }
    const bool dense = run_id.empty();
    EvaluationRequest request{reference, wanted.text, dense || !wanted.against_dense ? "" : model_.reference, {}};
    request.options.seqlen = wanted.seqlen;
    request.options.compute = study_.compute;
    auto record = evaluate(request, text, context_);
    record.model = model_.name;
    record.run_id = run_id;
    if (!record.against.empty()) record.against = model_.name;
    RecordSet set(sink_);
    sink_.write(record);
    set.commit();
    ++result_.evaluations_made;
  }

  void evaluate_all(const StudyEvaluation& wanted) {
    const auto path = make_study_text(model_, study_.text(wanted.text), out_, context_);
    const TokenSource text = read_evaluation_text(model_.reference, path);
    evaluate_one(wanted, text, model_.reference, "");
    for (const auto& pruned : runs_) evaluate_one(wanted, text, pruned.folder.string(), pruned.run.run_id);
  }

  // Methods at one target, and targets of one method: what users of the research scripts compare.
  static bool is_interesting(const RunRecord& a, const RunRecord& b) {
    const bool same_target = a.n == b.n && a.m == b.m && a.sparsity == b.sparsity;
    return (a.method == b.method) != same_target;
  }

  void compare_all() {
    std::set<std::pair<std::string, std::string>> done;
    for (const auto& comparison : source_.comparisons()) done.emplace(comparison.a, comparison.b);
    std::map<std::string, MatrixSet> sets;
    const auto open = [&](const PrunedModel& pruned) -> const MatrixSet& {
      const auto found = sets.find(pruned.run.run_id);
      if (found != sets.end()) return found->second;
      return sets.emplace(pruned.run.run_id, MatrixSet::open(pruned.folder.string())).first->second;
    };
    for (std::size_t i = 0; i < runs_.size(); ++i) {
      for (std::size_t j = i + 1; j < runs_.size(); ++j) {
        const auto& a = runs_[i];
        const auto& b = runs_[j];
        if (!is_interesting(a.run, b.run)) continue;
        if (done.count({a.run.run_id, b.run.run_id}) != 0) {
          ++result_.steps_skipped;
          continue;
        }
        store(compare_sets(open(a), open(b), context_), a.run.run_id, b.run.run_id);
      }
    }
  }

  void measure_structures(const PrunedModel& pruned) {
    if (study_.structure.matrices.empty()) return;
    const auto done = source_.structure(pruned.run.run_id);
    const MatrixSet set = MatrixSet::open(pruned.folder.string());
    for (const auto& key : study_.structure.matrices) {
      const auto where = parse_mask_key(key);  // read_study() checked it
      const WeightMatrix* matrix = set.find(where->layer, where->component);
      if (matrix == nullptr) {
        context_.warn(fmt::format("structure: {} has no {}", model_.name, key));
      } else if (std::any_of(done.begin(), done.end(), [&](const StructureRecord& r) { return is_done(r, *matrix); })) {
        ++result_.steps_skipped;
      } else {
        measure_structure(*matrix, pruned.run);
      }
    }
  }

  bool is_done(const StructureRecord& record, const WeightMatrix& matrix) const {
    const auto& wanted = study_.structure;
    return record.layer == matrix.layer && record.component == matrix.component && record.block == wanted.block &&
           record.draws == wanted.draws && record.seed == wanted.seed;
  }

  void measure_structure(const WeightMatrix& matrix, const RunRecord& run) {
    context_.report({"structure", fmt::format("{} {}", run_label(run), matrix.label()), "matrices", 0, 1, 0.0});
    RecordSet set(sink_);
    sink_.write(lacuna::measure_structure(matrix, run, study_.structure, without_progress(context_)));
    set.commit();
    ++result_.structures_measured;
  }

  // Runs `measure` unless the database has the analysis.
  void analyse(const AnalysisRecord& plan, const std::string& what, const std::function<AnalysisResults()>& measure) {
    analyses_.push_back(plan.analysis_id);
    if (source_.has_analysis(plan.analysis_id)) {
      ++result_.steps_skipped;
      return;
    }
    context_.report({plan.command, what, "analyses", 0, 1, 0.0});
    const auto results = measure();
    RecordSet set(sink_);
    sink_.write(results);
    set.commit();
    ++result_.analyses_made;
  }

  void for_each_matrix(const MatrixSet& set, const std::vector<std::string>& keys, const char* what,
                       const std::function<void(const WeightMatrix&)>& body) {
    for (const auto& key : keys) {
      const auto where = parse_mask_key(key);  // read_study() checked it
      const WeightMatrix* matrix = set.find(where->layer, where->component);
      if (matrix == nullptr) {
        context_.warn(fmt::format("{}: {} has no {}", what, model_.name, key));
      } else {
        body(*matrix);
      }
    }
  }

  void analyse_matrices(const PrunedModel& pruned) {
    const auto& cluster = study_.cluster;
    const auto& coherence = study_.coherence;
    if (cluster.matrices.empty() && coherence.matrices.empty()) return;
    const MatrixSet set = MatrixSet::open(pruned.folder.string());
    const auto source = fs::path("models") / model_.name / pruned.folder.filename();  // wherever the study lies
    const auto quiet = without_progress(context_);
    const auto& run = pruned.run;
    for_each_matrix(set, cluster.matrices, "cluster", [&](const WeightMatrix& matrix) {
      const auto plan = plan_clusters(source, matrix, run, cluster);
      analyse(plan, fmt::format("{} {}", run_label(run), matrix.label()),
              [&] { return measure_clusters(plan, matrix, run, cluster, quiet); });
    });
    for_each_matrix(set, coherence.matrices, "coherence", [&](const WeightMatrix& matrix) {
      for (const auto& order : coherence.orders) {
        const auto plan = plan_coherence(source, matrix, run, coherence, order);
        analyse(plan, fmt::format("{} {}, order {}", run_label(run), matrix.label(), order),
                [&] { return measure_coherence(plan, matrix, run, coherence, order, quiet); });
      }
    });
  }

  void analyse_inputs(const ActivationStudy& wanted) {
    const auto path = make_study_text(model_, study_.text(wanted.text), out_, context_);
    const TokenSource text = read_evaluation_text(model_.reference, path);
    const auto calibration = draw_calibration(text, wanted.samples, wanted.seqlen, wanted.seed);
    const auto plan = plan_activations(model_.name, calibration, wanted);
    analyse(plan, model_.name, [&] {
      const Decoder decoder = Decoder::open(Checkpoint::open(model_.reference));
      return measure_inputs(plan, decoder, calibration, wanted, context_);
    });
  }

  void store(SetComparison comparison, const std::string& a, const std::string& b) {
    RecordSet set(sink_);
    for (auto& matrix : comparison.matrices) {
      matrix.record.a = a;
      matrix.record.b = b;
      sink_.write(matrix.record, matrix.features);
    }
    set.commit();
    ++result_.comparisons_made;
  }

  const Study& study_;
  const StudyModel& model_;
  const fs::path& out_;
  ResultSink& sink_;
  ResultSource& source_;
  const RunContext& context_;
  StudyRunResult& result_;
  std::vector<PrunedModel> runs_;
  std::set<std::string> digests_;
  std::vector<std::string> analyses_;
};

}  // namespace

StudyRunResult run_study(const Study& study, const fs::path& out, ResultSink& sink, ResultSource& source,
                         const RunContext& context) {
  constexpr std::uint64_t kMaxStudyBytes = 1 << 20;
  StudyRunResult result;
  ReportContents contents;
  contents.title = study.name;
  contents.description = study.description;
  for (const auto& model : study.models) {
    contents.models.push_back(ModelStudy(study, model, out, sink, source, context, result).run());
  }
  contents.provenance = study_provenance(study);
  contents.study_text = read_file(study.file, kMaxStudyBytes);
  result.report = out / "report.html";
  write_report(contents, result.report);
  return result;
}

}  // namespace lacuna
