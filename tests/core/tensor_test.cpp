#include "lacuna/core/tensor.hpp"

#include <gtest/gtest.h>

#include <array>

#include "lacuna/core/buffer.hpp"
#include "lacuna/core/checked.hpp"

namespace lacuna {
namespace {

TEST(Tensor, ContiguityLooksOnlyAtExtentsAboveOne) {
  std::array<float, 6> data{};
  auto view = make_tensor_view(DType::f32, {2, 3}, data.data());
  EXPECT_TRUE(view.is_contiguous());
  view.strides = {1, 2};
  EXPECT_FALSE(view.is_contiguous());
  view.shape = {1, 3};
  view.strides = {77, 1};
  EXPECT_TRUE(view.is_contiguous());
}

TEST(Tensor, CopyMakesTransposedViewsRowMajor) {
  const std::array<float, 6> data = {0, 1, 2, 3, 4, 5};  // as 3×2; its transpose is 2×3
  auto view = make_tensor_view(DType::f32, {2, 3}, data.data());
  view.strides = {1, 2};
  std::array<float, 6> out{};
  copy_contiguous(view, reinterpret_cast<std::byte*>(out.data()));
  EXPECT_EQ(out, (std::array<float, 6>{0, 2, 4, 1, 3, 5}));
}

TEST(Tensor, CopyHandlesThreeDimensionsAndZeroStrides) {
  const std::array<float, 4> data = {1, 2, 3, 4};
  auto view = make_tensor_view(DType::f32, {2, 2, 2}, data.data());
  view.strides = {1, 0, 2};
  std::array<float, 8> out{};
  copy_contiguous(view, reinterpret_cast<std::byte*>(out.data()));
  EXPECT_EQ(out, (std::array<float, 8>{1, 3, 1, 3, 2, 4, 2, 4}));
}

TEST(Checked, ProductSeesOverflowBehindAZero) {
  const std::array<std::int64_t, 3> hostile = {std::int64_t{1} << 40, std::int64_t{1} << 40, 0};
  EXPECT_FALSE(checked_product(hostile).has_value());
  const std::array<std::int64_t, 2> honest = {0, 5};
  EXPECT_EQ(checked_product(honest), 0U);
  const std::array<std::int64_t, 1> negative = {-1};
  EXPECT_FALSE(checked_product(negative).has_value());
}

TEST(Buffer, IsAlignedAndMovable) {
  auto a = AlignedBuffer<float>::zeroed(33);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(a.data()) % kBufferAlignment, 0U);
  const AlignedBuffer<float> b = std::move(a);
  EXPECT_EQ(b.size(), 33U);
  EXPECT_EQ(b[32], 0.0F);
}

}  // namespace
}  // namespace lacuna
