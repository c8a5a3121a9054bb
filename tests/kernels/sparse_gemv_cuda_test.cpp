// The activation-sparse kernels on a device against reference.cpp.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "kernels/device_values.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/kernels/sparse_gemv/cuda.hpp"

namespace lacuna::kernels {
namespace {

using test::DeviceValues;
using test::Values;

struct Case {
  DType dtype = DType::f16;
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  int batch = 1;
  float threshold = 0.0F;
  std::int64_t column_stride = 0;
  std::int64_t misalign = 0;  // elements that every address is moved by
  SparseGemvOptions options;
};

std::string describe(const Case& c) {
  return std::string(dtype_name(c.dtype)) + " " + std::to_string(c.rows) + "x" + std::to_string(c.cols) + " batch " +
         std::to_string(c.batch) + " t " + std::to_string(c.threshold) + " stride " + std::to_string(c.column_stride) +
         " moved " + std::to_string(c.misalign);
}

struct Data {
  Values w;
  Values x;
  Values bias;

  explicit Data(const Case& c, std::uint64_t seed = 1)
      : w(c.dtype, c.column_stride * c.cols, seed),
        x(c.dtype, c.cols * c.batch, seed + 1),
        bias(c.dtype, c.rows, seed + 2) {}
};

Values on_host(const Case& c, const Data& data) {
  Values y(c.dtype, c.rows * c.batch);
  const SparseProduct p{data.w.data(), c.rows, c.column_stride, c.threshold, data.bias.data(), y.data()};
  reference::sparse_gemv({c.dtype, data.x.data(), c.cols, c.batch}, {&p, 1});
  return y;
}

Values on_device(const Case& c, const Data& data) {
  const DeviceValues w(data.w, c.misalign);
  const DeviceValues x(data.x, c.misalign);
  const DeviceValues bias(data.bias, c.misalign);
  DeviceValues y(c.dtype, c.rows * c.batch, c.misalign);
  const SparseProduct p{w.data(), c.rows, c.column_stride, c.threshold, bias.data(), y.data()};
  sparse_gemv_cuda({c.dtype, x.data(), c.cols, c.batch}, {&p, 1}, nullptr, c.options);
  return y.download();
}

// cuda.hpp's bound: n products of magnitude ~1 in f32, whatever their order (on tensor cores 2n), and one rounding to
// the type. Inputs and weights are normal: Σ|w·x| ≈ 0.64·n, and the sum is at most a few √n.
double tolerance(const Case& c) {
  const auto n = static_cast<double>(c.cols);
  const double unit = c.dtype == DType::f32 ? 0x1.0p-24 : c.dtype == DType::f16 ? 0x1.0p-11 : 0x1.0p-8;
  return (2 * n + 40) * 0x1.0p-24 * n + unit * (6 * std::sqrt(n) + 6);
}

void expect_equal(const Case& c, const Values& actual, const Values& expected) {
  for (std::int64_t i = 0; i < expected.size(); ++i) {
    if (std::isnan(expected.at(i))) {
      ASSERT_TRUE(std::isnan(actual.at(i))) << describe(c) << " at " << i;
    } else if (std::isinf(expected.at(i))) {
      ASSERT_EQ(actual.at(i), expected.at(i)) << describe(c) << " at " << i;
    } else {
      ASSERT_NEAR(actual.at(i), expected.at(i), tolerance(c)) << describe(c) << " at " << i;
    }
  }
}

void run(Case c) {
  if (c.column_stride == 0) c.column_stride = c.rows;
  const Data data(c);
  expect_equal(c, on_device(c, data), on_host(c, data));
}

class SparseGemvCuda : public test::DeviceTest {};

TEST_F(SparseGemvCuda, EveryTypeBatchAndTail) {
  for (const DType dtype : {DType::f16, DType::bf16, DType::f32}) {
    for (const int batch : {1, 2, 4, 8}) {
      for (const std::int64_t rows : {1, 7, 8, 255, 256, 264, 520}) {
        for (const std::int64_t cols : {1, 31, 33, 500}) run({dtype, rows, cols, batch, 0.7F});
      }
    }
  }
}

TEST_F(SparseGemvCuda, ManyPassesOverTheColumns) {
  for (const int batch : {1, 8}) run({DType::f16, 300, 40000, batch, 1.0F, 0, 0, {4, 1}});
}

TEST_F(SparseGemvCuda, AnyAlignmentAndStride) {
  for (const DType dtype : {DType::f16, DType::bf16, DType::f32}) {
    for (const std::int64_t misalign : {0, 1, 3, 8}) {
      for (const std::int64_t extra : {0, 1, 8}) run({dtype, 264, 200, 2, 0.5F, 264 + extra, misalign});
    }
  }
}

// The list of one input is made in steps of 64 columns a warp, the first before the weights are asked for.
TEST_F(SparseGemvCuda, OneInputOfAnyLength) {
  for (const float threshold : {0.0F, 0.7F, 2.5F}) {
    for (const std::int64_t cols : {1024, 1025, 2111, 9000, 20001}) {
      for (const int warps : {4, 16}) run({DType::bf16, 64, cols, 1, threshold, 0, 0, {warps, 1}});
    }
  }
}

TEST_F(SparseGemvCuda, OneInputOfAnyAlignmentBesideAlignedWeights) {
  for (const std::int64_t moved : {0, 1, 2}) {
    Case c{DType::f16, 64, 301, 1, 0.5F, 64};
    const Data data(c);
    const DeviceValues w(data.w, 0);
    const DeviceValues x(data.x, moved);
    DeviceValues y(c.dtype, c.rows, 0);
    const SparseProduct p{w.data(), c.rows, c.column_stride, c.threshold, nullptr, y.data()};
    sparse_gemv_cuda({c.dtype, x.data(), c.cols, 1}, {&p, 1}, nullptr);
    Values expected(c.dtype, c.rows);
    const SparseProduct host{data.w.data(), c.rows, c.column_stride, c.threshold, nullptr, expected.data()};
    reference::sparse_gemv({c.dtype, data.x.data(), c.cols, 1}, {&host, 1});
    expect_equal(c, y.download(), expected);
  }
}

// Weights are the identity, so that y tells which columns were added. Thresholds equal inputs or lie between two
// numbers of the type.
TEST_F(SparseGemvCuda, ThresholdsCompareExactly) {
  const float inf = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float inputs[] = {0.0F, -0.0F, 0.5F, -0.5F, 0.501953125F, 0.49609375F, 1.0F, -1.5F};
  for (const DType dtype : {DType::f16, DType::bf16}) {
    for (const float threshold : {0.0F, -0.0F, -1.0F, 0.25F, 0.5F, 0.5001F, 0.4999F, 1.0F, 1e-30F, 7e4F, inf, nan}) {
      Case c{dtype, 8, 8, 1, threshold, 8};
      Data data(c);
      for (int j = 0; j < 8; ++j) data.x.set(j, inputs[j]);
      for (int i = 0; i < 64; ++i) data.w.set(i, i % 9 == 0 ? 1.0 : 0.0);
      data.w.set(0, inf);  // of an input of 0: NaN where it is added
      for (int i = 0; i < 8; ++i) data.bias.set(i, 0.0);
      expect_equal(c, on_device(c, data), on_host(c, data));
    }
  }
}

TEST_F(SparseGemvCuda, NothingActiveGivesTheBias) {
  Case c{DType::f16, 300, 700, 2, 1e9F, 300};
  const Data data(c);
  const Values y = on_device(c, data);
  for (std::int64_t i = 0; i < y.size(); ++i) ASSERT_EQ(y.at(i), data.bias.at(i % 300));
}

TEST_F(SparseGemvCuda, EverythingActiveIsTheDenseProduct) {
  for (const float threshold : {-1.0F, 0.0F}) run({DType::bf16, 600, 900, 1, threshold});
}

TEST_F(SparseGemvCuda, EveryPlanAgrees) {
  for (const int warps : {4, 8, 16}) {
    for (const int splits : {1, 2, 4, 8}) {
      for (const int tile : {64, 512}) {
        for (const int batch : {1, 8}) run({DType::f16, 1800, 1000, batch, 0.67F, 0, 0, {warps, splits, tile}});
      }
    }
  }
}

TEST_F(SparseGemvCuda, ANanInputIsNeverHidden) {
  Case c{DType::f16, 40, 100, 1, 5.0F, 40};
  Data data(c);
  data.x.set(50, std::numeric_limits<double>::quiet_NaN());
  const Values y = on_device(c, data);
  for (std::int64_t i = 0; i < y.size(); ++i) ASSERT_TRUE(std::isnan(y.at(i)));
}

TEST_F(SparseGemvCuda, InfinitiesFollowTheReference) {
  Case c{DType::bf16, 40, 100, 1, 0.5F, 40};
  Data data(c);
  data.x.set(3, std::numeric_limits<double>::infinity());
  data.w.set(40 * 7 + 5, -std::numeric_limits<double>::infinity());
  data.x.set(7, 2.0);
  data.w.set(40 * 8 + 6, std::numeric_limits<double>::quiet_NaN());
  data.x.set(8, 0.25);  // inactive: the NaN weight is not read
  expect_equal(c, on_device(c, data), on_host(c, data));
}

TEST_F(SparseGemvCuda, ThreeProductsOfOneInput) {
  const Case c{DType::f16, 512, 800, 2, 0, 512};
  const std::int64_t rows[3] = {512, 128, 136};
  const float thresholds[3] = {0.3F, 0.6F, 1.2F};
  const Values x(c.dtype, c.cols * c.batch, 5);
  const DeviceValues device_x(x, 0);
  std::vector<Values> w;
  std::vector<Values> y;
  std::vector<DeviceValues> device_w;
  std::vector<DeviceValues> device_y;
  for (const std::int64_t n : rows) {
    w.emplace_back(c.dtype, n * c.cols, static_cast<std::uint64_t>(n));
    y.emplace_back(c.dtype, n * c.batch);
    device_w.emplace_back(w.back(), 0);
    device_y.emplace_back(c.dtype, n * c.batch, 0);
  }
  std::vector<SparseProduct> on_host;
  std::vector<SparseProduct> on_device;
  for (std::size_t i = 0; i < 3; ++i) {
    on_host.push_back({w[i].data(), rows[i], rows[i], thresholds[i], nullptr, y[i].data()});
    on_device.push_back({device_w[i].data(), rows[i], rows[i], thresholds[i], nullptr, device_y[i].data()});
  }
  reference::sparse_gemv({c.dtype, x.data(), c.cols, c.batch}, on_host);
  sparse_gemv_cuda({c.dtype, device_x.data(), c.cols, c.batch}, on_device);
  for (std::size_t i = 0; i < 3; ++i) expect_equal(c, device_y[i].download(), y[i]);
}

// silu(g)·u multiplies an error of g or u by the other's magnitude, at most a few √cols: 50 here.
TEST_F(SparseGemvCuda, GateAndUpWithSilu) {
  for (const DType dtype : {DType::f16, DType::bf16}) {
    for (const int batch : {1, 8}) {
      for (const float up_threshold : {0.5F, 0.9F}) {
        const Case c{dtype, 344, 128, batch, 0.5F, 344};
        const Data gate(c, 1);
        const Data up(c, 7);
        Values expected(dtype, c.rows * batch);
        reference::sparse_gate_up({dtype, gate.x.data(), c.cols, batch},
                                  {gate.w.data(), c.rows, c.rows, c.threshold, gate.bias.data(), nullptr},
                                  {up.w.data(), c.rows, c.rows, up_threshold, nullptr, nullptr}, expected.data());
        const DeviceValues gate_w(gate.w, 0);
        const DeviceValues gate_bias(gate.bias, 0);
        const DeviceValues up_w(up.w, 0);
        const DeviceValues x(gate.x, 0);
        DeviceValues y(dtype, c.rows * batch, 0);
        sparse_gate_up_cuda({dtype, x.data(), c.cols, batch},
                            {gate_w.data(), c.rows, c.rows, c.threshold, gate_bias.data(), nullptr},
                            {up_w.data(), c.rows, c.rows, up_threshold, nullptr, nullptr}, y.data());
        const Values actual = y.download();
        const double unit = dtype == DType::f16 ? 0x1.0p-11 : 0x1.0p-8;
        for (std::int64_t i = 0; i < expected.size(); ++i) {
          const double error = unit * std::fabs(expected.at(i)) + 50 * 168 * 0x1.0p-24 * 128;
          ASSERT_NEAR(actual.at(i), expected.at(i), error) << describe(c) << " at " << i;
        }
      }
    }
  }
}

TEST_F(SparseGemvCuda, SameBitsEveryTime) {
  const Case c{DType::f16, 4096, 4096, 1, 0.67F, 4096};
  const Data data(c);
  const Values first = on_device(c, data);
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(first == on_device(c, data));
}

// Each product reads what the one before wrote, overlapping launches or not.
TEST_F(SparseGemvCuda, AnOverlappingChainWaitsForItsInput) {
  const Case c{DType::f16, 512, 512, 1, 0.0F, 512};
  Data data(c);
  for (std::int64_t i = 0; i < data.w.size(); ++i) data.w.set(i, data.w.at(i) / 24);
  const DeviceValues w(data.w, 0);
  const auto chain = [&](Overlap overlap) {
    const DeviceValues start(data.x, 0);
    std::vector<DeviceValues> y;
    for (int i = 0; i < 30; ++i) y.emplace_back(c.dtype, c.rows, 0);
    const void* x = start.data();
    for (auto& out : y) {
      const SparseProduct p{w.data(), c.rows, c.column_stride, c.threshold, nullptr, out.data()};
      sparse_gemv_cuda({c.dtype, x, c.cols, 1}, {&p, 1}, nullptr, {0, 0, 0, overlap});
      x = out.data();
    }
    return y.back().download();
  };
  EXPECT_TRUE(chain(Overlap::none) == chain(Overlap::one));
  EXPECT_TRUE(chain(Overlap::none) == chain(Overlap::two));
}

TEST_F(SparseGemvCuda, RefusesWhatItCannotDo) {
  DeviceValues y(DType::f16, 8, 0);
  SparseProduct p{y.data(), 8, 8, 0.0F, nullptr, y.data()};
  const auto refused = [&](SparseInput input, SparseGemvOptions options = {}) {
    EXPECT_THROW(sparse_gemv_cuda(input, {&p, 1}, nullptr, options), Error);
  };
  refused({DType::i8, y.data(), 1, 1});
  refused({DType::f16, y.data(), 0, 1});
  refused({DType::f16, y.data(), 1, 3});
  refused({DType::f16, y.data(), 1, 1}, {5, 0});
  refused({DType::f16, y.data(), 1, 1}, {0, 3});
  refused({DType::f16, y.data(), 1, 1}, {0, 0, 100});
  p.column_stride = 7;
  refused({DType::f16, y.data(), 1, 1});
}

}  // namespace
}  // namespace lacuna::kernels
