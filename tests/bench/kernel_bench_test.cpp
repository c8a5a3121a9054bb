#include "lacuna/bench/kernel_bench.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <numeric>

#include "lacuna/bench/block_bench.hpp"
#include "lacuna/bench/both_bench.hpp"
#include "lacuna/bench/packed_copies.hpp"
#include "lacuna/bench/product_check.hpp"
#include "lacuna/bench/sparse_inputs.hpp"
#include "lacuna/bench/tuner.hpp"
#include "lacuna/core/error.hpp"
#include "support/isa_levels.hpp"

namespace lacuna {
namespace {

KernelBench small_request(DType dtype) {
  KernelBench request;
  request.shape = {70, 90};
  request.dtype = dtype;
  request.sparsities = {0.0, 0.5, 0.9};
  request.rotated_bytes = 1 << 16;
  request.timing = {1, 0.0};
  return request;
}

// Bytes that must be read: of 90 columns 90, 45 and 9; of 6,300 positions a bit each and the non-zeros.
TEST(KernelBench, CountsTheBytesOfEachFormat) {
  for (const DType dtype : {DType::bf16, DType::f16, DType::f32}) {
    const auto width = static_cast<double>(dtype_bytes(dtype));
    const auto activation = bench_activation(small_request(dtype), {});
    ASSERT_EQ(activation.size(), 3U);
    EXPECT_DOUBLE_EQ(activation[0].bytes, 70 * 90 * width);
    EXPECT_DOUBLE_EQ(activation[1].bytes, 70 * 45 * width);
    EXPECT_DOUBLE_EQ(activation[2].bytes, 70 * 9 * width);
    const auto packed = bench_packed(small_request(dtype), {});
    ASSERT_EQ(packed.size(), 3U);
    EXPECT_DOUBLE_EQ(packed[0].bytes, 70 * 12 + 70 * 90 * width);
    EXPECT_NEAR(packed[1].bytes, 70 * 12 + 70 * 45 * width, 4 * 40 * width);  // four standard deviations of 6,300 draws
    for (const auto& timing : packed) {
      EXPECT_GT(timing.time.median, 0.0);
      EXPECT_GT(timing.dense.median, 0.0);
      EXPECT_GT(timing.bandwidth, 0.0);
    }
  }
}

// 11.25 blocks a row are 12; of 840 half are left out, within four standard deviations, and a bit stands for each.
TEST(KernelBench, CountsTheBytesOfBlocks) {
  auto request = small_request(DType::bf16);
  request.sparsities = {0.0, 0.5};
  const auto blocks = bench_block_sparsity(request, {});
  ASSERT_EQ(blocks.size(), 2U);
  EXPECT_GE(blocks[0].bytes, 840 * 16 + 840 / 8);
  EXPECT_LE(blocks[0].bytes, 840 * 16 + 70 * 8);  // whole words of bits
  EXPECT_NEAR(blocks[0].bytes - blocks[1].bytes, 420 * 16, 58 * 16);
}

// From 83 % zeros on a model runs from slices, with AVX2 from 80 %.
std::string packed_form(double zeros, IsaLevel level) {
  return zeros > 0.83 && level != IsaLevel::scalar ? "slices" : "bitmap";
}

// A bitmap's bytes can be counted: a bit a position and two bytes a value. Slices take others.
TEST(KernelBench, NamesTheFormThatWasMultiplied) {
  auto request = small_request(DType::bf16);
  request.shape = {64, 256};
  for (const IsaLevel level : test::runnable_isa_levels()) {
    const test::ForcedIsaLevel forced(level);
    for (const auto& timing : bench_packed(request, {})) {
      EXPECT_EQ(timing.form, packed_form(timing.sparsity, level)) << isa_name(level);
      const auto weights = random_weights(DType::bf16, request.shape, timing.sparsity, request.seed + 2);
      const auto* values = reinterpret_cast<const std::uint16_t*>(weights.data());
      const auto kept = 64 * 256 - std::count(values, values + 64 * 256, 0);
      const auto of_bitmap = static_cast<double>(64 * 256 / 8 + 2 * kept);
      EXPECT_EQ(timing.form == "bitmap", timing.bytes == of_bitmap) << timing.sparsity;
    }
  }
  for (const auto& timing : bench_activation(request, {})) EXPECT_EQ(timing.form, "columns");
  for (const auto& timing : bench_block_sparsity(request, {})) EXPECT_EQ(timing.form, "blocks of 8");
}

TEST(KernelBench, OrdersNameTheFormOfThePackedRowsBesideThem) {
  for (const IsaLevel level : test::runnable_isa_levels()) {
    const test::ForcedIsaLevel forced(level);
    for (const double zeros : {0.5, 0.9}) {
      const auto weights = random_weights(DType::bf16, {64, 256}, zeros, 1);
      std::vector<std::int64_t> stored(256);
      std::iota(stored.begin(), stored.end(), 0);
      const BlockOrder order = {"stored", stored};
      const auto timings =
          bench_orders(make_tensor_view(DType::bf16, {64, 256}, weights.data()), {&order, 1}, 0, 1 << 16, {1, 0.0}, {});
      ASSERT_EQ(timings.size(), 1U);
      EXPECT_EQ(timings[0].packed_form, packed_form(zeros, level)) << isa_name(level);
    }
  }
}

TEST(Tuner, NamesTheFormThatWasMultiplied) {
  TunerOptions options;
  options.timing = {1, 0.0};
  options.rotated_bytes = 1 << 16;
  for (const IsaLevel level : test::runnable_isa_levels()) {
    const test::ForcedIsaLevel forced(level);
    for (const double zeros : {0.5, 0.9}) {
      const auto key = cpu_tuning_key(TunedProduct::packed, {64, 256}, DType::bf16, zeros);
      const auto forms = cpu_tuning().measure(key, options, {});
      ASSERT_EQ(forms.candidates.size(), 2U);
      EXPECT_EQ(forms.candidates[0].name, "dense");
      EXPECT_EQ(forms.candidates[1].name, packed_form(zeros, level)) << isa_name(level);
    }
  }
}

TEST(BothBench, MeasuresEachFormOnceSimplestFirst) {
  for (const DType dtype : {DType::bf16, DType::f16, DType::f32}) {
    for (const double zeros : {0.0, 0.5, 0.95}) {
      auto request = small_request(dtype);
      request.shape = {64, 256};
      request.sparsities = {zeros};
      std::vector<std::string> names;
      for (const auto& form : bench_both(request, 0.7, {})) {
        names.push_back(form.name);
        EXPECT_GT(form.time.median, 0.0);
      }
      std::vector<std::string> expected = {"dense", packed_form(zeros, isa_level()), "columns", "packed columns"};
      if (dtype == DType::f32) expected.pop_back();
      EXPECT_EQ(names, expected) << dtype_name(dtype) << " " << zeros;
    }
  }
}

TEST(BothBench, RefusesWhatItCannotMeasure) {
  auto request = small_request(DType::bf16);
  EXPECT_THROW(bench_both(request, 0.5, {}), Error);  // three sparsities of the weights
  request.sparsities = {0.5};
  EXPECT_THROW(bench_both(request, 1.0, {}), Error);
  request.sparsities = {-0.1};
  EXPECT_THROW(bench_both(request, 0.5, {}), Error);
}

TEST(KernelBench, RefusesWhatItCannotMeasure) {
  auto request = small_request(DType::bf16);
  request.sparsities = {1.0};
  EXPECT_THROW(bench_activation(request, {}), Error);
  request = small_request(DType::f64);
  EXPECT_THROW(bench_packed(request, {}), Error);
  request = small_request(DType::bf16);
  request.shape.rows = 0;
  EXPECT_THROW(bench_packed(request, {}), Error);
}

TEST(KernelBench, AWrongProductIsNotTimed) {
  const BenchShape shape = {2, 2};
  const std::vector<float> w = {1, 2, 3, 4};
  const std::vector<float> x = {10, 1};
  const auto expected = reference_product(DType::f32, shape, reinterpret_cast<const std::byte*>(w.data()), x.data());
  EXPECT_EQ(expected.sums, (std::vector<double>{12, 34}));
  const std::vector<float> right = {12, 34};
  EXPECT_NO_THROW(check_product("p", right, expected, 4));
  const std::vector<float> wrong = {12, 34.001F};
  try {
    check_product("p", wrong, expected, 4);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::internal);
    EXPECT_NE(std::string(error.what()).find("row 1"), std::string::npos);
  }
}

KernelTiming timing_of(double sparsity, double speedup) {
  KernelTiming timing;
  timing.sparsity = sparsity;
  timing.dense.median = speedup;
  timing.time.median = 1.0;
  return timing;
}

TEST(KernelBench, BreakEvenLiesBetweenTheMeasuredPoints) {
  const std::vector<KernelTiming> crossing = {timing_of(0.0, 0.8), timing_of(0.4, 0.8), timing_of(0.6, 1.25)};
  EXPECT_NEAR(*break_even(crossing), 0.5, 1e-12);
  const std::vector<KernelTiming> always = {timing_of(0.1, 1.0), timing_of(0.4, 2.0)};
  EXPECT_EQ(*break_even(always), 0.1);
  const std::vector<KernelTiming> never = {timing_of(0.0, 1.2), timing_of(0.4, 0.9)};
  EXPECT_FALSE(break_even(never));
}

// Half of 8 columns twice, disjoint; of 2^20 columns a thousandth would be 1,000 sets of 4 MiB.
TEST(SparseInputs, AreDisjointAndBounded) {
  const auto few = sparse_inputs(8, 0.5, 3);
  ASSERT_EQ(few.sets.size(), 2U);
  for (std::size_t i = 0; i < 8; ++i) EXPECT_NE(few.sets[0][i] == 0.0F, few.sets[1][i] == 0.0F);
  EXPECT_EQ(few.set_of(5, 3), 1U);
  EXPECT_EQ(few.set_of(6, 3), 0U);
  const auto many = sparse_inputs(1 << 20, 0.999, 3);
  EXPECT_EQ(many.active, 1049);
  EXPECT_EQ(many.sets.size(), 64U);
  EXPECT_EQ(std::ranges::count_if(many.sets.back(), [](float x) { return x != 0.0F; }), 1049);
}

TEST(WeightCopies, RotateThroughEnoughBytes) {
  const std::vector<std::byte> data(1000, std::byte{3});
  const Copies copies(data, 4500);
  EXPECT_EQ(copies.count(), 5);
  EXPECT_NE(copies.at(0).data(), copies.at(4).data());
  EXPECT_EQ(copies.at(0).data(), copies.at(5).data());
  EXPECT_EQ(copies.at(3)[999], std::byte{3});
  EXPECT_EQ(copies_to_rotate(1000, 1), 2);
  EXPECT_EQ(copies_to_rotate(10, 1 << 20), 1024);
}

TEST(PackedCopies, HoldTheNonZeros) {
  const std::vector<float> w = {0, 2, 0, 3, 0, 4};
  const auto packed = pack_bitmap(DType::f32, {2, 3}, std::as_bytes(std::span(w)));
  EXPECT_EQ(packed.bitmap[0], 2);
  EXPECT_EQ(packed.bitmap[1], 5);
  EXPECT_EQ(packed.row_starts[1], 1U);
  EXPECT_EQ(packed.row_starts[2], 3U);
  float values[3];
  std::memcpy(values, packed.values.data(), 12);
  EXPECT_EQ(values[2], 4.0F);
}

}  // namespace
}  // namespace lacuna
