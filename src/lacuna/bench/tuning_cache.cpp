#include "lacuna/bench/tuning_cache.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>

#include "lacuna/core/atomic_file.hpp"
#include "lacuna/core/cpu.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/core/threads.hpp"
#include "lacuna/core/version.hpp"
#include "lacuna/formats/json_depth.hpp"

namespace lacuna {
namespace {
namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::uint64_t kMaxFileBytes = 16U << 20U;
constexpr const char* kFormat = "lacuna tuning";
constexpr int kFormatVersion = 2;  // 1: without the sparsity of inputs beside that of weights
constexpr int kMaxDepth = 8;
constexpr const char* kElsewhere =
    "the environment variable LACUNA_CACHE_DIR names another folder to remember times in";

Json to_json(const TuningEntry& entry) {
  Json candidates = Json::array();
  for (const auto& c : entry.candidates) candidates.push_back({{"name", c.name}, {"seconds", c.seconds}});
  const TuningKey& key = entry.key;
  return {{"device", key.device},
          {"version", key.version},
          {"operation", key.operation},
          {"rows", key.rows},
          {"cols", key.cols},
          {"dtype", dtype_name(key.dtype)},
          {"sparsity_bin", key.sparsity_bin},
          {"input_bin", key.input_bin},
          {"choice", entry.choice},
          {"candidates", candidates},
          {"measured", entry.measured},
          {"steady", entry.steady}};
}

DType weight_type(const std::string& name) {
  for (const DType dtype : {DType::f32, DType::f16, DType::bf16}) {
    if (name == dtype_name(dtype)) return dtype;
  }
  throw Error(ErrorCode::corrupt_file, "dtype: expected f32, f16 or bf16");
}

// Throws Json::exception or Error where the entry is not one.
TuningEntry entry_from(const Json& json) {
  TuningEntry entry;
  entry.key = {json.at("device").get<std::string>(),    json.at("version").get<std::string>(),
               json.at("operation").get<std::string>(), json.at("rows").get<std::int64_t>(),
               json.at("cols").get<std::int64_t>(),     weight_type(json.at("dtype").get<std::string>()),
               json.at("sparsity_bin").get<int>(),      json.at("input_bin").get<int>()};
  entry.choice = json.at("choice").get<std::string>();
  entry.measured = json.at("measured").get<std::string>();
  entry.steady = json.at("steady").get<bool>();
  bool chosen = false;
  for (const auto& c : json.at("candidates")) {
    entry.candidates.push_back({c.at("name").get<std::string>(), c.at("seconds").get<double>()});
    chosen |= entry.candidates.back().name == entry.choice;
    if (!(entry.candidates.back().seconds > 0.0)) throw Error(ErrorCode::corrupt_file, "seconds: expected more than 0");
  }
  if (!chosen || entry.candidates.front().name != "dense") {
    throw Error(ErrorCode::corrupt_file, "candidates: expected dense first, and the choice among them");
  }
  const auto is_bin = [](int bin) { return bin >= 0 && bin < kSparsityBins; };
  const bool in_range =
      entry.key.rows > 0 && entry.key.cols > 0 && is_bin(entry.key.sparsity_bin) && is_bin(entry.key.input_bin);
  if (!in_range) throw Error(ErrorCode::corrupt_file, "an entry out of range");
  return entry;
}

struct Content {
  std::vector<TuningEntry> entries;
  std::optional<std::string> damage;
};

Content read_content(const fs::path& file) {
  Content content;
  std::error_code failure;
  if (!fs::exists(file, failure)) {
    if (failure) throw errno_error(failure.value(), "read", file).hint(kElsewhere);
    return content;
  }
  try {
    const std::string text = read_file(file, kMaxFileBytes);
    if (find_deep_nesting(text, kMaxDepth)) throw Error(ErrorCode::corrupt_file, "nested too deeply");
    const Json json = Json::parse(text);
    if (json.at("format") != kFormat || json.at("format_version") != kFormatVersion) {
      throw Error(ErrorCode::corrupt_file, "another format");
    }
    for (const auto& entry : json.at("entries")) content.entries.push_back(entry_from(entry));
  } catch (const Json::exception& e) {
    content = {{}, e.what()};
  } catch (const Error& e) {
    if (e.code() == ErrorCode::permission_denied || e.code() == ErrorCode::io_failed) throw;
    content = {{}, e.what()};
  }
  return content;
}

void put_into(std::vector<TuningEntry>& entries, TuningEntry entry) {
  const auto same = std::find_if(entries.begin(), entries.end(), [&](const auto& e) { return e.key == entry.key; });
  if (same == entries.end()) {
    entries.push_back(std::move(entry));
  } else {
    *same = std::move(entry);
  }
}

// Held while a file is read, merged and replaced, so that processes that save at once all keep their entries. The lock
// lies beside the file, which itself is replaced; it stays there, empty. Freed by the system where a process dies.
class SaveLock {
 public:
  explicit SaveLock(const fs::path& file) {
    const fs::path lock = file.string() + ".lock";
    fd_ = ::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    while (fd_ >= 0 && ::flock(fd_, LOCK_EX) != 0) {
      if (errno == EINTR) continue;
      const int reason = errno;  // closing may change it
      ::close(fd_);
      errno = reason;
      fd_ = -1;
    }
    if (fd_ >= 0) return;
    const auto code = errno == EACCES || errno == EROFS ? ErrorCode::permission_denied : ErrorCode::io_failed;
    throw Error(code, fmt::format("{}: cannot be locked: {}", lock.string(), std::strerror(errno))).hint(kElsewhere);
  }
  ~SaveLock() { ::close(fd_); }
  SaveLock(const SaveLock&) = delete;
  SaveLock& operator=(const SaveLock&) = delete;

 private:
  int fd_ = -1;
};

const char* environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : nullptr;
}

}  // namespace

int sparsity_bin(double sparsity) {
  if (!(sparsity >= 0.0 && sparsity <= 1.0)) {
    throw Error(ErrorCode::invalid_argument, fmt::format("sparsity: expected 0 to 1, got {}", sparsity));
  }
  return std::min(kSparsityBins - 1, static_cast<int>(sparsity * kSparsityBins + 1e-9));
}

double sparsity_of_bin(int bin) { return (bin + 0.5) / kSparsityBins; }

TuningCache TuningCache::open(fs::path file) {
  TuningCache cache;
  auto content = read_content(file);
  cache.file_ = std::move(file);
  cache.entries_ = std::move(content.entries);
  cache.damage_ = std::move(content.damage);
  return cache;
}

const TuningEntry* TuningCache::find(const TuningKey& key) const {
  const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const auto& e) { return e.key == key; });
  return found == entries_.end() ? nullptr : &*found;
}

void TuningCache::put(TuningEntry entry) {
  changed_.push_back(entry.key);
  put_into(entries_, std::move(entry));
}

void TuningCache::save() const {
  std::error_code failure;
  fs::create_directories(file_.parent_path(), failure);
  if (failure) throw errno_error(failure.value(), "create the folder", file_.parent_path()).hint(kElsewhere);
  const SaveLock lock(file_);
  auto merged = read_content(file_).entries;
  for (const auto& key : changed_) put_into(merged, *find(key));
  Json entries = Json::array();
  for (const auto& entry : merged) entries.push_back(to_json(entry));
  const Json json = {{"format", kFormat}, {"format_version", kFormatVersion}, {"entries", entries}};
  write_file_atomic(file_, json.dump(1) + "\n");
}

bool TuningCache::clear(const fs::path& file) { return fs::remove(file); }

fs::path default_tuning_file() {
  if (const char* folder = environment("LACUNA_CACHE_DIR")) return fs::path(folder) / "tuning.json";
  if (const char* folder = environment("XDG_CACHE_HOME")) return fs::path(folder) / "lacuna/tuning.json";
  if (const char* home = environment("HOME")) return fs::path(home) / ".cache/lacuna/tuning.json";
  throw Error(ErrorCode::invalid_argument, "no folder for the tuning cache: set LACUNA_CACHE_DIR or HOME");
}

std::string cpu_tuning_device() {
  return fmt::format("cpu: {}, {}, {} threads", cpu_model(), isa_name(isa_level()), thread_count());
}

std::string tuning_version() { return fmt::format("{} ({})", version(), commit()); }

const TunedCandidate& choose_candidate(const std::vector<TunedCandidate>& simplest_first) {
  const TunedCandidate* chosen = &simplest_first.front();
  for (const auto& candidate : simplest_first) {
    if (candidate.seconds < chosen->seconds * (1.0 - kTuningTie)) chosen = &candidate;
  }
  return *chosen;
}

}  // namespace lacuna
