// Products of many tokens on a device against sums in f64.
#include <gtest/gtest.h>

#include <cmath>

#include "kernels/device_values.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/kernels/gemm/cuda.hpp"

namespace lacuna::kernels {
namespace {

using test::DeviceValues;
using test::Values;

struct Case {
  DType dtype = DType::f16;
  std::int64_t tokens = 0;
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  bool columns = false;
  OutputKind kind = OutputKind::store;
};

std::string describe(const Case& c) {
  return std::string(dtype_name(c.dtype)) + " " + std::to_string(c.tokens) + " tokens, " + std::to_string(c.rows) +
         "x" + std::to_string(c.cols) + (c.columns ? " by columns" : "");
}

std::int64_t octets(std::int64_t n) { return (n + 7) / 8 * 8; }

struct Data {
  Values w;     // rows×octets(cols), or cols×octets(rows)
  Values x;     // tokens×octets(cols)
  Values bias;  // rows

  explicit Data(const Case& c)
      : w(c.dtype, c.columns ? c.cols * octets(c.rows) : c.rows * octets(c.cols), 1),
        x(c.dtype, c.tokens * octets(c.cols), 2),
        bias(c.dtype, c.rows, 3) {
    for (std::int64_t i = 0; i < x.size(); ++i) {
      if (i % octets(c.cols) >= c.cols) x.set(i, 0.0);
    }
    for (std::int64_t i = 0; i < w.size() && !c.columns; ++i) {
      if (i % octets(c.cols) >= c.cols) w.set(i, 0.0);
    }
  }

  double sum(const Case& c, std::int64_t token, std::int64_t row) const {
    double sum = bias.at(row);
    for (std::int64_t j = 0; j < c.cols; ++j) {
      const std::int64_t place = c.columns ? j * octets(c.rows) + row : row * octets(c.cols) + j;
      sum += w.at(place) * x.at(token * octets(c.cols) + j);
    }
    return sum;
  }
};

Values on_device(const Case& c, const Data& data, const Values& before, std::int64_t y_stride) {
  const DeviceValues w(data.w, 0);
  const DeviceValues x(data.x, 0);
  const DeviceValues bias(data.bias, 0);
  DeviceValues y(before, 0);
  const std::int64_t stride = c.columns ? octets(c.rows) : octets(c.cols);
  gemm_cuda({c.dtype, w.data(), c.rows, c.cols, stride, c.columns}, {x.data(), c.tokens, octets(c.cols)},
            {y.data(), c.kind, bias.data()}, y_stride);
  return y.download();
}

// gemm/cuda.hpp's bound with inputs and weights normal: Σ|w·x| ≈ 0.64·n; the sum is at most a few √n, of which the type
// keeps its unit.
double tolerance(const Case& c, double value) {
  const auto n = static_cast<double>(c.cols);
  const double unit = c.kind != OutputKind::store && c.kind != OutputKind::gate ? 0x1.0p-24
                      : c.dtype == DType::f16                                   ? 0x1.0p-11
                                                                                : 0x1.0p-8;
  return 2 * (n + 16) * 0x1.0p-24 * n + unit * (std::fabs(value) + 1e-3);
}

void run(const Case& c) {
  const Data data(c);
  const DType out_type = c.kind == OutputKind::store || c.kind == OutputKind::gate ? c.dtype : DType::f32;
  const std::int64_t width = c.kind == OutputKind::gate ? c.rows / 2 : c.rows;
  const std::int64_t y_stride = width + 3;
  const Values before(out_type, c.tokens * y_stride, 9);
  const Values y = on_device(c, data, before, y_stride);
  for (std::int64_t t = 0; t < c.tokens; ++t) {
    for (std::int64_t i = 0; i < width; ++i) {
      double expected = 0.0;
      double slack = 1.0;
      if (c.kind == OutputKind::gate) {
        const double gate = data.sum(c, t, 2 * i);
        const double up = data.sum(c, t, 2 * i + 1);
        expected = gate / (1.0 + std::exp(-gate)) * up;
        slack += std::fabs(gate) + std::fabs(up);  // by which one's error is multiplied
      } else {
        expected = data.sum(c, t, i) + (c.kind == OutputKind::add_f32 ? before.at(t * y_stride + i) : 0.0);
      }
      ASSERT_NEAR(y.at(t * y_stride + i), expected, slack * tolerance(c, expected))
          << describe(c) << " " << t << " " << i;
    }
    for (std::int64_t i = width; i < y_stride; ++i) {
      ASSERT_EQ(y.at(t * y_stride + i), before.at(t * y_stride + i)) << "beyond the row";
    }
  }
}

class GemmCuda : public test::DeviceTest {};

TEST_F(GemmCuda, EveryTailOfTheTiles) {
  for (const DType dtype : {DType::f16, DType::bf16}) {
    for (const bool columns : {false, true}) {
      for (const std::int64_t tokens : {1, 17, 128, 130}) {
        for (const std::int64_t rows : {1, 7, 128, 201}) {
          for (const std::int64_t cols : {1, 63, 64, 200}) run({dtype, tokens, rows, cols, columns});
        }
      }
    }
  }
}

TEST_F(GemmCuda, EveryOutput) {
  for (const auto kind : {OutputKind::store, OutputKind::add_f32, OutputKind::store_f32, OutputKind::gate}) {
    for (const bool columns : {false, true}) run({DType::f16, 33, 200, 136, columns, kind});
  }
}

TEST_F(GemmCuda, RefusesWhatItCannotDo) {
  DeviceValues y(DType::f16, 64, 0);
  const auto refused = [&](const GemmWeights& w, const GemmInput& x, OutputKind kind = OutputKind::store) {
    EXPECT_THROW(gemm_cuda(w, x, {y.data(), kind}, 8), Error);
  };
  refused({DType::f32, y.data(), 8, 8, 8}, {y.data(), 1, 8});
  refused({DType::f16, y.data(), 8, 8, 4}, {y.data(), 1, 8});
  refused({DType::f16, y.data(), 8, 8, 8}, {y.data(), 0, 8});
  refused({DType::f16, y.data(), 16, 8, 8}, {y.data(), 1, 8});                         // outputs 8 apart
  refused({DType::f16, y.data(), std::int64_t{65536} * 128, 8, 8}, {y.data(), 1, 8});  // more tiles than a grid has
  refused({DType::f16, y.data() + 2, 8, 8, 8}, {y.data(), 1, 8});
  refused({DType::f16, y.data(), 7, 8, 8}, {y.data(), 1, 8}, OutputKind::gate);
}

}  // namespace
}  // namespace lacuna::kernels
