#include "lacuna/model/linear_product.hpp"

#include <gtest/gtest.h>

#include <bit>

#include "lacuna/core/random.hpp"
#include "lacuna/kernels/convert/convert.hpp"

namespace lacuna {
namespace {

constexpr std::int64_t kRows = 40;
constexpr std::int64_t kCols = 200;

std::vector<float> random_values(std::int64_t n, double zeros, std::uint64_t seed) {
  Random random(seed);
  std::vector<float> values(static_cast<std::size_t>(n));
  for (auto& value : values) {
    value = random.uniform() < zeros ? 0.0F : static_cast<float>(random.uniform() - 0.5);
  }
  return values;
}

// One matrix, dense and packed.
struct BothForms {
  std::vector<std::byte> bytes;
  Linear dense;
  Linear packed;

  BothForms(DType dtype, double zeros) : bytes(static_cast<std::size_t>(kRows * kCols) * dtype_bytes(dtype)) {
    const auto values = random_values(kRows * kCols, zeros, 1);
    kernels::from_f32(values.data(), kRows * kCols, dtype, bytes.data());
    dense.spec.rows = kRows;
    dense.spec.cols = kCols;
    dense.stored = make_tensor_view(dtype, {kRows, kCols}, bytes.data());
    packed.spec = dense.spec;
    packed.packed = PackedMatrix::pack("w", dense.stored);
  }
};

std::vector<std::uint32_t> product(const Linear& linear, MatrixView<const float> x) {
  LinearProduct product(Compute::f32);
  Matrix<float> y(x.rows, kRows);
  product.apply(linear, product.prepare(x), y.view(), false);
  std::vector<std::uint32_t> bits;
  for (std::int64_t i = 0; i < y.numel(); ++i) bits.push_back(std::bit_cast<std::uint32_t>(y.data()[i]));
  return bits;
}

// Short prompts: dense and packed weights agree, and a token's states do not depend on those beside it.
TEST(LinearProduct, AFewRowsHaveTheBitsOfEachAloneDenseOrPacked) {
  for (const DType dtype : {DType::f32, DType::f16, DType::bf16}) {
    for (const double zeros : {0.5, 0.9}) {
      BothForms forms(dtype, zeros);
      for (const bool sliced : {false, true}) {
        if (sliced) forms.packed.slices = make_slices(forms.packed);
        for (const std::int64_t n : {2, 4, 5, 16}) {
          if (dtype == DType::f32 && n > 4) continue;
          const auto values = random_values(n * kCols, 0.0, 2);
          const MatrixView<const float> x(values.data(), n, kCols);
          const auto together = product(forms.packed, x);
          std::vector<std::uint32_t> alone;
          for (std::int64_t r = 0; r < n; ++r) {
            const auto one = product(forms.packed, x.block(r, 1, 0, kCols));
            alone.insert(alone.end(), one.begin(), one.end());
          }
          EXPECT_EQ(together, alone) << dtype_name(dtype) << " " << zeros << " " << n;
          if (forms.packed.slices == nullptr) {
            EXPECT_EQ(product(forms.dense, x), together) << dtype_name(dtype) << " " << zeros << " " << n;
          }
        }
      }
    }
  }
}

// One row more than are multiplied in place goes through GEMM: the same product but for the order of its sums.
TEST(LinearProduct, MoreRowsAgreeWithFew) {
  for (const DType dtype : {DType::f32, DType::bf16}) {
    const BothForms forms(dtype, 0.5);
    const auto values = random_values(17 * kCols, 0.0, 2);
    const MatrixView<const float> x(values.data(), 17, kCols);
    const auto many = product(forms.packed, x);
    const auto few = product(forms.packed, x.block(0, 2, 0, kCols));
    EXPECT_EQ(many, product(forms.dense, x));
    // 200 products below 1/4 in f32, in any order: each sum is below 50, and 200 roundings of it below 200·2⁻²⁴·50.
    for (std::size_t i = 0; i < few.size(); ++i) {
      ASSERT_NEAR(std::bit_cast<float>(many[i]), std::bit_cast<float>(few[i]), 2 * 200 * 0x1p-24 * 50) << i;
    }
  }
}

}  // namespace
}  // namespace lacuna
