#include "lacuna/bits/bit_matrix.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstring>

#include "lacuna/core/error.hpp"
#include "oracle.hpp"
#include "sparse_matrix.hpp"
#include "support/temp_folder.hpp"

namespace lacuna {
namespace {

using test::sparse_matrix;
using test::view_of;

BitMatrix random_bits(std::int64_t rows, std::int64_t cols, std::uint64_t seed) {
  const auto values = sparse_matrix(rows, cols, seed);
  return BitMatrix::nonzero(view_of(values, rows, cols));
}

void expect_zero_padding(const BitMatrix& bits) {
  std::uint64_t inside = 0;
  for (std::int64_t r = 0; r < bits.rows(); ++r) {
    for (std::int64_t c = 0; c < bits.cols(); ++c) inside += bits.get(r, c) ? 1 : 0;
  }
  EXPECT_EQ(bits.count(), inside);  // count() reads whole words
}

TEST(BitMatrix, NonzeroOfAHandWrittenMatrix) {
  const std::vector<float> values = {1,
                                     0,
                                     -0.0F,  //
                                     __builtin_nanf(""),
                                     -2,
                                     0};
  const auto bits = BitMatrix::nonzero(view_of(values, 2, 3));
  EXPECT_EQ(bits.row(0)[0], 0b001U);
  EXPECT_EQ(bits.row(1)[0], 0b011U);
  EXPECT_EQ(bits.count(), 3U);
  EXPECT_EQ(bits.row_counts(), (std::vector<std::uint32_t>{1, 2}));
  EXPECT_EQ(bits.column_counts(), (std::vector<std::uint32_t>{2, 1, 0}));
}

TEST(BitMatrix, StridedViewsAreReadWhereTheyLie) {
  const auto values = sparse_matrix(70, 130, 1);
  const auto plain = BitMatrix::nonzero(view_of(values, 70, 130));
  auto turned = view_of(values, 130, 70);
  turned.strides = {1, 130};
  EXPECT_EQ(BitMatrix::nonzero(turned), plain.transposed());
  auto broadcast = view_of(values, 3, 130);
  broadcast.strides = {0, 1};
  const auto rows = BitMatrix::nonzero(broadcast);
  for (std::int64_t c = 0; c < 130; ++c) EXPECT_EQ(rows.get(2, c), plain.get(0, c));
}

TEST(BitMatrix, TransposeMovesEveryBit) {
  for (const auto& [rows, cols] : {std::pair<int, int>{1, 1}, {64, 64}, {63, 65}, {130, 67}, {5, 200}}) {
    const auto bits = random_bits(rows, cols, 7);
    const auto turned = bits.transposed();
    ASSERT_EQ(turned.rows(), cols);
    for (int r = 0; r < rows; ++r) {
      for (int c = 0; c < cols; ++c) ASSERT_EQ(turned.get(c, r), bits.get(r, c)) << rows << "x" << cols;
    }
    expect_zero_padding(turned);
    EXPECT_EQ(turned.transposed(), bits);
    EXPECT_EQ(turned.row_counts(), bits.column_counts());
  }
}

TEST(BitMatrix, LogicObeysDeMorganAndKeepsPaddingZero) {
  const auto a = random_bits(9, 77, 2);
  const auto b = random_bits(9, 77, 3);
  EXPECT_EQ(~(a & b), ~a | ~b);
  EXPECT_EQ(a ^ b, (a | b) & ~(a & b));
  EXPECT_EQ((a ^ a).count(), 0U);
  EXPECT_EQ(~~a, a);
  expect_zero_padding(~a);
  EXPECT_EQ((~a).count() + a.count(), 9U * 77U);
  EXPECT_EQ((a & b).get(4, 70), a.get(4, 70) && b.get(4, 70));
}

TEST(BitMatrix, DifferentShapesAreAnErrorThatNamesBoth) {
  try {
    (void)(BitMatrix(2, 3) & BitMatrix(3, 2));
    FAIL() << "expected an error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::shape_mismatch);
    EXPECT_NE(std::string(error.what()).find("[2, 3] and [3, 2]"), std::string::npos) << error.what();
  }
}

TEST(BitMatrix, SetAndGet) {
  BitMatrix bits(2, 70);
  bits.set(1, 69, true);
  bits.set(1, 3, true);
  bits.set(1, 3, false);
  EXPECT_TRUE(bits.get(1, 69));
  EXPECT_EQ(bits.count(), 1U);
}

TEST(BitMatrix, PackbitsIsNumpysLayout) {
  const std::array<std::byte, 4> packed = {std::byte{0b10000001}, std::byte{0b01111111},  // row 0: bits 0, 7, 9
                                           std::byte{0b00000000}, std::byte{0b10000000}};
  const auto bits = BitMatrix::from_packbits(packed, 2, 10);
  EXPECT_TRUE(bits.get(0, 0));
  EXPECT_TRUE(bits.get(0, 7));
  EXPECT_FALSE(bits.get(0, 8));
  EXPECT_TRUE(bits.get(0, 9));
  EXPECT_TRUE(bits.get(1, 8));
  EXPECT_EQ(bits.count(), 4U);  // the six padding bits that are set in row 0 do not count
  const std::vector<std::byte> clean = {std::byte{0b10000001}, std::byte{0b01000000}, std::byte{0}, std::byte{0x80}};
  EXPECT_EQ(bits.to_packbits(), clean);
}

TEST(BitMatrix, PackbitsAgreesWithNumpy) {
  const test::TempFolder folder;
  const auto values = sparse_matrix(5, 83, 4);
  const auto path = folder.write("a.bin", {reinterpret_cast<const char*>(values.data()), values.size() * 4});
  const auto want = test::run_oracle({"packbits", path.string(), "5", "83"});
  LACUNA_REQUIRE_ORACLE(want);
  const auto bits = BitMatrix::nonzero(view_of(values, 5, 83));
  const auto got = bits.to_packbits();
  ASSERT_EQ(got.size(), want->size());
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_EQ(std::to_string(std::to_integer<int>(got[i])), (*want)[i]);
  EXPECT_EQ(BitMatrix::from_packbits(got, 5, 83), bits);
}

TEST(BitMatrix, PackbitsChecksTheSizeBeforeAllocating) {
  const std::array<std::byte, 4> packed{};
  EXPECT_THROW(BitMatrix::from_packbits(packed, 3, 10), Error);
  EXPECT_THROW(BitMatrix::from_packbits(packed, -2, 10), Error);
  EXPECT_THROW(BitMatrix::from_packbits(packed, std::int64_t{1} << 62, 64), Error);
  EXPECT_THROW(BitMatrix::from_packbits(packed, INT64_MAX, INT64_MAX), Error);
}

TEST(BitMatrix, OnlyMatricesHaveAPattern) {
  const std::vector<float> values(8, 1.0F);
  EXPECT_THROW(BitMatrix::nonzero(make_tensor_view(DType::f32, {8}, values.data())), Error);
  EXPECT_THROW(BitMatrix(-1, 3), Error);
  EXPECT_EQ(BitMatrix::nonzero(make_tensor_view(DType::f32, {0, 8}, values.data())).count(), 0U);
  EXPECT_EQ(BitMatrix::nonzero(make_tensor_view(DType::f32, {8, 0}, values.data())).transposed().rows(), 0);
}

TEST(BitMatrix, ApplyMaskZeroesWhatIsNotKept) {
  const auto values = sparse_matrix(6, 100, 5, 0.0);
  const auto keep = random_bits(6, 100, 6);
  std::vector<float> out(values.size());
  apply_mask(view_of(values, 6, 100), keep, reinterpret_cast<std::byte*>(out.data()));
  for (std::int64_t r = 0; r < 6; ++r) {
    for (std::int64_t c = 0; c < 100; ++c) {
      const auto i = static_cast<std::size_t>(r * 100 + c);
      ASSERT_EQ(out[i], keep.get(r, c) ? values[i] : 0.0F);
    }
  }
  EXPECT_EQ(BitMatrix::nonzero(view_of(out, 6, 100)), keep);
  EXPECT_THROW(apply_mask(view_of(values, 3, 200), keep, reinterpret_cast<std::byte*>(out.data())), Error);
}

}  // namespace
}  // namespace lacuna
