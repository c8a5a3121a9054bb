#include "lacuna/kernels/dispatch/dispatch.hpp"

#include <gtest/gtest.h>

#include "support/isa_levels.hpp"

namespace lacuna::kernels {
namespace {

TEST(Dispatch, TheForcedLevelIsTheOneThatRuns) {
  for (const IsaLevel level : test::runnable_isa_levels()) {
    const test::ForcedIsaLevel forced(level);
    const auto target = dispatched_target();
    switch (level) {
      case IsaLevel::scalar: EXPECT_EQ(target, "scalar"); break;
      case IsaLevel::avx2: EXPECT_EQ(target, "AVX2"); break;
      case IsaLevel::avx512: EXPECT_TRUE(target == "AVX3" || target == "AVX3_DL") << target; break;
    }
  }
}

}  // namespace
}  // namespace lacuna::kernels
