#include "lacuna/render/density.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <numeric>

#include "lacuna/core/error.hpp"
#include "lacuna/core/random.hpp"
#include "lacuna/core/threads.hpp"

namespace lacuna {
namespace {

// 5 × 7 with ones at 3r + c divisible by 4.
bool is_set(std::int64_t r, std::int64_t c) { return (3 * r + c) % 4 == 0; }

std::int64_t expected_count(std::int64_t r0, std::int64_t r1, std::int64_t c0, std::int64_t c1) {
  std::int64_t count = 0;
  for (std::int64_t r = r0; r < r1; ++r) {
    for (std::int64_t c = c0; c < c1; ++c) count += is_set(r, c);
  }
  return count;
}

void expect_counts(const DensityMap& map) {
  std::int64_t total = 0;
  for (std::int64_t i = 0; i < map.map_rows; ++i) {
    for (std::int64_t j = 0; j < map.map_cols; ++j) {
      const std::int64_t r1 = std::min((i + 1) * map.box_rows, map.rows);
      const std::int64_t c1 = std::min((j + 1) * map.box_cols, map.cols);
      EXPECT_EQ(map.count(i, j), expected_count(i * map.box_rows, r1, j * map.box_cols, c1)) << i << ' ' << j;
      EXPECT_EQ(map.box_entries(i, j), (r1 - i * map.box_rows) * (c1 - j * map.box_cols));
      total += map.count(i, j);
    }
  }
  EXPECT_EQ(map.nonzeros, total);
  EXPECT_EQ(total, expected_count(0, map.rows, 0, map.cols));
}

template <typename Word>
std::vector<Word> weights(std::int64_t rows, std::int64_t cols, Word value, Word zero) {
  std::vector<Word> out;
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = 0; c < cols; ++c) out.push_back(is_set(r, c) ? value : zero);
  }
  return out;
}

template <typename Word>
void expect_pattern(DType dtype, Word value, Word zero) {
  const auto data = weights<Word>(5, 7, value, zero);
  const auto pattern = spy_pattern(make_tensor_view(dtype, {5, 7}, data.data()));
  for (const std::int64_t box : {1, 2, 3, 7, 100}) expect_counts(count_density(pattern, box, box));
}

TEST(Density, CountsEveryElementType) {
  expect_pattern<std::uint64_t>(DType::f64, 1, 0);
  expect_pattern<std::uint32_t>(DType::f32, 0x3f800000, 0);
  expect_pattern<std::uint16_t>(DType::f16, 0x0001, 0);
  expect_pattern<std::uint16_t>(DType::bf16, 0x8001, 0);
  expect_pattern<std::uint8_t>(DType::f8_e4m3, 0x7f, 0);
  expect_pattern<std::uint8_t>(DType::f8_e5m2, 0x01, 0);
  expect_pattern<std::uint64_t>(DType::i64, 0x8000000000000000, 0);
  expect_pattern<std::uint8_t>(DType::boolean, 1, 0);
}

TEST(Density, MinusZeroIsZeroAndNanIsNot) {
  expect_pattern<std::uint64_t>(DType::f64, 0x7ff8000000000000, 0x8000000000000000);
  expect_pattern<std::uint32_t>(DType::f32, 0x7fc00000, 0x80000000);
  expect_pattern<std::uint16_t>(DType::f16, 0x7e00, 0x8000);
  expect_pattern<std::uint16_t>(DType::bf16, 0x7fc0, 0x8000);
  expect_pattern<std::uint8_t>(DType::f8_e4m3, 0x7f, 0x80);
}

TEST(Density, TheSignBitOfIntegersCounts) {
  const std::int32_t lowest[] = {INT32_MIN, 0};
  EXPECT_EQ(count_density(spy_pattern(make_tensor_view(DType::i32, {1, 2}, lowest)), 1, 1).nonzeros, 1);
}

TEST(Density, ReadsTransposedAndUnalignedViews) {
  const auto data = weights<std::uint16_t>(5, 7, 0x3f80, 0);
  std::vector<std::uint16_t> transposed(35);
  for (std::size_t r = 0; r < 5; ++r) {
    for (std::size_t c = 0; c < 7; ++c) transposed[c * 5 + r] = data[r * 7 + c];
  }
  TensorView view = make_tensor_view(DType::bf16, {7, 5}, transposed.data());
  std::swap(view.shape[0], view.shape[1]);
  std::swap(view.strides[0], view.strides[1]);
  expect_counts(count_density(spy_pattern(view), 2, 2));

  std::vector<std::byte> shifted(71);
  std::memcpy(shifted.data() + 1, data.data(), 70);
  expect_counts(count_density(spy_pattern(make_tensor_view(DType::bf16, {5, 7}, shifted.data() + 1)), 2, 2));
}

TEST(Density, AVectorIsOneRow) {
  const float values[] = {1, 0, 2, 0, 0};
  const auto map = count_density(spy_pattern(make_tensor_view(DType::f32, {5}, values)), 4, 4);
  EXPECT_EQ(map.rows, 1);
  EXPECT_EQ(map.counts, (std::vector<std::uint32_t>{2, 0}));
  EXPECT_DOUBLE_EQ(map.density(0, 0), 0.5);
  EXPECT_DOUBLE_EQ(map.sparsity(), 0.6);
}

TEST(Density, PackedBitsBeyondTheColumnsAreIgnored) {
  std::vector<std::uint64_t> words(10, ~std::uint64_t{0});  // 5 rows of 2 words
  const auto pattern = spy_pattern(5, 70, [&](std::int64_t r) { return words.data() + 2 * r; });
  EXPECT_EQ(count_density(pattern, 5, 70).nonzeros, 350);
}

TEST(Density, FlagsStartFromZeroInEveryRow) {
  const auto pattern = spy_pattern_from_flags(5, 7, [](std::int64_t r, std::uint8_t* out) {
    for (std::int64_t c = 0; c < 7; ++c) {
      if (is_set(r, c)) out[c] = 1;
    }
  });
  expect_counts(count_density(pattern, 3, 2));
}

TEST(Density, MoreRowsThanSixteenBitsCount) {
  const std::vector<std::uint8_t> ones(70'001, 1);
  const auto map = count_density(spy_pattern(make_tensor_view(DType::u8, {70'001, 1}, ones.data())), 70'001, 1);
  EXPECT_EQ(map.counts, (std::vector<std::uint32_t>{70'001}));
}

TEST(Density, DoesNotDependOnThreads) {
  Random random(3);
  std::vector<std::uint16_t> data(97 * 131);
  for (auto& value : data) value = static_cast<std::uint16_t>(random.below(2));
  const auto pattern = spy_pattern(make_tensor_view(DType::bf16, {97, 131}, data.data()));
  const int threads = thread_count();
  set_thread_count(1);
  const auto one = count_density(pattern, 4, 4);
  set_thread_count(3);
  const auto three = count_density(pattern, 4, 4);
  set_thread_count(threads);
  EXPECT_EQ(one.counts, three.counts);
  EXPECT_EQ(one.nonzeros, std::accumulate(data.begin(), data.end(), std::int64_t{0}));
}

ErrorCode code_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.code();
  }
  ADD_FAILURE() << "expected an Error";
  return ErrorCode::internal;
}

TEST(Density, RefusesShapesThatCannotBeDrawn) {
  const float value = 0;
  const auto view = [&](Shape shape) { return make_tensor_view(DType::f32, std::move(shape), &value); };
  EXPECT_EQ(code_of([&] { spy_pattern(view({})); }), ErrorCode::invalid_argument);
  EXPECT_EQ(code_of([&] { spy_pattern(view({1, 1, 1})); }), ErrorCode::invalid_argument);
  EXPECT_EQ(code_of([&] { spy_pattern(view({0, 4})); }), ErrorCode::invalid_argument);
  EXPECT_EQ(code_of([&] { count_density(spy_pattern(view({1, 1})), 0, 1); }), ErrorCode::invalid_argument);
}

TEST(Density, RefusesVirtualGiants) {  // a view of stride 0 can claim any shape
  const float value = 0;
  TensorView view = make_tensor_view(DType::f32, {1, 1}, &value);
  view.strides = {0, 0};
  view.shape = {std::int64_t{1} << 40, std::int64_t{1} << 40};
  EXPECT_EQ(code_of([&] { spy_pattern(view); }), ErrorCode::limit_exceeded);
  view.shape = {std::int64_t{1} << 20, std::int64_t{1} << 20};
  EXPECT_EQ(code_of([&] { count_density(spy_pattern(view), 1, 1); }), ErrorCode::limit_exceeded);
  EXPECT_EQ(code_of([&] { count_density(spy_pattern(view), 1 << 20, 1 << 20); }), ErrorCode::limit_exceeded);
}

}  // namespace
}  // namespace lacuna
