#include "lacuna/core/cpu.hpp"

#include <fmt/format.h>

#include <atomic>
#include <cstdlib>
#include <fstream>

#include "lacuna/core/error.hpp"

namespace lacuna {
namespace {

IsaLevel level_from_environment() {
  const IsaLevel detected = detected_isa_level();
  const char* wanted = std::getenv("LACUNA_ISA");
  if (wanted == nullptr || *wanted == '\0') return detected;
  const auto level = parse_isa(wanted);
  if (!level) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("LACUNA_ISA: expected scalar, avx2 or avx512, got {}", wanted));
  }
  return std::min(*level, detected);
}

std::atomic<int> forced_level{-1};

}  // namespace

IsaLevel detected_isa_level() {
  static const IsaLevel level = [] {
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
                        __builtin_cpu_supports("avx512vpopcntdq");
    if (avx512) return IsaLevel::avx512;
    return avx2 ? IsaLevel::avx2 : IsaLevel::scalar;
  }();
  return level;
}

IsaLevel isa_level() {
  const int forced = forced_level.load(std::memory_order_relaxed);
  if (forced >= 0) return static_cast<IsaLevel>(forced);
  static const IsaLevel level = level_from_environment();
  return level;
}

void set_isa_level(IsaLevel level) {
  if (level > detected_isa_level()) {
    throw Error(ErrorCode::invalid_argument, fmt::format("this processor supports up to {}, got {}",
                                                         isa_name(detected_isa_level()), isa_name(level)));
  }
  forced_level.store(static_cast<int>(level));
}

std::string_view isa_name(IsaLevel level) {
  switch (level) {
    case IsaLevel::scalar: return "scalar";
    case IsaLevel::avx2: return "avx2";
    case IsaLevel::avx512: return "avx512";
  }
  return "unknown";
}

std::optional<IsaLevel> parse_isa(std::string_view name) {
  for (const auto level : {IsaLevel::scalar, IsaLevel::avx2, IsaLevel::avx512}) {
    if (isa_name(level) == name) return level;
  }
  return std::nullopt;
}

bool cpu_has_bf16() { return __builtin_cpu_supports("avx512bf16"); }

std::string cpu_model() {
  std::ifstream info("/proc/cpuinfo");
  std::string line;
  while (std::getline(info, line)) {
    if (line.rfind("model name", 0) != 0) continue;
    const auto colon = line.find(": ");
    if (colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown";
}

}  // namespace lacuna
