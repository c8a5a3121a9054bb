// Run forms for a device made from packed rows: the same as from the dense matrix, and back.
#include <gtest/gtest.h>

#include <cstring>

#include "kernels/packed_rows.hpp"
#include "kernels/sparse_matrices.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/kernels/packed_gemv/row_bundles.hpp"
#include "lacuna/kernels/packed_gemv/two_four.hpp"

namespace lacuna::kernels {
namespace {

using test::HalfMatrix;

test::OwnedPackedRows pack(const HalfMatrix& w, DType dtype, std::size_t shift = 0) {
  std::vector<std::byte> dense(w.bits.size() * 2);
  std::memcpy(dense.data(), w.bits.data(), dense.size());
  std::vector<bool> keep;
  for (const std::uint16_t bits : w.bits) keep.push_back(bits != 0);
  return test::pack_rows(dtype, w.rows, w.cols, std::move(dense), keep, shift);
}

template <typename Packed>
std::vector<std::uint16_t> expanded(const Packed& packed) {
  HalfMatrix w(packed.rows, packed.cols);
  if constexpr (std::is_same_v<Packed, TwoFour>) {
    expand_two_four(packed, w.view());
  } else {
    expand_row_bundles(packed, w.view());
  }
  return w.bits;
}

HalfMatrix stack(const HalfMatrix& a, const HalfMatrix& b) {
  HalfMatrix both(a.rows + b.rows, a.cols);
  std::copy(a.bits.begin(), a.bits.end(), both.bits.begin());
  std::copy(b.bits.begin(), b.bits.end(), both.bits.begin() + static_cast<std::ptrdiff_t>(a.bits.size()));
  return both;
}

TEST(PackedForms, RowBundlesOfPackedRowsAreThoseOfTheDenseMatrix) {
  for (const DType dtype : {DType::f16, DType::bf16}) {
    for (const std::int64_t cols : {1, 7, 63, 64, 65, 300, 1000, 4096}) {
      for (const double zeros : {0.0, 0.5, 0.7, 0.9, 0.99, 1.0}) {
        const HalfMatrix w = test::random_half_matrix(23, cols, zeros, 5, dtype);
        const auto packed = pack(w, dtype, cols % 2 == 0 ? 1 : 0);
        const PackedRows rows = packed.view();
        const RowBundles from_packed = make_row_bundles({&rows, 1}, 2);
        const RowBundles from_dense = make_row_bundles(w.view(), dtype, 2);
        ASSERT_EQ(expanded(from_packed), w.bits) << cols << " columns, zeros " << zeros;
        ASSERT_EQ(from_packed.starts, from_dense.starts);
        ASSERT_EQ(from_packed.blocks.size(), from_dense.blocks.size());
        ASSERT_EQ(std::memcmp(from_packed.blocks.data(), from_dense.blocks.data(), from_dense.blocks.size()), 0);
      }
    }
  }
}

TEST(PackedForms, StackedMatricesFollowEachOther) {
  const HalfMatrix a = test::random_half_matrix(10, 600, 0.5, 1);
  const HalfMatrix b = test::random_half_matrix(33, 600, 0.8, 2);
  const auto packed_a = pack(a, DType::f16);
  const auto packed_b = pack(b, DType::f16);
  const std::vector<PackedRows> rows = {packed_a.view(), packed_b.view()};
  EXPECT_EQ(expanded(make_row_bundles(rows, 7)), stack(a, b).bits);

  const HalfMatrix c = test::random_two_four(11, 600, 3);
  const HalfMatrix d = test::random_two_four(20, 600, 4);
  const auto packed_c = pack(c, DType::f16);
  const auto packed_d = pack(d, DType::f16);
  const std::vector<PackedRows> grouped = {packed_c.view(), packed_d.view()};
  EXPECT_EQ(expanded(make_two_four(grouped)), stack(c, d).bits);
}

TEST(PackedForms, InterleavedMatricesTakeTurnsAndPairsStayInOneBundle) {
  const HalfMatrix a = test::random_two_four(41, 600, 1);
  const HalfMatrix b = test::random_two_four(41, 600, 2);
  HalfMatrix both(82, 600);
  for (std::int64_t r = 0; r < 41; ++r) {
    std::copy_n(a.view().row(r), 600, both.view().row(2 * r));
    std::copy_n(b.view().row(r), 600, both.view().row(2 * r + 1));
  }
  const auto packed_a = pack(a, DType::f16);
  const auto packed_b = pack(b, DType::f16);
  const std::vector<PackedRows> rows = {packed_a.view(), packed_b.view()};
  const RowBundles bundles = make_row_bundles(rows, 9, RowOrder::interleaved);
  EXPECT_EQ(expanded(bundles), both.bits);
  EXPECT_EQ(bundles.rows_in_bundle % 2, 0);
  EXPECT_EQ(expanded(make_two_four(rows, RowOrder::interleaved)), both.bits);
  const auto shorter = pack(test::random_two_four(40, 600, 2), DType::f16);
  const std::vector<PackedRows> uneven = {packed_a.view(), shorter.view()};
  EXPECT_THROW((void)make_row_bundles(uneven, 9, RowOrder::interleaved), Error);
}

TEST(PackedForms, NanInfinityAndMinusZeroStayAsTheyAre) {
  HalfMatrix w(2, 100);
  w.at(0, 3) = 0x8000;  // −0: packed rows store it
  w.at(0, 50) = 0x7e01;
  w.at(1, 99) = 0xfc00;
  const auto packed = pack(w, DType::f16);
  const PackedRows rows = packed.view();
  EXPECT_EQ(expanded(make_row_bundles({&rows, 1}, 1)), w.bits);
  HalfMatrix without = w;
  without.at(0, 3) = 0;
  EXPECT_EQ(expanded(make_two_four({&rows, 1})), without.bits);
}

TEST(PackedForms, RefuseWhatDoesNotBelongTogether) {
  const auto half = pack(test::random_half_matrix(4, 64, 0.5, 1), DType::f16);
  const auto brain = pack(test::random_half_matrix(4, 64, 0.5, 1), DType::bf16);
  const auto wide = pack(test::random_half_matrix(4, 65, 0.5, 1), DType::f16);
  const auto refused = [](std::vector<PackedRows> rows) {
    EXPECT_THROW((void)make_row_bundles(rows, 1), Error);
    EXPECT_THROW((void)make_two_four(rows), Error);
  };
  refused({});
  refused({half.view(), brain.view()});
  refused({half.view(), wide.view()});
  const PackedRows crowded = half.view();
  EXPECT_THROW((void)make_two_four({&crowded, 1}), Error);  // three non-zeros in a group
}

}  // namespace
}  // namespace lacuna::kernels
