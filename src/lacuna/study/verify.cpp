#include "lacuna/study/verify.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "lacuna/core/cpu.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/core/threads.hpp"
#include "lacuna/core/version.hpp"
#include "lacuna/formats/checkpoint.hpp"
#include "lacuna/study/prune_output.hpp"
#include "lacuna/study/prune_run.hpp"

namespace lacuna {
namespace {
namespace fs = std::filesystem;

// A folder that goes away with this object, whatever happens.
class ScratchFolder {
 public:
  ScratchFolder() {
    std::string pattern = (fs::temp_directory_path() / "lacuna-verify-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw errno_error(errno, "create a temporary folder", pattern);
    path_ = pattern;
  }
  ~ScratchFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

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

PruneRunOptions options_of(const PruneRecipe& recipe, const VerifyOptions& options, const fs::path& out) {
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
  run.out = out;
  return run;
}

// Name of the first tensor whose bytes differ, or of what else does; empty when equal.
std::string shard_difference(const TensorArchive& a, const TensorArchive& b) {
  if (a.tensors.size() != b.tensors.size()) return fmt::format("{} tensors and {}", a.tensors.size(), b.tensors.size());
  for (std::size_t i = 0; i < a.tensors.size(); ++i) {
    const auto& left = a.tensors[i];
    const auto& right = b.tensors[i];
    const bool same = left.name == right.name && left.view.dtype == right.view.dtype &&
                      left.view.shape == right.view.shape &&
                      (left.view.bytes() == 0 || std::memcmp(left.view.data, right.view.data, left.view.bytes()) == 0);
    if (!same) return left.name;
  }
  return "";
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

}  // namespace

VerifyResult verify_output(const VerifyOptions& options, const RunContext& context) {
  const auto record = read_output_record(options.folder / kRecordName);
  warn_of_other_machine(record.recipe, context);
  const Checkpoint claimed = Checkpoint::open(fs::absolute(options.folder).string());
  const ScratchFolder scratch;
  const ThreadCountScope threads(std::clamp(record.recipe.threads, 1, 1024));
  const auto again = run_prune(options_of(record.recipe, options, scratch.path() / "again"), context);
  auto expected = record.recipe;
  expected.isa = again.jobs.at(0).recipe.isa;
  expected.version = again.jobs.at(0).recipe.version;
  if (const auto difference = first_difference(expected, again.jobs[0].recipe)) {
    throw Error(ErrorCode::resume_mismatch, fmt::format("the recorded recipe cannot be repeated here: {}", *difference))
        .at(options.folder / kRecordName)
        .hint("--model names the model the output was made from");
  }
  const Checkpoint derived = Checkpoint::open((scratch.path() / "again").string());
  VerifyResult result;
  for (std::size_t i = 0; i < derived.shards().size(); ++i) {
    const auto& shard = derived.shards()[i];
    const std::string name = shard.files.at(0)->path().filename().string();
    result.files.push_back(name);
    const std::string difference =
        i < claimed.shards().size() ? shard_difference(shard, claimed.shards()[i]) : "the file is missing";
    if (!difference.empty() && result.first_difference.empty()) result.first_difference = name + ": " + difference;
  }
  claimed.check_intact();
  result.identical = result.first_difference.empty() && claimed.shards().size() == derived.shards().size();
  return result;
}

}  // namespace lacuna
