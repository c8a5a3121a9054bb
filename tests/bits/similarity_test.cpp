#include "lacuna/bits/similarity.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <limits>

#include "lacuna/core/error.hpp"
#include "lacuna/core/threads.hpp"
#include "lacuna/kernels/convert/convert.hpp"
#include "oracle.hpp"
#include "sparse_matrix.hpp"
#include "support/isa_levels.hpp"
#include "support/temp_folder.hpp"

namespace lacuna {
namespace {

using test::sparse_matrix;
using test::view_of;

class ForcedThreads {
 public:
  explicit ForcedThreads(int n) : before_(thread_count()) { set_thread_count(n); }
  ~ForcedThreads() { set_thread_count(before_); }
  ForcedThreads(const ForcedThreads&) = delete;
  ForcedThreads& operator=(const ForcedThreads&) = delete;

 private:
  int before_;
};

std::vector<std::byte> converted(const std::vector<float>& values, DType dtype) {
  std::vector<std::byte> out(values.size() * dtype_bytes(dtype));
  kernels::from_f32(values.data(), static_cast<std::int64_t>(values.size()), dtype, out.data());
  return out;
}

TEST(Similarity, HandComputed) {
  const std::vector<float> a = {3, 0, 0,  //
                                4, 1, 0};
  const std::vector<float> b = {3, 0,  0,  //
                                0, -2, 0};
  const auto columns = compare_matrices(view_of(a, 2, 3), view_of(b, 2, 3), FeatureAxis::columns);
  EXPECT_EQ(columns.jaccard, (std::vector<double>{0.5, 1, 0}));  // the last union is empty
  EXPECT_EQ(columns.cosine, (std::vector<double>{0.6, -1, 0}));  // 9/(5·3); opposite; zero norms
  EXPECT_EQ(columns.hamming, (std::vector<double>{0.5, 0, 0}));
  EXPECT_DOUBLE_EQ(columns.jaccard_summary.mean, 0.5);
  EXPECT_DOUBLE_EQ(columns.jaccard_summary.std, std::sqrt(0.5 / 3));
  const auto rows = compare_matrices(view_of(a, 2, 3), view_of(b, 2, 3), FeatureAxis::rows);
  EXPECT_EQ(rows.jaccard, (std::vector<double>{1, 0.5}));
  EXPECT_DOUBLE_EQ(rows.cosine[0], 1.0);
  EXPECT_DOUBLE_EQ(rows.cosine[1], -1 / std::sqrt(17.0));
  EXPECT_DOUBLE_EQ(rows.hamming[1], 1.0 / 3);
  for (const auto& result : {columns, rows}) {  // the flattened pair does not depend on the axis
    EXPECT_DOUBLE_EQ(result.matrix_jaccard, 2.0 / 3);
    EXPECT_DOUBLE_EQ(result.matrix_hamming, 1.0 / 6);
    EXPECT_DOUBLE_EQ(result.matrix_cosine, 7 / std::sqrt(26.0 * 13.0));
  }
}

TEST(Similarity, OnlyDownProjTakesRows) {
  EXPECT_EQ(feature_axis("mlp.down_proj"), FeatureAxis::rows);
  for (const char* component :
       {"mlp.up_proj", "mlp.gate_proj", "self_attn.o_proj", "self_attn.out_proj", "fc1", "fc2"}) {
    EXPECT_EQ(feature_axis(component), FeatureAxis::columns) << component;
  }
}

TEST(Similarity, AgreesWithNumpy) {
  const test::TempFolder folder;
  auto a = sparse_matrix(37, 53, 21);
  auto b = sparse_matrix(37, 53, 22, 0.7);
  for (std::size_t i = 0; i < a.size(); i += 53) a[i + 5] = b[i + 5] = 0.0F;  // an empty union
  const auto path_a = folder.write("a.bin", {reinterpret_cast<const char*>(a.data()), a.size() * 4});
  const auto path_b = folder.write("b.bin", {reinterpret_cast<const char*>(b.data()), b.size() * 4});
  for (const FeatureAxis axis : {FeatureAxis::rows, FeatureAxis::columns}) {
    const auto want = test::run_oracle(
        {"similarity", path_a.string(), path_b.string(), "37", "53", std::string(feature_axis_name(axis))});
    LACUNA_REQUIRE_ORACLE(want);
    const auto got = compare_matrices(view_of(a, 37, 53), view_of(b, 37, 53), axis);
    std::vector<double> values;
    for (const auto* metric : {&got.jaccard, &got.cosine, &got.hamming}) {
      values.insert(values.end(), metric->begin(), metric->end());
    }
    for (const auto* s : {&got.jaccard_summary, &got.cosine_summary, &got.hamming_summary}) {
      values.push_back(s->mean);
      values.push_back(s->std);
    }
    ASSERT_EQ(values.size(), want->size());
    // Both add at most 53 f64 terms in different orders: 53 · 2⁻⁵³ < 1e-14, doubled by the square roots.
    for (std::size_t i = 0; i < values.size(); ++i) EXPECT_NEAR(values[i], std::stod((*want)[i]), 2e-14) << i;
  }
}

TEST(Similarity, IdenticalMatricesAreExactlyAlike) {
  const auto a = sparse_matrix(64, 700, 23);
  for (const FeatureAxis axis : {FeatureAxis::rows, FeatureAxis::columns}) {
    const auto same = compare_matrices(view_of(a, 64, 700), view_of(a, 64, 700), axis);
    for (std::size_t i = 0; i < same.jaccard.size(); ++i) {
      EXPECT_EQ(same.jaccard[i], 1.0);
      EXPECT_EQ(same.hamming[i], 0.0);
      EXPECT_LE(same.cosine[i], 1.0);
      EXPECT_NEAR(same.cosine[i], 1.0, 1e-15);  // two roundings of a square root
    }
  }
}

TEST(Similarity, SymmetricAndBounded) {
  const auto a = sparse_matrix(40, 90, 24);
  const auto b = sparse_matrix(40, 90, 25, 0.8);
  for (const FeatureAxis axis : {FeatureAxis::rows, FeatureAxis::columns}) {
    const auto ab = compare_matrices(view_of(a, 40, 90), view_of(b, 40, 90), axis);
    const auto ba = compare_matrices(view_of(b, 40, 90), view_of(a, 40, 90), axis);
    EXPECT_EQ(ab.jaccard, ba.jaccard);
    EXPECT_EQ(ab.cosine, ba.cosine);
    EXPECT_EQ(ab.hamming, ba.hamming);
    for (std::size_t i = 0; i < ab.jaccard.size(); ++i) {
      EXPECT_TRUE(ab.jaccard[i] >= 0 && ab.jaccard[i] <= 1);
      EXPECT_TRUE(std::abs(ab.cosine[i]) <= 1);
      EXPECT_TRUE(ab.hamming[i] >= 0 && ab.hamming[i] <= 1);
    }
  }
}

TEST(Similarity, SameBitsOnEveryIsaAndThreadCount) {
  constexpr std::int64_t kRows = 150;  // above the grain, so that two threads really share the work
  constexpr std::int64_t kCols = 1037;
  const auto a = sparse_matrix(kRows, kCols, 26);
  const auto b = converted(sparse_matrix(kRows, kCols, 27), DType::bf16);
  const auto view_b = make_tensor_view(DType::bf16, {kRows, kCols}, b.data());
  for (const FeatureAxis axis : {FeatureAxis::rows, FeatureAxis::columns}) {
    const ForcedThreads one(1);
    const test::ForcedIsaLevel scalar(IsaLevel::scalar);
    const auto want = compare_matrices(view_of(a, kRows, kCols), view_b, axis);
    for (const IsaLevel level : test::runnable_isa_levels()) {
      for (const int threads : {1, 2, 3, 7}) {
        const test::ForcedIsaLevel forced(level);
        const ForcedThreads some(threads);
        const auto got = compare_matrices(view_of(a, kRows, kCols), view_b, axis);
        ASSERT_EQ(got.jaccard, want.jaccard) << isa_name(level) << " " << threads;
        ASSERT_EQ(got.hamming, want.hamming) << isa_name(level) << " " << threads;
        ASSERT_EQ(got.cosine, want.cosine) << isa_name(level) << " " << threads;
        ASSERT_EQ(got.matrix_cosine, want.matrix_cosine);
      }
    }
  }
}

// Small whole numbers are exact in every type, so every mix must give the same result as f32 with f32.
TEST(Similarity, EveryMixOfTypesAgrees) {
  Random random(28);
  constexpr std::int64_t kRows = 33;
  constexpr std::int64_t kCols = 45;
  std::vector<float> a(kRows * kCols);
  std::vector<float> b(a.size());
  for (auto* values : {&a, &b}) {
    for (auto& x : *values) x = random.below(2) == 0 ? 0.0F : static_cast<float>(random.below(9)) - 4.0F;
  }
  constexpr DType kTypes[] = {DType::f64, DType::f32, DType::f16, DType::bf16, DType::f8_e4m3, DType::f8_e5m2};
  for (const FeatureAxis axis : {FeatureAxis::rows, FeatureAxis::columns}) {
    const auto want = compare_matrices(view_of(a, kRows, kCols), view_of(b, kRows, kCols), axis);
    for (const DType type_a : kTypes) {
      for (const DType type_b : kTypes) {
        const auto bytes_a = converted(a, type_a);
        const auto bytes_b = converted(b, type_b);
        const auto got = compare_matrices(make_tensor_view(type_a, {kRows, kCols}, bytes_a.data()),
                                          make_tensor_view(type_b, {kRows, kCols}, bytes_b.data()), axis);
        ASSERT_EQ(got.jaccard, want.jaccard) << dtype_name(type_a) << " " << dtype_name(type_b);
        ASSERT_EQ(got.cosine, want.cosine) << dtype_name(type_a) << " " << dtype_name(type_b);
        ASSERT_EQ(got.hamming, want.hamming) << dtype_name(type_a) << " " << dtype_name(type_b);
      }
    }
  }
}

TEST(Similarity, IntegerAndBooleanMasks) {
  const std::vector<std::int64_t> a = {std::int64_t{1} << 40, 0, 0, 7};
  const std::vector<std::uint8_t> b = {1, 0, 255, 0};
  const auto got = compare_matrices(make_tensor_view(DType::i64, {1, 4}, a.data()),
                                    make_tensor_view(DType::boolean, {1, 4}, b.data()), FeatureAxis::rows);
  EXPECT_DOUBLE_EQ(got.jaccard[0], 1.0 / 3);
  EXPECT_DOUBLE_EQ(got.hamming[0], 0.5);
  EXPECT_NEAR(got.cosine[0], 1 / std::sqrt(2.0), 1e-12);  // 7² vanishes beside 2⁸⁰
}

TEST(Similarity, TransposedAndMisalignedViews) {
  const auto a = sparse_matrix(50, 70, 29);
  const auto b = sparse_matrix(50, 70, 30);
  auto turned_a = view_of(a, 70, 50);
  turned_a.strides = {1, 70};
  auto turned_b = view_of(b, 70, 50);
  turned_b.strides = {1, 70};
  std::vector<float> copy_b(b.size());
  copy_contiguous(turned_b, reinterpret_cast<std::byte*>(copy_b.data()));
  std::vector<std::byte> moved(1 + copy_b.size() * 4);
  std::memcpy(moved.data() + 1, copy_b.data(), copy_b.size() * 4);
  const auto plain_b = make_tensor_view(DType::f32, {70, 50}, moved.data() + 1);
  for (const FeatureAxis axis : {FeatureAxis::rows, FeatureAxis::columns}) {
    const auto other = axis == FeatureAxis::rows ? FeatureAxis::columns : FeatureAxis::rows;
    const auto want = compare_matrices(view_of(a, 50, 70), view_of(b, 50, 70), other);
    const auto both = compare_matrices(turned_a, turned_b, axis);
    const auto mixed = compare_matrices(turned_a, plain_b, axis);
    EXPECT_EQ(both.rows, 70);
    EXPECT_EQ(both.axis, axis);
    for (const auto* got : {&both, &mixed}) {
      EXPECT_EQ(got->jaccard, want.jaccard);
      EXPECT_EQ(got->hamming, want.hamming);
      ASSERT_EQ(got->cosine.size(), want.cosine.size());
      for (std::size_t i = 0; i < want.cosine.size(); ++i) {
        EXPECT_NEAR(got->cosine[i], want.cosine[i], 1e-14);  // another order of ≤ 70 additions
      }
    }
  }
}

TEST(Similarity, MasksCompareLikeTheirZeroOneMatrices) {
  auto a = sparse_matrix(31, 130, 31);
  auto b = sparse_matrix(31, 130, 32, 0.8);
  const auto mask_a = BitMatrix::nonzero(view_of(a, 31, 130));
  const auto mask_b = BitMatrix::nonzero(view_of(b, 31, 130));
  for (auto* values : {&a, &b}) std::ranges::replace_if(*values, [](float x) { return x != 0.0F; }, 1.0F);
  for (const FeatureAxis axis : {FeatureAxis::rows, FeatureAxis::columns}) {
    const auto want = compare_matrices(view_of(a, 31, 130), view_of(b, 31, 130), axis);
    const auto got = compare_masks(mask_a, mask_b, axis);
    EXPECT_EQ(got.axis, axis);
    EXPECT_EQ(got.rows, 31);
    EXPECT_EQ(got.jaccard, want.jaccard);
    EXPECT_EQ(got.cosine, want.cosine);
    EXPECT_EQ(got.hamming, want.hamming);
    EXPECT_EQ(got.matrix_jaccard, want.matrix_jaccard);
  }
}

TEST(Similarity, NanStaysInItsFeature) {
  const std::vector<float> a = {std::numeric_limits<float>::quiet_NaN(), 1, 2, 2};
  const std::vector<float> b = {1, 1, 2, 2};
  const auto got = compare_matrices(view_of(a, 2, 2), view_of(b, 2, 2), FeatureAxis::rows);
  EXPECT_TRUE(std::isnan(got.cosine[0]));
  EXPECT_EQ(got.jaccard[0], 1.0);
  EXPECT_NEAR(got.cosine[1], 1.0, 1e-15);
}

TEST(Similarity, EmptyMatricesHaveNoFeatures) {
  const std::vector<float> none;
  const auto got = compare_matrices(view_of(none, 0, 5), view_of(none, 0, 5), FeatureAxis::columns);
  EXPECT_EQ(got.jaccard, (std::vector<double>(5, 0.0)));
  EXPECT_EQ(got.hamming, (std::vector<double>(5, 0.0)));
  EXPECT_EQ(compare_matrices(view_of(none, 0, 5), view_of(none, 0, 5), FeatureAxis::rows).features(), 0);
}

TEST(Similarity, ShapesMustAgreeAndStopsAreObeyed) {
  const std::vector<float> a(12, 1.0F);
  EXPECT_THROW((void)compare_matrices(view_of(a, 3, 4), view_of(a, 4, 3), FeatureAxis::rows), Error);
  EXPECT_THROW((void)compare_masks(BitMatrix(2, 3), BitMatrix(2, 4), FeatureAxis::rows), Error);
  const std::atomic<bool> stop{true};
  RunContext context;
  context.stop = &stop;
  try {
    (void)compare_matrices(view_of(a, 3, 4), view_of(a, 3, 4), FeatureAxis::columns, context);
    FAIL() << "expected an interruption";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::interrupted);
  }
}

}  // namespace
}  // namespace lacuna
