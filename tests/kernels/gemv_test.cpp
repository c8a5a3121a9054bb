#include "lacuna/kernels/gemv/gemv.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "kernels/random_values.hpp"
#include "lacuna/core/dtype.hpp"
#include "support/isa_levels.hpp"

namespace lacuna::kernels {
namespace {

TEST(Gemv, EveryIsaAgreesWithScalar) {
  constexpr std::int64_t kRows = 5;
  for (const std::int64_t k : test::lane_edge_lengths()) {
    const std::int64_t stride = k + 3;
    const auto w = test::normal_values(static_cast<std::size_t>(kRows * stride), 15);
    const auto x = test::normal_values(static_cast<std::size_t>(k), 16);
    std::vector<std::uint16_t> half(w.size());
    for (std::size_t i = 0; i < w.size(); ++i) half[i] = f32_to_bf16(w[i]);
    const MatrixView<const float> wide(w.data(), kRows, k, stride);
    const MatrixView<const std::uint16_t> narrow(half.data(), kRows, k, stride);
    std::vector<std::uint16_t> f16(w.size());
    for (std::size_t i = 0; i < w.size(); ++i) f16[i] = f32_to_f16(w[i]);
    const MatrixView<const std::uint16_t> narrow_f16(f16.data(), kRows, k, stride);
    for (const float beta : {0.0F, 1.0F, -0.5F}) {
      std::vector<float> expected(kRows, 2.0F);
      std::vector<float> expected_bf16(kRows, 2.0F);
      scalar::gemv(wide, x.data(), expected.data(), 1.5F, beta);
      scalar::gemv_bf16(narrow, x.data(), expected_bf16.data(), 1.5F, beta);
      std::vector<float> expected_f16(kRows, 2.0F);
      scalar::gemv_f16(narrow_f16, x.data(), expected_f16.data(), 1.5F, beta);
      for (const IsaLevel level : test::runnable_isa_levels()) {
        const test::ForcedIsaLevel forced(level);
        std::vector<float> y(kRows, 2.0F);
        std::vector<float> y_bf16(kRows, 2.0F);
        gemv(wide, x.data(), y.data(), 1.5F, beta);
        gemv_bf16(narrow, x.data(), y_bf16.data(), 1.5F, beta);
        std::vector<float> y_f16(kRows, 2.0F);
        gemv_f16(narrow_f16, x.data(), y_f16.data(), 1.5F, beta);
        for (std::size_t r = 0; r < kRows; ++r) {
          double magnitude = 4.0;  // of beta · y and the sum's last roundings
          for (std::int64_t c = 0; c < k; ++c) {
            magnitude += std::fabs(static_cast<double>(wide(static_cast<std::int64_t>(r), c)) *
                                   static_cast<double>(x[static_cast<std::size_t>(c)]));
          }
          // gemv.hpp's bound at 8 lanes plus up to 15 tail elements summed one by one, twice for alpha.
          const double tolerance = 2 * (static_cast<double>(k) / 32 + 8 + 16) * 0x1.0p-24 * magnitude;
          ASSERT_NEAR(y[r], expected[r], tolerance) << isa_name(level) << " k=" << k;
          ASSERT_NEAR(y_bf16[r], expected_bf16[r], tolerance) << isa_name(level) << " k=" << k;
          ASSERT_NEAR(y_f16[r], expected_f16[r], tolerance) << isa_name(level) << " k=" << k;
        }
      }
    }
  }
}

TEST(Gemv, ZeroBetaIgnoresWhatWasThere) {
  const std::vector<float> w = {1, 2};
  const std::vector<float> x = {3, 4};
  for (const IsaLevel level : test::runnable_isa_levels()) {
    const test::ForcedIsaLevel forced(level);
    float y = std::nanf("");
    gemv({w.data(), 1, 2}, x.data(), &y);
    EXPECT_EQ(y, 11.0F);
  }
}

}  // namespace
}  // namespace lacuna::kernels
