#include "lacuna/study/work_folder.hpp"

#include <fmt/format.h>

#include "lacuna/core/atomic_file.hpp"
#include "lacuna/core/error.hpp"

namespace lacuna {
namespace fs = std::filesystem;
namespace {

constexpr std::uint64_t kMaxRunJsonBytes = 16 << 20;

void create_folder(const fs::path& folder) {
  std::error_code failure;
  fs::create_directories(folder, failure);
  if (failure) throw errno_error(failure.value(), "create the folder", folder);
}

void remove_tree(const fs::path& folder) {
  std::error_code failure;
  fs::remove_all(folder, failure);
  if (failure) throw errno_error(failure.value(), "remove the folder", folder);
}

bool holds_something(const fs::path& path) {
  std::error_code ignored;
  const auto status = fs::symlink_status(path, ignored);
  if (!fs::exists(status)) return false;
  return !fs::is_directory(status) || !fs::is_empty(path, ignored);
}

}  // namespace

WorkFolder::WorkFolder(fs::path out) : out_(fs::absolute(out).lexically_normal()) {
  if (!out_.has_filename()) out_ = out_.parent_path();
  partial_ = out_;
  partial_ += ".lacuna-partial";
}

void WorkFolder::begin(const std::string& run_json, bool resume, Difference difference) {
  require_free_output(out_);
  const fs::path run_path = partial_ / "run.json";
  if (!resume) {
    if (fs::exists(run_path)) {
      throw Error(ErrorCode::already_exists, "an unfinished run of this output is here")
          .at(partial_)
          .hint(fmt::format("add --resume to continue it, or remove {}", partial_.string()));
    }
    create_folder(partial_);
    write_file_atomic(run_path, run_json);
    return;
  }
  if (!fs::exists(run_path)) {  // stopped before anything was recorded: from the beginning
    create_folder(partial_);
    write_file_atomic(run_path, run_json);
    return;
  }
  const std::string differs = difference(read_file(run_path, kMaxRunJsonBytes), run_json);
  if (!differs.empty()) {
    throw Error(ErrorCode::resume_mismatch, fmt::format("the unfinished run has another recipe: {}", differs))
        .at(partial_)
        .hint(fmt::format("repeat the original options, or remove {} to start anew", partial_.string()));
  }
}

fs::path WorkFolder::layer_path(const std::string& job, int layer) const {
  const fs::path folder = partial_ / job;
  create_folder(folder);
  return folder / fmt::format("layer-{}.safetensors", layer);
}

int WorkFolder::finished_layers(const std::string& job, int n_layers) const {
  int layer = 0;
  while (layer < n_layers && fs::exists(partial_ / job / fmt::format("layer-{}.safetensors", layer))) ++layer;
  return layer;
}

fs::path WorkFolder::fresh_output() const {
  const fs::path folder = partial_ / "out";
  remove_tree(folder);
  create_folder(folder);
  return folder;
}

void WorkFolder::publish() const {
  publish_folder(partial_ / "out", out_);
  remove_partial();
}

void WorkFolder::remove_partial() const { remove_tree(partial_); }

void require_free_output(const fs::path& out) {
  if (holds_something(out)) throw Error(ErrorCode::already_exists, "the output path already holds something").at(out);
}

void write_output_folder(const fs::path& out, const std::string& command,
                         const std::function<void(const fs::path&)>& fill) {
  WorkFolder work(out);
  const bool stopped_before = fs::exists(work.partial());
  work.begin(fmt::format("{{\"command\": \"{}\"}}\n", command), stopped_before,
             [](const std::string& earlier, const std::string& now) {
               return earlier == now ? std::string() : std::string("it belongs to another command");
             });
  try {
    fill(work.fresh_output());
    work.publish();
  } catch (...) {
    std::error_code ignored;
    fs::remove_all(work.partial(), ignored);  // nothing worth resuming
    throw;
  }
}

}  // namespace lacuna
