// Products that skip blocks on a device against sums in f64 over the stored blocks.
#include "lacuna/kernels/block_gemv/cuda.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "kernels/block_rows.hpp"
#include "kernels/device_values.hpp"
#include "lacuna/core/error.hpp"

namespace lacuna::kernels {
namespace {

using test::Blocks;
using test::DeviceValues;
using test::Values;
using Order = std::vector<std::int64_t>;

class BlockGemvCuda : public test::DeviceTest {
 protected:
  static int multiprocessors() { return device_info()->multiprocessors; }
};

double element(const Blocks& w, std::size_t i) {
  std::uint16_t bits = 0;
  std::memcpy(&bits, w.values.data() + i * 2, 2);
  return w.dtype == DType::f16 ? f16_to_f32(bits) : bf16_to_f32(bits);
}

struct Case {
  Blocks w;
  std::int64_t cols;
  Order order;  // or empty
  std::int64_t misalign = 0;
};

// cols: of the last block the features from cols on are zeros, as BlockMatrix makes them.
Case make_case(DType dtype, std::int64_t rows, std::int64_t cols, double skipped, bool ordered) {
  const std::int64_t blocks = (cols + 7) / 8;
  Case made{test::random_blocks(dtype, rows, blocks, skipped, 3), cols, {}, 0};
  const BlockRows view = made.w.view();
  for (std::int64_t r = 0; r < rows && cols % 8 != 0; ++r) {
    if ((view.row_bitmap(r)[(blocks - 1) / 64] >> ((blocks - 1) % 64) & 1U) == 0) continue;
    const auto end = made.w.row_starts[static_cast<std::size_t>(r) + 1] * 8;
    for (auto i = end - static_cast<std::uint64_t>(8 - cols % 8); i < end; ++i) {
      std::memset(made.w.values.data() + i * 2, 0, 2);
    }
  }
  if (ordered) {
    made.order.resize(static_cast<std::size_t>(cols));
    std::iota(made.order.begin(), made.order.end(), 0);
    Random random(9);
    for (std::size_t i = made.order.size(); i > 1; --i) std::swap(made.order[i - 1], made.order[random.below(i)]);
  }
  return made;
}

Values on_device(const Case& c, const Values& x, const Values& bias, int multiprocessors, float threshold = -1.0F) {
  const DeviceBlockBundles packed(make_block_bundles(c.w.view(), multiprocessors), c.cols, c.order);
  const DeviceValues device_x(x, c.misalign);
  const DeviceValues device_bias(bias, c.misalign);
  DeviceValues y(x.dtype(), c.w.rows, c.misalign);
  ProductInput input{device_x.data()};
  input.threshold = threshold;
  packed.multiply(input, {y.data(), OutputKind::store, device_bias.data()});
  return y.download();
}

void expect_product(const Case& c, const Values& x, const Values& bias, const Values& y) {
  const BlockRows rows = c.w.view();
  const double unit = y.dtype() == DType::f16 ? 0x1.0p-11 : 0x1.0p-8;  // of the one rounding to y's type
  for (std::int64_t r = 0; r < c.w.rows; ++r) {
    double sum = bias.at(r);
    double magnitude = std::abs(sum);
    double n = 0;
    std::size_t at = rows.row_starts[r] * 8;
    for (std::int64_t g = 0; g < rows.blocks; ++g) {
      if ((rows.row_bitmap(r)[g / 64] >> (g % 64) & 1U) == 0) continue;
      for (std::int64_t i = g * 8; i < g * 8 + 8; ++i, ++at) {
        if (i >= c.cols) continue;
        const double product = element(c.w, at) * x.at(c.order.empty() ? i : c.order[static_cast<std::size_t>(i)]);
        sum += product;
        magnitude += std::abs(product);
        ++n;
      }
    }
    if (!std::isfinite(sum)) {
      ASSERT_FALSE(std::isfinite(y.at(r))) << "row " << r;
      continue;
    }
    const double error = (n / 8 + 8) * 0x1.0p-24 * magnitude;
    ASSERT_NEAR(y.at(r), sum, error * (1 + unit) + unit * std::abs(sum) + 0x1.0p-25)
        << c.w.rows << "x" << c.cols << " row " << r << (c.order.empty() ? "" : " ordered");
  }
}

TEST_F(BlockGemvCuda, EveryTypeShareAndTail) {
  for (const DType dtype : {DType::f16, DType::bf16}) {
    for (const std::int64_t rows : {1, 13, 130, 1100}) {
      for (const std::int64_t cols : {1, 8, 100, 4096, 5004}) {
        for (const double skipped : {0.0, 0.5, 0.95, 1.0}) {
          for (const bool ordered : {false, true}) {
            const Case c = make_case(dtype, rows, cols, skipped, ordered);
            const Values x(dtype, cols, 5);
            const Values bias(dtype, rows, 6);
            expect_product(c, x, bias, on_device(c, x, bias, multiprocessors()));
          }
        }
      }
    }
  }
}

TEST_F(BlockGemvCuda, MadeForAnyNumberOfMultiprocessors) {
  const Values x(DType::f16, 2048, 5);
  const Values bias(DType::f16, 3000, 6);
  const Case c = make_case(DType::f16, 3000, 2048, 0.6, false);
  for (const int n : {1, 3, 64, 500}) expect_product(c, x, bias, on_device(c, x, bias, n));
}

TEST_F(BlockGemvCuda, WideRowsAndFarBlocks) {
  for (const double skipped : {0.3, 0.999}) {
    const Case c = make_case(DType::bf16, 40, 65528, skipped, true);
    const Values x(DType::bf16, 65528, 5);
    const Values bias(DType::bf16, 40, 6);
    expect_product(c, x, bias, on_device(c, x, bias, multiprocessors()));
  }
}

TEST_F(BlockGemvCuda, AnyAlignment) {
  for (const bool ordered : {false, true}) {
    Case c = make_case(DType::f16, 77, 520, 0.5, ordered);
    const Values x(DType::f16, 520, 5);
    const Values bias(DType::f16, 77, 6);
    for (c.misalign = 0; c.misalign < 8; ++c.misalign)
      expect_product(c, x, bias, on_device(c, x, bias, multiprocessors()));
  }
}

TEST_F(BlockGemvCuda, WhatIsNotFiniteSpreadsThroughStoredBlocksAlone) {
  for (const double bad : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    for (const std::int64_t at : {0, 7, 200, 511}) {
      const Case c = make_case(DType::f16, 300, 512, 0.7, false);
      Values x(DType::f16, 512, 5);
      x.set(at, bad);
      const Values bias(DType::f16, 300, 6);
      expect_product(c, x, bias, on_device(c, x, bias, multiprocessors()));
    }
  }
}

TEST_F(BlockGemvCuda, InputsOfAtMostTheThresholdCountAsZero) {
  const Case c = make_case(DType::f16, 200, 1000, 0.4, true);
  const Values x(DType::f16, 1000, 5);
  const Values bias(DType::f16, 200, 6);
  Values masked = x;
  for (std::int64_t i = 0; i < 1000; ++i) {
    if (std::abs(x.at(i)) <= 0.5) masked.set(i, 0.0);
  }
  expect_product(c, masked, bias, on_device(c, x, bias, multiprocessors(), 0.5F));
}

TEST_F(BlockGemvCuda, SameBitsEveryTime) {
  const Case c = make_case(DType::bf16, 2000, 4096, 0.5, true);
  const Values x(DType::bf16, 4096, 5);
  const Values bias(DType::bf16, 2000, 6);
  const Values first = on_device(c, x, bias, multiprocessors());
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(on_device(c, x, bias, multiprocessors()) == first);
}

TEST_F(BlockGemvCuda, AnOverlappingChainWaitsForItsInput) {
  const std::int64_t n = 2048;
  for (const bool ordered : {false, true}) {
    const Case c = make_case(DType::f16, n, n, 0.5, ordered);
    const DeviceBlockBundles packed(make_block_bundles(c.w.view(), multiprocessors()), n, c.order);
    // Four products of a thousand terms a row grow values a million times: small ones stay within f16.
    Values start(DType::f16, n, 5);
    for (std::int64_t i = 0; i < n; ++i) start.set(i, start.at(i) * 0x1.0p-13);
    const auto chain = [&](Overlap overlap) {
      DeviceValues a(start, 0);
      DeviceValues b(DType::f16, n, 0);
      for (int i = 0; i < 2; ++i) {
        packed.multiply({a.data()}, {b.data(), OutputKind::store}, nullptr, overlap);
        packed.multiply({b.data()}, {a.data(), OutputKind::store}, nullptr, overlap);
      }
      return a.download();
    };
    const Values expected = chain(Overlap::none);
    for (int i = 0; i < 20; ++i) {
      ASSERT_TRUE(chain(Overlap::one) == expected);
      ASSERT_TRUE(packed.fits_two());
      ASSERT_TRUE(chain(Overlap::two) == expected);
    }
  }
}

TEST_F(BlockGemvCuda, RefusesWhatItCannotDo) {
  const Case c = make_case(DType::f16, 8, 64, 0.5, false);
  const BlockBundles packed = make_block_bundles(c.w.view(), multiprocessors());
  EXPECT_THROW(DeviceBlockBundles(packed, 56), Error);
  EXPECT_THROW(DeviceBlockBundles(packed, 65), Error);
  EXPECT_THROW(DeviceBlockBundles(packed, 64, Order(63)), Error);
  EXPECT_THROW(DeviceBlockBundles(packed, 64, Order(64, 64)), Error);
  const DeviceBlockBundles good(packed, 64);
  const DeviceValues x(Values(DType::f16, 64, 5), 0);
  DeviceValues y(DType::f16, 8, 0);
  EXPECT_THROW(good.multiply({x.data()}, {y.data(), OutputKind::gate}), Error);
}

}  // namespace
}  // namespace lacuna::kernels
