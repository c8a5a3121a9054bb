#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "lacuna/kernels/sparse_gemv/cuda.hpp"

namespace lacuna::kernels {
namespace {

// Columns (1, 2), (10, 20), (100, 200); inputs 3, −0.5, 2 against a threshold of 0.5: the second column is inactive.
TEST(SparseGemvReference, SkipsInputsAtOrBelowTheThreshold) {
  const std::vector<float> w = {1, 2, 10, 20, 100, 200};
  const std::vector<float> x = {3, -0.5F, 2};
  const std::vector<float> bias = {0.5F, -1};
  std::vector<float> y(2, NAN);
  SparseProduct p{w.data(), 2, 2, 0.5F, bias.data(), y.data()};
  reference::sparse_gemv({DType::f32, x.data(), 3, 1}, {&p, 1});
  EXPECT_EQ(y, (std::vector<float>{203.5F, 405}));
  p.threshold = -1;
  reference::sparse_gemv({DType::f32, x.data(), 3, 1}, {&p, 1});
  EXPECT_EQ(y, (std::vector<float>{198.5F, 395}));
}

TEST(SparseGemvReference, NanIsActiveAndRowsOfABatchAreApart) {
  const std::vector<float> w = {1, 2};
  const std::vector<float> x = {NAN, 0, 4, 1};
  std::vector<float> y(2, 7);
  const SparseProduct p{w.data(), 1, 1, 9.0F, nullptr, y.data()};
  reference::sparse_gemv({DType::f32, x.data(), 2, 2}, {&p, 1});
  EXPECT_TRUE(std::isnan(y[0]));
  EXPECT_EQ(y[1], 0.0F);
}

// gate 0: silu(0) = 0; gate 2: 2 / (1 + e^−2) times up 3.
TEST(SparseGemvReference, GateTimesUp) {
  const std::vector<float> gate = {0, 2};
  const std::vector<float> up = {5, 3};
  const std::vector<float> x = {1};
  std::vector<float> y(2, NAN);
  reference::sparse_gate_up({DType::f32, x.data(), 1, 1}, {gate.data(), 2, 2, 0.0F, nullptr, nullptr},
                            {up.data(), 2, 2, 0.0F, nullptr, nullptr}, y.data());
  EXPECT_EQ(y[0], 0.0F);
  EXPECT_FLOAT_EQ(y[1], static_cast<float>(2.0 / (1.0 + std::exp(-2.0)) * 3.0));
}

}  // namespace
}  // namespace lacuna::kernels
