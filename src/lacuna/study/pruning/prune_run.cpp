// See prune_run.hpp for the procedure. The order of work: the first layer of all jobs from one pass over its inputs,
// then each job through its remaining layers, then the outputs.
#include "lacuna/study/pruning/prune_run.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "lacuna/bits/pattern.hpp"
#include "lacuna/core/atomic_file.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/formats/json_depth.hpp"
#include "lacuna/formats/npy.hpp"
#include "lacuna/study/pruning/layer_pruner.hpp"
#include "lacuna/study/pruning/model_card.hpp"
#include "lacuna/study/pruning/prune_inputs.hpp"
#include "lacuna/study/pruning/prune_output.hpp"
#include "lacuna/study/pruning/pruned_layer_file.hpp"
#include "lacuna/study/work_folder.hpp"

namespace lacuna {
namespace {
namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

std::string run_json(const PruneRunOptions& options, const PruneInputs& inputs) {
  Json jobs = Json::object();
  for (const auto& job : inputs.jobs) jobs[job.name] = Json::parse(recipe_json(job.recipe));
  Json formats = Json::array();
  if (options.write_hf) formats.push_back("hf");
  if (options.write_pt) formats.push_back("pt");
  return Json{{"formats", formats}, {"jobs", jobs}}.dump(2) + "\n";
}

std::string run_difference(const std::string& earlier, const std::string& now) {
  const Json a = find_deep_nesting(earlier) ? Json(Json::value_t::discarded) : Json::parse(earlier, nullptr, false);
  const Json b = Json::parse(now);
  if (a.is_discarded() || !a.contains("jobs") || !a["jobs"].is_object()) return "its run.json is damaged";
  if (a.value("formats", Json()) != b["formats"])
    return "formats: " + a.value("formats", Json()).dump() + " and " + b["formats"].dump();
  for (const auto& [name, recipe] : b["jobs"].items()) {
    if (!a["jobs"].contains(name)) return fmt::format("it has no job {}", name);
    const auto difference = first_difference(parse_recipe(a["jobs"][name].dump()), parse_recipe(recipe.dump()));
    if (difference) return *difference;
  }
  if (a["jobs"].size() != b["jobs"].size()) return fmt::format("{} jobs and {}", a["jobs"].size(), b["jobs"].size());
  return "";
}

fs::path job_folder(const fs::path& out, const PruneInputs& inputs, const PruneJob& job) {
  return inputs.jobs.size() == 1 ? out : out / job.name;
}

// The results of a run whose output is there already, made from the same recipes; nullopt when it is not.
std::optional<PruneRunResult> finished_result(const PruneRunOptions& options, const PruneInputs& inputs) {
  PruneRunResult result;
  result.was_complete = true;
  for (const auto& job : inputs.jobs) {
    const fs::path folder = job_folder(options.out, inputs, job);
    if (!fs::exists(folder / kRecordName)) return std::nullopt;
    auto record = read_output_record(folder / kRecordName);
    if (const auto difference = first_difference(record.recipe, job.recipe)) {
      throw Error(ErrorCode::resume_mismatch, fmt::format("the output was made by another recipe: {}", *difference))
          .at(folder);
    }
    result.jobs.push_back({job.recipe, folder, std::move(record.matrices), record.sparsity, 0.0});
  }
  return result;
}

std::vector<PrunedTensorName> pruned_names(const DecoderConfig& config) {
  std::vector<PrunedTensorName> names;
  for (int layer = 0; layer < config.n_layers; ++layer) {
    for (const auto& linear : layer_linears(config, layer)) names.push_back({linear.tensor, layer, linear.component});
  }
  return names;
}

MatrixRecord matrix_record(const PruneRecipe& recipe, int layer, const PrunedLinear& linear) {
  const auto view = make_tensor_view(DType::f32, {linear.weights.rows(), linear.weights.cols()}, linear.weights.data());
  const auto pattern = summarize_pattern(view);
  double squares = 0.0;
  for (std::int64_t i = 0; i < linear.weights.numel(); ++i) {
    squares += static_cast<double>(linear.weights.data()[i]) * linear.weights.data()[i];
  }
  MatrixRecord record;
  record.run_id = recipe_id(recipe);
  record.layer = layer;
  record.component = linear.component;
  record.rows = linear.weights.rows();
  record.cols = linear.weights.cols();
  record.dtype = dtype_name(linear.stored_dtype);
  record.sparsity = pattern.sparsity();
  record.pattern = pattern.label();
  record.l2 = std::sqrt(squares);
  if (linear.report.relative_error >= 0.0) record.relative_error = linear.report.relative_error;
  record.damping = linear.report.damping;
  record.damping_raises = linear.report.damping_raises;
  record.dead_columns = linear.report.dead_columns;
  return record;
}

class PruneRun {
 public:
  PruneRun(const PruneRunOptions& options, PruneInputs inputs, WorkFolder& work, const RunContext& context)
      : options_(options),
        inputs_(std::move(inputs)),
        work_(work),
        context_(context),
        quiet_(without_progress(context)),
        pruner_(inputs_.decoder, inputs_.calibration, options.compute),
        elapsed_(inputs_.jobs.size(), 0.0) {
    for (const auto& job : inputs_.jobs) layers_done_ += work_.finished_layers(job.name, n_layers());
  }

  PruneRunResult run() {
    prune_first_layers();
    for (std::size_t i = 0; i < inputs_.jobs.size(); ++i) prune_other_layers(i);
    return write_outputs();
  }

 private:
  int n_layers() const { return static_cast<int>(inputs_.decoder.config().n_layers); }

  void report(const PruneJob& job, int layer) {
    const auto total = inputs_.jobs.size() * static_cast<std::size_t>(n_layers());
    context_.report({"prune", fmt::format("{} {}, layer {}", job.recipe.method, job.recipe.target.label(), layer),
                     "layers", layers_done_, total, static_cast<double>(layers_done_) / static_cast<double>(total)});
  }

  void save(std::size_t job, int layer, LayerWeights weights, const std::vector<PruneReport>& reports) {
    context_.check_stop();
    const auto linears = take_linears(std::move(weights), reports, inputs_.decoder.checkpoint());
    write_pruned_layer(work_.layer_path(inputs_.jobs[job].name, layer), linears, quiet_);
    ++layers_done_;
    report(inputs_.jobs[job], layer);
  }

  std::vector<PruneReport> prune_layer(std::size_t job, LayerWeights& layer, const Matrix<float>& activations,
                                       const GroupStatistics& shared) {
    const auto& recipe = inputs_.jobs[job].recipe;
    const auto method = make_prune_method(recipe.method, recipe.options);
    if (recipe.true_sequential) return pruner_.prune_sequentially(layer, activations, *method, recipe.target, context_);
    return pruner_.prune(layer, shared, *method, recipe.target, context_);
  }

  // The dense first layer sees the same inputs in every job: one pass serves all that still lack it.
  void prune_first_layers() {
    auto need = StatisticsNeed::none;
    std::vector<std::size_t> missing;
    for (std::size_t i = 0; i < inputs_.jobs.size(); ++i) {
      if (work_.finished_layers(inputs_.jobs[i].name, n_layers()) > 0) continue;
      missing.push_back(i);
      if (!options_.true_sequential) need = std::max(need, needs(i));
    }
    if (missing.empty() || n_layers() == 0) return;
    report(inputs_.jobs[missing.front()], 0);
    Matrix<float> activations;
    if (inputs_.need != StatisticsNeed::none) activations = pruner_.embed();
    GroupStatistics statistics;
    {
      const auto dense = inputs_.decoder.load_layer(0, WeightStorage::mapped);
      statistics = pruner_.gather(dense, activations, {}, need);
    }
    for (const auto job : missing) {
      const auto started = Clock::now();
      LayerWeights layer = inputs_.decoder.load_layer(0, WeightStorage::owned);
      const auto reports = prune_layer(job, layer, activations, statistics);
      save(job, 0, std::move(layer), reports);
      elapsed_[job] += std::chrono::duration<double>(Clock::now() - started).count();
    }
  }

  StatisticsNeed needs(std::size_t job) const {
    const auto& recipe = inputs_.jobs[job].recipe;
    return make_prune_method(recipe.method, recipe.options)->needs();
  }

  void prune_other_layers(std::size_t job) {
    const auto started = Clock::now();
    const int finished = work_.finished_layers(inputs_.jobs[job].name, n_layers());
    if (finished == n_layers()) return;
    const auto need = needs(job);
    Matrix<float> activations;
    if (need != StatisticsNeed::none) activations = pruner_.embed();
    for (int layer = 0; layer < n_layers(); ++layer) {
      context_.check_stop();
      LayerWeights weights = inputs_.decoder.load_layer(layer, WeightStorage::owned);
      std::vector<PruneReport> reports;
      if (layer < finished) {
        if (need == StatisticsNeed::none) continue;
        replace_weights(weights, read_pruned_layer(work_.layer_path(inputs_.jobs[job].name, layer)));
      } else {
        GroupStatistics statistics;
        if (!options_.true_sequential) statistics = pruner_.gather(weights, activations, {}, need);
        reports = prune_layer(job, weights, activations, statistics);
      }
      if (need != StatisticsNeed::none && layer + 1 < n_layers()) pruner_.advance(weights, activations);
      if (layer >= finished) save(job, layer, std::move(weights), reports);
    }
    elapsed_[job] += std::chrono::duration<double>(Clock::now() - started).count();
  }

  PruneRunResult write_outputs() {
    const fs::path output = work_.fresh_output();
    PruneRunResult result;
    for (std::size_t i = 0; i < inputs_.jobs.size(); ++i) {
      context_.check_stop();
      const auto& job = inputs_.jobs[i];
      context_.report({"write", job.name, "models", i, inputs_.jobs.size(), 0.0});
      const fs::path folder = job_folder(output, inputs_, job);
      fs::create_directories(folder);
      PruneJobResult job_result = write_job(job, folder, output);
      job_result.output = job_folder(options_.out, inputs_, job);
      job_result.elapsed_seconds = elapsed_[i];
      result.jobs.push_back(std::move(job_result));
    }
    inputs_.decoder.checkpoint().check_intact();
    work_.publish();
    context_.report({"write", "", "models", inputs_.jobs.size(), inputs_.jobs.size(), 1.0});
    return result;
  }

  PruneJobResult write_job(const PruneJob& job, const fs::path& folder, const fs::path& tree_root) {
    PruneJobResult result;
    result.recipe = job.recipe;
    const LayerLoader load = [&](int layer) { return read_pruned_layer(work_.layer_path(job.name, layer)); };
    for (int layer = 0; layer < n_layers(); ++layer) {
      for (const auto& linear : load(layer)) result.matrices.push_back(matrix_record(job.recipe, layer, linear));
    }
    result.sparsity = overall_sparsity(result.matrices);
    if (options_.write_hf) {
      write_pruned_checkpoint(inputs_.decoder.checkpoint(), pruned_names(inputs_.decoder.config()), load, folder,
                              quiet_);
    }
    if (options_.write_pt) write_script_tree(job.recipe, n_layers(), load, tree_root, quiet_);
    if (job.recipe.samples > 0) {
      const Shape shape = {inputs_.calibration.samples, inputs_.calibration.seqlen};
      write_npy(folder / kCalibrationName, make_tensor_view(DType::i32, shape, inputs_.calibration.tokens.data()));
    }
    if (options_.write_hf) write_model_card(folder, job.recipe, result.matrices);
    write_file_atomic(folder / kRecordName, output_record_json(job.recipe, result.matrices));
    return result;
  }

  const PruneRunOptions& options_;
  PruneInputs inputs_;
  WorkFolder& work_;
  const RunContext& context_;
  RunContext quiet_;  // for steps whose own progress would interrupt the run's
  LayerPruner pruner_;
  std::vector<double> elapsed_;
  std::size_t layers_done_ = 0;
};

}  // namespace

PruneRunResult run_prune(const PruneRunOptions& options, const RunContext& context) {
  PruneInputs inputs = open_prune_inputs(options, true);
  WorkFolder work(options.out);
  if (options.resume) {
    if (auto finished = finished_result(options, inputs)) {
      work.remove_partial();  // of a run that was stopped between publishing and tidying up
      return *std::move(finished);
    }
  }
  work.begin(run_json(options, inputs), options.resume, run_difference);
  return PruneRun(options, std::move(inputs), work, context).run();
}

}  // namespace lacuna
