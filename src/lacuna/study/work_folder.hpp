// The folder of a running prune, OUT.lacuna-partial, and its end: OUT, whole.
//
//   OUT.lacuna-partial/run.json           recipes of all jobs and the output options; written first
//   OUT.lacuna-partial/{job}/layer-{N}    pruned layers (study/pruned_layer_file.hpp)
//   OUT.lacuna-partial/out/               the output while it is assembled
//
// Every file is written aside, synced and renamed. publish() renames out/ to OUT, which must be absent or empty, and
// then removes the rest.
//
// Errors  already_exists: OUT holds something, or a partial run is there and resume is false; resume_mismatch.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

namespace lacuna {

class WorkFolder {
 public:
  // Nothing is created before begin().
  explicit WorkFolder(std::filesystem::path out);

  // Creates the folder and writes `run_json`, or, with resume, continues where an earlier run stopped. `difference`
  // says in words how the earlier run differs from this one; empty: not at all.
  using Difference = std::string (*)(const std::string& earlier, const std::string& now);
  void begin(const std::string& run_json, bool resume, Difference difference);

  std::filesystem::path layer_path(const std::string& job, int layer) const;
  int finished_layers(const std::string& job, int n_layers) const;  // leading layers present
  std::filesystem::path fresh_output() const;                       // an empty out/
  void publish() const;
  void remove_partial() const;

  const std::filesystem::path& partial() const { return partial_; }

 private:
  std::filesystem::path out_;
  std::filesystem::path partial_;
};

// Throws Error{already_exists} where the path holds something: before work that ends in a folder of that name.
void require_free_output(const std::filesystem::path& out);

// An output folder that is quick to make again: `fill` writes into a fresh folder that becomes `out` when it returns.
// What an earlier, interrupted attempt of the same command left is removed; so is everything when `fill` throws.
void write_output_folder(const std::filesystem::path& out, const std::string& command,
                         const std::function<void(const std::filesystem::path&)>& fill);

}  // namespace lacuna
