// Packed weights on a device against a product in f64 over the kept positions.
#include "lacuna/kernels/packed_gemv/cuda.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/device_values.hpp"
#include "kernels/sparse_matrices.hpp"

namespace lacuna::kernels {
namespace {

using test::DeviceValues;
using test::from_half;
using test::HalfMatrix;
using test::Values;

struct Expected {
  std::vector<double> sums;
  std::vector<double> magnitudes;  // Σ|w·x| + |bias|
};

Expected multiply(const HalfMatrix& w, const Values& x, const Values& bias) {
  Expected out;
  for (std::int64_t r = 0; r < w.rows; ++r) {
    double sum = bias.at(r);
    double magnitude = std::fabs(sum);
    for (std::int64_t c = 0; c < w.cols; ++c) {
      const std::uint16_t bits = w.bits[static_cast<std::size_t>(r * w.cols + c)];
      if ((bits & 0x7fffU) == 0) continue;
      const double product = from_half(x.dtype(), bits) * x.at(c);
      sum += product;
      magnitude += std::fabs(product);
    }
    out.sums.push_back(sum);
    out.magnitudes.push_back(magnitude);
  }
  return out;
}

template <typename Packed>
Values on_device(const Packed& packed, std::int64_t rows, const Values& x, const Values& bias, std::int64_t misalign,
                 float threshold = -1.0F) {
  const DeviceValues device_x(x, misalign);
  const DeviceValues device_bias(bias, misalign);
  DeviceValues y(x.dtype(), rows, misalign);
  ProductInput input{device_x.data()};
  input.threshold = threshold;
  packed.multiply(input, {y.data(), OutputKind::store, device_bias.data()});
  return y.download();
}

// `unit_sum`: cuda.hpp's bound for a row, relative to Σ|w·x|. The result is rounded once more to its type; f16 results
// below 2⁻¹⁴ are denormal with a fixed step.
void expect_equal(const Values& y, const Expected& expected, double unit_sum, const std::string& what) {
  const double unit = y.dtype() == DType::f16 ? 0x1.0p-11 : 0x1.0p-8;
  for (std::int64_t r = 0; r < y.size(); ++r) {
    const double sum = expected.sums[static_cast<std::size_t>(r)];
    if (std::isnan(sum)) {
      ASSERT_TRUE(std::isnan(y.at(r))) << what << " row " << r;
    } else if (std::isinf(sum)) {
      ASSERT_EQ(y.at(r), sum) << what << " row " << r;
    } else {
      const double error = unit_sum * expected.magnitudes[static_cast<std::size_t>(r)];
      ASSERT_NEAR(y.at(r), sum, error * (1 + unit) + unit * std::fabs(sum) + 0x1.0p-25) << what << " row " << r;
    }
  }
}

double bundle_unit(std::int64_t cols) { return (static_cast<double>(cols) / 8 + 8) * 0x1.0p-24; }
double tensor_unit(std::int64_t cols) { return (static_cast<double>(cols) / 8 + 8) * 0x1.0p-22; }

// The dense matrix that the device makes of its packed form, for products of many tokens.
template <typename Packed>
void expect_expands(const Packed& packed, DType dtype, const HalfMatrix& w) {
  const std::int64_t stride = (w.cols + 7) / 8 * 8 + 8;
  DeviceValues dense(dtype, w.rows * stride, 0);
  packed.expand(dense.data(), stride);
  const Values actual = dense.download();
  for (std::int64_t i = 0; i < actual.size(); ++i) {
    const std::int64_t c = i % stride;
    std::uint16_t expected = c < w.cols ? w.bits[static_cast<std::size_t>(i / stride * w.cols + c)] : std::uint16_t{0};
    if ((expected & 0x7fffU) == 0) expected = 0;
    std::uint16_t bits = 0;
    std::memcpy(&bits, actual.data() + i * 2, 2);
    ASSERT_EQ(bits, expected) << w.rows << "x" << w.cols << " row " << i / stride << " column " << c;
  }
}

void run_bundles(DType dtype, const HalfMatrix& w, int multiprocessors, std::int64_t misalign = 0) {
  const Values x(dtype, w.cols, 2);
  const Values bias(dtype, w.rows, 3);
  const DeviceRowBundles packed(make_row_bundles(w.view(), dtype, multiprocessors));
  expect_equal(
      on_device(packed, w.rows, x, bias, misalign), multiply(w, x, bias), bundle_unit(w.cols),
      std::to_string(w.rows) + "x" + std::to_string(w.cols) + " multiprocessors " + std::to_string(multiprocessors));
  expect_expands(packed, dtype, w);
}

void run_two_four(DType dtype, std::int64_t rows, std::int64_t cols, std::int64_t misalign = 0) {
  const HalfMatrix w = test::random_two_four(rows, cols, 4, dtype);
  const Values x(dtype, cols, 2);
  const Values bias(dtype, rows, 3);
  const DeviceTwoFour packed(make_two_four(w.view(), dtype));
  expect_equal(on_device(packed, rows, x, bias, misalign), multiply(w, x, bias), tensor_unit(cols),
               std::to_string(rows) + "x" + std::to_string(cols));
  expect_expands(packed, dtype, w);
}

class PackedGemvCuda : public test::DeviceTest {};

TEST_F(PackedGemvCuda, RowBundlesOfEveryTypeSparsityAndTail) {
  for (const DType dtype : {DType::f16, DType::bf16}) {
    for (const double zeros : {0.0, 0.5, 0.9, 0.98, 1.0}) {
      for (const std::int64_t cols : {1, 8, 33, 257, 1000}) {
        for (const std::int64_t rows : {1, 5, 67}) {
          run_bundles(dtype, test::random_half_matrix(rows, cols, zeros, 7, dtype), rows % 2 + 1);
        }
      }
    }
  }
}

TEST_F(PackedGemvCuda, MadeForAnyNumberOfMultiprocessors) {
  const HalfMatrix w = test::random_half_matrix(9000, 300, 0.6, 7);
  for (const int multiprocessors : {1, 7, 132, 1000}) run_bundles(DType::f16, w, multiprocessors);
}

// Long rows on many multiprocessors, on a few, short rows.
TEST_F(PackedGemvCuda, BundlesOfAnyNumberOfRows) {
  for (const double zeros : {0.5, 0.9}) {
    const HalfMatrix w = test::random_half_matrix(131, 11000, zeros, 7);
    for (const auto& [multiprocessors, rows] : {std::pair{132, 1}, {5, 2}, {2, 4}}) {
      ASSERT_EQ(make_row_bundles(w.view(), DType::f16, multiprocessors).rows_in_bundle, rows);
      run_bundles(DType::f16, w, multiprocessors);
    }
  }
  const HalfMatrix w = test::random_half_matrix(131, 11000, 0.97, 7);
  ASSERT_EQ(make_row_bundles(w.view(), DType::f16, 1).rows_in_bundle, 8);
  run_bundles(DType::f16, w, 1);
}

// Rows of very different length, as heads or experts have that are pruned unequally.
TEST_F(PackedGemvCuda, UnevenRows) {
  HalfMatrix w = test::random_half_matrix(300, 2048, 0.95, 7);
  const HalfMatrix full = test::random_half_matrix(1, 2048, 0.0, 8);
  for (const std::int64_t r : {0, 77, 78, 299}) std::copy_n(full.view().row(0), w.cols, w.view().row(r));
  for (std::int64_t r = 100; r < 140; ++r) std::fill_n(w.view().row(r), w.cols, std::uint16_t{0});
  for (const int multiprocessors : {1, 132}) run_bundles(DType::f16, w, multiprocessors);
}

TEST_F(PackedGemvCuda, LargeShapes) {
  run_bundles(DType::f16, test::random_half_matrix(300, 11008, 0.5, 7), 132);
  run_bundles(DType::bf16, test::random_half_matrix(64, 28672, 0.9, 7, DType::bf16), 132);
  run_bundles(DType::f16, test::random_half_matrix(9, 65535, 0.9, 7), 1);
  run_two_four(DType::f16, 300, 11008);
  run_two_four(DType::bf16, 64, 28672);
}

TEST_F(PackedGemvCuda, CrowdedCorners) {
  HalfMatrix w(200, 4096);
  for (std::int64_t r = 0; r < w.rows; ++r) {
    for (std::int64_t c = 0; c < w.cols; ++c) {
      if ((r % 2 == 0 ? c < 600 : c >= 3500) || c % (r + 2) == 0) w.at(r, c) = f32_to_f16(1.0F);
    }
  }
  run_bundles(DType::f16, w, 2);
}

// Columns 64 apart lie in one bank: a warp's loads take 32 times as long, and stand in line before others'. A stage of
// the ring must not be filled again before they have read it.
TEST_F(PackedGemvCuda, LanesThatMeetInOneBankReadWhatIsTheirs) {
  HalfMatrix w(1376, 16384);
  const HalfMatrix values = test::random_half_matrix(1376, 256, 0.0, 3);
  for (std::int64_t r = 0; r < w.rows; ++r) {
    for (std::int64_t i = 0; i < 256; ++i) {
      w.at(r, 64 * i) = values.bits[static_cast<std::size_t>(r * 256 + i)];
    }
  }
  const Values x(DType::f16, w.cols, 5);
  const Values bias(DType::f16, w.rows, 6);
  const Expected expected = multiply(w, x, bias);
  for (const int multiprocessors : {2, 8, 132}) {
    const DeviceRowBundles packed(make_row_bundles(w.view(), DType::f16, multiprocessors));
    expect_equal(on_device(packed, w.rows, x, bias, 0), expected, bundle_unit(w.cols), std::to_string(multiprocessors));
  }
}

TEST_F(PackedGemvCuda, AnyAlignment) {
  for (const std::int64_t misalign : {1, 3, 8}) {
    run_bundles(DType::f16, test::random_half_matrix(50, 700, 0.5, 7), 1, misalign);
    run_two_four(DType::f16, 50, 700, misalign);
  }
}

TEST_F(PackedGemvCuda, TwoFourOfEveryTypeAndTail) {
  for (const DType dtype : {DType::f16, DType::bf16}) {
    for (const std::int64_t rows : {1, 2, 3, 67, 5000}) {
      for (const std::int64_t cols : {1, 4, 31, 32, 256, 257, 1376}) run_two_four(dtype, rows, cols);
    }
  }
}

// An infinite or NaN input spreads to the rows that keep its column and to no other.
TEST_F(PackedGemvCuda, SpecialInputsSpreadThroughKeptWeightsOnly) {
  for (const double special : {std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()}) {
    for (const DType dtype : {DType::f16, DType::bf16}) {
      const std::int64_t cols = 512;
      Values x(dtype, cols, 2);
      for (const std::int64_t c : {0, 13, 255, 511}) x.set(c, special);
      const Values bias(dtype, 70, 3);
      for (const double zeros : {0.5, 0.93}) {
        const HalfMatrix w = test::random_half_matrix(70, cols, zeros, 7, dtype);
        const DeviceRowBundles bundles(make_row_bundles(w.view(), dtype, 2));
        expect_equal(on_device(bundles, 70, x, bias, 0), multiply(w, x, bias), bundle_unit(cols), "bundles");
      }
      const HalfMatrix w = test::random_two_four(70, cols, 4, dtype);
      const DeviceTwoFour two_four(make_two_four(w.view(), dtype));
      expect_equal(on_device(two_four, 70, x, bias, 0), multiply(w, x, bias), tensor_unit(cols), "2:4");
    }
  }
}

// Bit by bit what zeros in x give: the order of additions is the same. 13 columns less, or a moved address: the input
// comes by another way.
TEST_F(PackedGemvCuda, InputsOfAtMostTheThresholdCountAsZero) {
  for (const DType dtype : {DType::f16, DType::bf16}) {
    for (const std::int64_t cols : {std::int64_t{4096}, std::int64_t{4083}, std::int64_t{11008}}) {
      Values x(dtype, cols, 2);
      x.set(5, std::numeric_limits<double>::quiet_NaN());
      x.set(17, -std::numeric_limits<double>::infinity());
      x.set(18, 0.5);
      const Values bias(dtype, 300, 3);
      const DeviceRowBundles bundles(
          make_row_bundles(test::random_half_matrix(300, cols, 0.7, 7, dtype).view(), dtype, 132));
      const DeviceTwoFour two_four(make_two_four(test::random_two_four(300, cols, 4, dtype).view(), dtype));
      for (const float threshold : {0.0F, 0.5F, 1e9F}) {
        Values zeroed = x;
        for (std::int64_t c = 0; c < cols; ++c) {
          if (std::fabs(x.at(c)) <= static_cast<double>(threshold)) zeroed.set(c, 0.0);
        }
        for (const std::int64_t misalign : {0, 1}) {
          ASSERT_TRUE(on_device(bundles, 300, x, bias, misalign, threshold) ==
                      on_device(bundles, 300, zeroed, bias, misalign))
              << cols << " " << threshold;
          ASSERT_TRUE(on_device(two_four, 300, x, bias, misalign, threshold) ==
                      on_device(two_four, 300, zeroed, bias, misalign))
              << cols << " " << threshold;
        }
      }
    }
  }
}

TEST_F(PackedGemvCuda, SameBitsEveryTime) {
  const HalfMatrix w = test::random_half_matrix(2000, 4096, 0.5, 7);
  const HalfMatrix two = test::random_two_four(2000, 4096, 7);
  const Values x(DType::f16, 4096, 2);
  const Values bias(DType::f16, 2000, 3);
  const DeviceRowBundles bundles(make_row_bundles(w.view(), DType::f16, 132));
  const DeviceTwoFour two_four(make_two_four(two.view(), DType::f16));
  const Values first = on_device(bundles, 2000, x, bias, 0);
  const Values first_two_four = on_device(two_four, 2000, x, bias, 0);
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(first == on_device(bundles, 2000, x, bias, 0));
    ASSERT_TRUE(first_two_four == on_device(two_four, 2000, x, bias, 0));
  }
}

TEST_F(PackedGemvCuda, AnOverlappingChainWaitsForItsInput) {
  HalfMatrix w = test::random_half_matrix(1024, 1024, 0.5, 7);
  for (auto& bits : w.bits) bits = f32_to_f16(f16_to_f32(bits) / 24);
  HalfMatrix two = test::random_two_four(1024, 1024, 7);
  for (auto& bits : two.bits) bits = f32_to_f16(f16_to_f32(bits) / 24);
  const Values x(DType::f16, 1024, 2);
  const DeviceRowBundles bundles(make_row_bundles(w.view(), DType::f16, 132));
  const DeviceTwoFour two_four(make_two_four(two.view(), DType::f16));
  const auto chain = [&](Overlap overlap) {
    const DeviceValues start(x, 0);
    std::vector<DeviceValues> y;
    for (int i = 0; i < 30; ++i) y.emplace_back(DType::f16, 1024, 0);
    const void* in = start.data();
    for (std::size_t i = 0; i < y.size(); ++i) {
      if (i % 2 == 0) {
        bundles.multiply({in}, {y[i].data()}, nullptr, overlap);
      } else {
        two_four.multiply({in}, {y[i].data()}, nullptr, overlap);
      }
      in = y[i].data();
    }
    return y.back().download();
  };
  EXPECT_TRUE(chain(Overlap::none) == chain(Overlap::one));
  EXPECT_TRUE(chain(Overlap::none) == chain(Overlap::two));
}

}  // namespace
}  // namespace lacuna::kernels
