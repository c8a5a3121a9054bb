#include "lacuna/study/pruning/verify.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "lacuna/core/error.hpp"
#include "lacuna/formats/checkpoint.hpp"
#include "lacuna/study/pruning/rerun.hpp"

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

}  // namespace

VerifyResult verify_output(const VerifyOptions& options, const RunContext& context) {
  const Checkpoint claimed = Checkpoint::open(fs::absolute(options.folder).string());
  const ScratchFolder scratch;
  RerunOptions rerun;
  rerun.folder = options.folder;
  rerun.model = options.model;
  rerun.out = scratch.path() / "again";
  rerun_output(rerun, context);
  const Checkpoint derived = Checkpoint::open(rerun.out.string());
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
