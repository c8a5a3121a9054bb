#include "lacuna/study/pruning/store_prune.hpp"

#include <chrono>

#include "lacuna/core/version.hpp"

namespace lacuna {
namespace {

std::int64_t now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

RunRecord run_record(const PruneJobResult& job) {
  const auto& recipe = job.recipe;
  RunRecord run;
  run.run_id = recipe_id(recipe);
  run.model = recipe.model;
  run.method = recipe.method;
  run.sparsity = recipe.target.sparsity;
  run.n = recipe.target.n;
  run.m = recipe.target.m;
  run.options_json = recipe_json(recipe);
  run.seed = recipe.seed;
  run.calibration = recipe.calibration;
  run.calibration_digest = recipe.calibration_digest;
  run.samples = recipe.samples;
  run.seqlen = recipe.seqlen;
  run.compute = compute_name(recipe.compute);
  run.output = job.output.string();
  run.lacuna_version = recipe.version;
  run.lacuna_commit = commit();
  run.started_us = now_us() - static_cast<std::int64_t>(job.elapsed_seconds * 1e6);
  run.elapsed_seconds = job.elapsed_seconds;
  run.threads = recipe.threads;
  run.isa = recipe.isa;
  return run;
}

void store_prune(const PruneRunResult& result, ResultSink& sink) {
  for (const auto& job : result.jobs) {
    RecordSet set(sink);
    sink.write(run_record(job));
    sink.write(job.matrices);
    set.commit();
  }
}

}  // namespace lacuna
