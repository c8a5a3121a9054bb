// Dense products on a device, and the inputs and outputs of every form (device/ends.hpp), against f64 on the host.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "kernels/device_values.hpp"
#include "kernels/sparse_matrices.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/kernels/gemv/cuda.hpp"
#include "lacuna/kernels/packed_gemv/cuda.hpp"
#include "lacuna/kernels/sparse_gemv/cuda.hpp"
#include "lacuna/kernels/transpose/cuda.hpp"

namespace lacuna::kernels {
namespace {

using test::DeviceValues;
using test::from_half;
using test::HalfMatrix;
using test::Values;

double unit_of(DType dtype) { return dtype == DType::f32 ? 0x1.0p-24 : dtype == DType::f16 ? 0x1.0p-11 : 0x1.0p-8; }

DeviceDense upload(const HalfMatrix& w, DType dtype, int row_multiple = 1) {
  DeviceDense dense(dtype, w.rows, w.cols, row_multiple);
  const std::int64_t half = w.rows / 2;  // in two parts
  if (half > 0) dense.upload(0, w.view().block(0, half, 0, w.cols));
  dense.upload(half, w.view().block(half, w.rows - half, 0, w.cols));
  return dense;
}

struct Sums {
  std::vector<double> sums;
  std::vector<double> magnitudes;
};

Sums multiply(const HalfMatrix& w, DType dtype, const std::vector<double>& x, const std::vector<double>& start) {
  Sums out;
  for (std::int64_t r = 0; r < w.rows; ++r) {
    double sum = start[static_cast<std::size_t>(r)];
    double magnitude = std::fabs(sum);
    for (std::int64_t c = 0; c < w.cols; ++c) {
      const double product =
          from_half(dtype, w.bits[static_cast<std::size_t>(r * w.cols + c)]) * x[static_cast<std::size_t>(c)];
      sum += product;
      magnitude += std::fabs(product);
    }
    out.sums.push_back(sum);
    out.magnitudes.push_back(magnitude);
  }
  return out;
}

// (cols/8 + 48)·2⁻²²: the widest of the forms' bounds relative to Σ|w·x|, that of 2:4, and a start value; then one
// rounding to y's type, `input_error` for inputs that the host rounds differently, and the least step of f16.
void expect_sums(const Values& y, const Sums& expected, std::int64_t cols, double input_error,
                 const std::string& what) {
  const double unit = (static_cast<double>(cols) / 8 + 48) * 0x1.0p-22 + input_error;
  for (std::int64_t r = 0; r < y.size(); ++r) {
    const auto i = static_cast<std::size_t>(r);
    const double sum = expected.sums[i];
    if (std::isnan(sum)) {
      ASSERT_TRUE(std::isnan(y.at(r))) << what << " row " << r;
    } else if (std::isinf(sum)) {
      ASSERT_EQ(y.at(r), sum) << what << " row " << r;
    } else {
      const double error = unit * expected.magnitudes[i] + unit_of(y.dtype()) * std::fabs(sum) + 0x1.0p-24;
      ASSERT_NEAR(y.at(r), sum, error) << what << " row " << r;
    }
  }
}

std::vector<double> as_doubles(const Values& values) {
  std::vector<double> out;
  for (std::int64_t i = 0; i < values.size(); ++i) out.push_back(values.at(i));
  return out;
}

std::string describe(DType dtype, const HalfMatrix& w) {
  return std::string(dtype_name(dtype)) + " " + std::to_string(w.rows) + "x" + std::to_string(w.cols);
}

void run_dense(DType dtype, const HalfMatrix& w, const Values& x, std::int64_t misalign = 0) {
  const Values bias(dtype, w.rows, 3);
  const DeviceDense dense = upload(w, dtype);
  const DeviceValues device_x(x, misalign);
  const DeviceValues device_bias(bias, misalign);
  DeviceValues y(dtype, w.rows, misalign);
  dense.multiply({device_x.data()}, {y.data(), OutputKind::store, device_bias.data()});
  expect_sums(y.download(), multiply(w, dtype, as_doubles(x), as_doubles(bias)), w.cols, 0.0, describe(dtype, w));
}

class DenseGemvCuda : public test::DeviceTest {};

TEST_F(DenseGemvCuda, EveryTypeAndTail) {
  for (const DType dtype : {DType::f16, DType::bf16}) {
    for (const std::int64_t cols : {1, 8, 33, 255, 256, 257, 1000, 1024, 1376}) {
      for (const std::int64_t rows : {1, 5, 67, 2113}) {
        run_dense(dtype, test::random_half_matrix(rows, cols, 0.0, 7, dtype), Values(dtype, cols, 2));
      }
    }
  }
}

TEST_F(DenseGemvCuda, WideRowsLeaveRoomForFewerWarps) {
  for (const std::int64_t cols : {11008, 28672, 60000}) {
    run_dense(DType::f16, test::random_half_matrix(140, cols, 0.0, 7), Values(DType::f16, cols, 2));
  }
}

TEST_F(DenseGemvCuda, AnyAlignmentOfTheVectors) {
  for (const std::int64_t misalign : {1, 3, 8}) {
    run_dense(DType::bf16, test::random_half_matrix(50, 700, 0.0, 7, DType::bf16), Values(DType::bf16, 700, 2),
              misalign);
  }
}

TEST_F(DenseGemvCuda, NanAndInfinityReachEveryRowThatMeetsThem) {
  HalfMatrix w = test::random_half_matrix(40, 300, 0.0, 7);
  w.at(3, 17) = 0x7e00;  // NaN
  Values x(DType::f16, 300, 2);
  run_dense(DType::f16, w, x);
  x.set(290, std::numeric_limits<double>::infinity());
  run_dense(DType::f16, w, x);
  x.set(5, std::numeric_limits<double>::quiet_NaN());
  run_dense(DType::f16, w, x);
}

TEST_F(DenseGemvCuda, ZeroWeightsGiveTheBias) {
  run_dense(DType::f16, HalfMatrix(33, 500), Values(DType::f16, 500, 2));
}

TEST_F(DenseGemvCuda, RefusesWhatItCannotHold) {
  EXPECT_THROW(DeviceDense(DType::f32, 4, 4), Error);
  EXPECT_THROW(DeviceDense(DType::f16, 0, 4), Error);
  EXPECT_THROW(DeviceDense(DType::f16, 4, 200000), Error);
  EXPECT_THROW(DeviceDense(DType::f16, 3, 4, 2), Error);
}

TEST_F(DenseGemvCuda, SameBitsEveryTime) {
  const HalfMatrix w = test::random_half_matrix(4096, 1376, 0.0, 7);
  const DeviceDense dense = upload(w, DType::f16);
  const DeviceValues x(Values(DType::f16, 1376, 2), 0);
  const auto once = [&] {
    DeviceValues y(DType::f16, 4096, 0);
    dense.multiply({x.data()}, {y.data()});
    return y.download();
  };
  const Values first = once();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(first == once());
}

// The ends, for all forms of one 2:4 matrix of `cols` columns.
class ProductEndsCuda : public test::DeviceTest {
 protected:
  using Multiply = std::function<void(const ProductInput&, const ProductOutput&)>;

  // Runs `check` with every form; columns form no pairs.
  static void for_each_form(const HalfMatrix& w, DType dtype, bool pairs,
                            const std::function<void(const std::string&, const Multiply&)>& check) {
    const DeviceDense dense = upload(w, dtype, pairs ? 2 : 1);
    check("dense", [&](const auto& input, const auto& output) { dense.multiply(input, output); });
    const DeviceRowBundles bundles(make_row_bundles(w.view(), dtype, 3, pairs));
    check("bundles", [&](const auto& input, const auto& output) { bundles.multiply(input, output); });
    const DeviceTwoFour two_four(make_two_four(w.view(), dtype));
    check("2:4", [&](const auto& input, const auto& output) { two_four.multiply(input, output); });
    if (pairs) return;
    DeviceBuffer columns(static_cast<std::size_t>(w.rows * w.cols) * 2);
    transpose_16_cuda(dense.data(), w.rows, w.cols, dense.row_stride(), columns.data(), w.rows);
    check("columns", [&](const ProductInput& input, const ProductOutput& output) {
      const SparseProduct p{columns.data(), w.rows, w.rows, -1.0F, output.bias, output.y, output.kind};
      sparse_gemv_cuda({dtype, input.x, w.cols, 1, input.norm_weight, input.epsilon}, {&p, 1});
    });
  }
};

TEST_F(ProductEndsCuda, NormalisedInputs) {
  for (const DType dtype : {DType::f16, DType::bf16}) {
    for (const std::int64_t cols : {32, 260, 4096}) {
      const HalfMatrix w = test::random_two_four(72, cols, 4, dtype);
      const Values hidden(DType::f32, cols, 5);
      const Values weight(DType::f32, cols, 6);
      double squares = 0.0;
      for (const double v : as_doubles(hidden)) squares += v * v;
      const double scale = 1.0 / std::sqrt(squares / static_cast<double>(cols) + 0.01);
      Values x(dtype, cols);
      for (std::int64_t c = 0; c < cols; ++c) x.set(c, weight.at(c) * hidden.at(c) * scale);
      const Sums expected = multiply(w, dtype, as_doubles(x), std::vector<double>(72, 0.0));
      const DeviceValues device_hidden(hidden, 0);
      const DeviceValues device_weight(weight, 0);
      const ProductInput input{device_hidden.data(), InputKind::normalised,
                               reinterpret_cast<const float*>(device_weight.data()), 0.01F};
      for_each_form(w, dtype, false, [&](const std::string& form, const Multiply& run) {
        DeviceValues y(dtype, 72, 0);
        run(input, {y.data()});
        // An input that lies at a rounding boundary may be rounded to either side: a unit of one of many.
        expect_sums(y.download(), expected, cols, unit_of(dtype), form + " " + describe(dtype, w));
      });
    }
  }
}

// silu(g)·u: an error of g or u is multiplied by the other, at most 6·√(Σw²x²) here, and by silu's slope, below 1.1.
TEST_F(ProductEndsCuda, GatesOfRowPairs) {
  for (const DType dtype : {DType::f16, DType::bf16}) {
    for (const std::int64_t cols : {32, 1376}) {
      for (const std::int64_t pairs : {1, 20, 3000}) {
        HalfMatrix w = test::random_two_four(2 * pairs, cols, 4, dtype);
        const Values x(dtype, cols, 5);
        const Values bias(dtype, 2 * pairs, 6);
        const Sums sums = multiply(w, dtype, as_doubles(x), as_doubles(bias));
        Sums expected;
        for (std::size_t i = 0; i < static_cast<std::size_t>(pairs); ++i) {
          const double gate = sums.sums[2 * i];
          const double up = sums.sums[2 * i + 1];
          expected.sums.push_back(gate / (1.0 + std::exp(-gate)) * up);
          expected.magnitudes.push_back(
              1.1 * (std::fabs(up) * sums.magnitudes[2 * i] + std::fabs(gate) * sums.magnitudes[2 * i + 1]));
        }
        const DeviceValues device_x(x, 0);
        const DeviceValues device_bias(bias, 0);
        for_each_form(w, dtype, true, [&](const std::string& form, const Multiply& run) {
          DeviceValues y(dtype, pairs, 0);
          run({device_x.data()}, {y.data(), OutputKind::gate, device_bias.data()});
          expect_sums(y.download(), expected, cols, 0.0, form + " " + describe(dtype, w));
        });
      }
    }
  }
}

TEST_F(ProductEndsCuda, OutputsInF32AndAdded) {
  const DType dtype = DType::f16;
  const HalfMatrix w = test::random_two_four(200, 300, 4, dtype);
  const Values x(dtype, 300, 2);
  const Values bias(dtype, 200, 3);
  const Values residual(DType::f32, 200, 4);
  std::vector<double> start = as_doubles(bias);
  const Sums stored = multiply(w, dtype, as_doubles(x), start);
  for (std::size_t i = 0; i < start.size(); ++i) start[i] += residual.at(static_cast<std::int64_t>(i));
  const Sums added = multiply(w, dtype, as_doubles(x), start);
  const DeviceValues device_x(x, 0);
  const DeviceValues device_bias(bias, 0);
  for_each_form(w, dtype, false, [&](const std::string& form, const Multiply& run) {
    DeviceValues y(DType::f32, 200, 0);
    run({device_x.data()}, {y.data(), OutputKind::store_f32, device_bias.data()});
    expect_sums(y.download(), stored, 300, 0.0, form + " stored");
    DeviceValues sum(residual, 0);
    run({device_x.data()}, {sum.data(), OutputKind::add_f32, device_bias.data()});
    expect_sums(sum.download(), added, 300, 0.0, form + " added");
  });
}

}  // namespace
}  // namespace lacuna::kernels
