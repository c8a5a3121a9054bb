// The instruction-set levels this machine can run, and a guard that forces one of them for a scope.
#pragma once

#include <vector>

#include "lacuna/core/cpu.hpp"

namespace lacuna::test {

inline std::vector<IsaLevel> runnable_isa_levels() {
  std::vector<IsaLevel> levels;
  for (const auto level : {IsaLevel::scalar, IsaLevel::avx2, IsaLevel::avx512}) {
    if (level <= detected_isa_level()) levels.push_back(level);
  }
  return levels;
}

class ForcedIsaLevel {
 public:
  explicit ForcedIsaLevel(IsaLevel level) : before_(isa_level()) { set_isa_level(level); }
  ~ForcedIsaLevel() { set_isa_level(before_); }
  ForcedIsaLevel(const ForcedIsaLevel&) = delete;
  ForcedIsaLevel& operator=(const ForcedIsaLevel&) = delete;

 private:
  IsaLevel before_;
};

}  // namespace lacuna::test
