#include "lacuna/study/pruning/rerun.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "lacuna/core/cpu.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/core/threads.hpp"
#include "lacuna/core/version.hpp"
#include "lacuna/study/pruning/prune_inputs.hpp"
#include "lacuna/study/pruning/prune_output.hpp"

namespace lacuna {
namespace {
namespace fs = std::filesystem;

// The thread count is part of a recipe; this restores the caller's.
class ThreadCountScope {
 public:
  explicit ThreadCountScope(int n) : before_(thread_count()) { set_thread_count(n); }
  ~ThreadCountScope() { set_thread_count(before_); }
  ThreadCountScope(const ThreadCountScope&) = delete;
  ThreadCountScope& operator=(const ThreadCountScope&) = delete;

 private:
  int before_;
};

PruneRunOptions run_options(const PruneRecipe& recipe, const RerunOptions& options) {
  PruneRunOptions run;
  run.model = options.model.empty() ? recipe.model : options.model;
  run.methods = {recipe.method};
  run.targets = {recipe.target};
  if (recipe.samples > 0) run.calibration = (options.folder / kCalibrationName).string();
  run.samples = recipe.samples;
  run.seqlen = recipe.seqlen;
  run.seed = recipe.seed;
  run.method_options = recipe.options;
  run.true_sequential = recipe.true_sequential;
  run.compute = recipe.compute;
  run.out = options.out;
  run.write_hf = options.write_hf;
  run.write_pt = options.write_pt;
  run.resume = options.resume;
  return run;
}

void warn_of_other_machine(const PruneRecipe& recipe, const RunContext& context) {
  if (recipe.isa != isa_name(isa_level())) {
    context.warn(fmt::format("the output was made with {} kernels, this run uses {}: sums may round differently",
                             recipe.isa, isa_name(isa_level())));
  }
  if (recipe.version != version()) {
    context.warn(fmt::format("the output was made by version {}, this is {}", recipe.version, version()));
  }
}

void require_same_recipe(const PruneRecipe& recorded, const PruneRecipe& now, const fs::path& record) {
  auto expected = recorded;
  expected.isa = now.isa;
  expected.version = now.version;
  if (const auto difference = first_difference(expected, now)) {
    throw Error(ErrorCode::resume_mismatch, fmt::format("the recorded recipe cannot be repeated here: {}", *difference))
        .at(record)
        .hint("--model names the model the output was made from");
  }
}

}  // namespace

PruneRunResult rerun_output(const RerunOptions& options, const RunContext& context) {
  const fs::path record_path = options.folder / kRecordName;
  const auto recipe = read_output_record(record_path).recipe;
  warn_of_other_machine(recipe, context);
  const ThreadCountScope threads(std::clamp(recipe.threads, 1, 1024));
  const auto run = run_options(recipe, options);
  require_same_recipe(recipe, open_prune_inputs(run, true).jobs.at(0).recipe, record_path);
  return run_prune(run, context);
}

}  // namespace lacuna
