#include "lacuna/kernels/dispatch/dispatch.hpp"

#include <atomic>

#include "lacuna/core/cpu.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lacuna/kernels/dispatch/dispatch.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which redefines HWY_TARGET for each pass over this file.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace lacuna::kernels::HWY_NAMESPACE {

const char* own_target() { return hwy::TargetName(HWY_TARGET); }

}  // namespace lacuna::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lacuna::kernels {
namespace {

HWY_EXPORT(own_target);

std::int64_t allowed_targets(IsaLevel level) {
  switch (level) {
    case IsaLevel::scalar: return 0;
    case IsaLevel::avx2: return HWY_AVX2;
    case IsaLevel::avx512: return HWY_AVX2 | HWY_AVX3 | HWY_AVX3_DL;
  }
  return 0;
}

std::atomic<int> applied_level{-1};

}  // namespace

bool use_simd() {
  const IsaLevel level = isa_level();
  if (applied_level.load(std::memory_order_relaxed) != static_cast<int>(level)) {
    hwy::GetChosenTarget().Update(hwy::SupportedTargets() & allowed_targets(level));
    applied_level.store(static_cast<int>(level), std::memory_order_relaxed);
  }
  return level != IsaLevel::scalar;
}

std::string_view dispatched_target() {
  if (!use_simd()) return "scalar";
  return HWY_DYNAMIC_DISPATCH(own_target)();
}

}  // namespace lacuna::kernels
#endif  // HWY_ONCE
