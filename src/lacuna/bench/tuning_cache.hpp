// The fastest configuration of an operation for a device, shape, type and sparsity, remembered across processes.
//
//   TuningCache cache = TuningCache::open(default_tuning_file());
//   if (const TuningEntry* known = cache.find(key)) …
//   cache.put(entry); cache.save();
//
// File     $LACUNA_CACHE_DIR/tuning.json, else $XDG_CACHE_HOME/lacuna/…, else ~/.cache/lacuna/…: one JSON document. A
//          key holds the device with its kernel level and thread count, or its driver, and Lacuna's version, so that
//          another processor, another ISA or a newer kernel never sees an old answer.
// Damage   a file that cannot be read as such a document counts as empty: damage() says why, the next save() replaces
//          it. save() reads the file again first, under a lock, and keeps what other processes have added meanwhile.
// Errors   save: Error of core/atomic_file; open: permission_denied, io_failed.
// Threads  one user per object.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "lacuna/core/dtype.hpp"

namespace lacuna {

struct TuningKey {
  // "cpu: AMD EPYC 9B45, avx512, 2 threads", "cuda: NVIDIA H100 80GB HBM3, driver 580.159.04, CUDA 13.0"
  std::string device;
  std::string version;    // of Lacuna: "0.1.0 (1a2b3c4d5e6f)"
  std::string operation;  // tuner.hpp: "packed", "activation", …
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  DType dtype = DType::bf16;
  int sparsity_bin = 0;  // of kSparsityBins: bin b holds [b, b + 1) / kSparsityBins
  int input_bin = 0;     // likewise, of the inputs, where the operation has both sparsities; else 0

  friend bool operator==(const TuningKey&, const TuningKey&) = default;
};

inline constexpr int kSparsityBins = 20;
int sparsity_bin(double sparsity);         // throws Error{invalid_argument} outside [0, 1]
double sparsity_of_bin(int sparsity_bin);  // its middle: what is measured for it

struct TunedCandidate {
  std::string name;      // "dense", "bitmap", "slices", "columns warps=8 splits=2 tile=512"
  double seconds = 0.0;  // median
};
struct TuningEntry {
  TuningKey key;
  std::string choice;                      // one of the candidates
  std::vector<TunedCandidate> candidates;  // simplest first: "dense"
  std::string measured;                    // UTC, ISO 8601
  bool steady = true;                      // false: the machine was busy, and the times are no good
};

class TuningCache {
 public:
  static TuningCache open(std::filesystem::path file);

  const TuningEntry* find(const TuningKey& key) const;
  const std::vector<TuningEntry>& entries() const { return entries_; }
  const std::optional<std::string>& damage() const { return damage_; }
  const std::filesystem::path& file() const { return file_; }

  void put(TuningEntry entry);  // replaces the one with its key
  void save() const;
  static bool clear(const std::filesystem::path& file);  // removes it; false where there was none

 private:
  std::filesystem::path file_;
  std::vector<TuningEntry> entries_;
  std::vector<TuningKey> changed_;
  std::optional<std::string> damage_;
};

std::filesystem::path default_tuning_file();
std::string cpu_tuning_device();  // of this process
std::string tuning_version();

// The candidate to take: the first, which is the simplest, unless a later one is faster by more than kTuningTie.
// Medians of a noisy machine then lead to one answer. Not empty.
inline constexpr double kTuningTie = 0.03;
const TunedCandidate& choose_candidate(const std::vector<TunedCandidate>& simplest_first);

}  // namespace lacuna
