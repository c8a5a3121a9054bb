#include "lacuna/bench/advice.hpp"

#include <gtest/gtest.h>

#include <map>

#include "lacuna/bench/model_matrices.hpp"
#include "model/tiny_model.hpp"
#include "support/temp_folder.hpp"

namespace lacuna {
namespace {

// Seconds of the other form for each operation and number of rows; the dense product takes a millisecond a row.
using OtherForm = std::map<std::pair<std::string, std::int64_t>, double>;

class AdviceTest : public ::testing::Test {
 protected:
  Advice advise_on(const std::vector<AdviceMatrix>& matrices, const std::vector<Prospect>& prospects,
                   const OtherForm& other) {
    TuningCache cache = TuningCache::open(folder_.path() / "t.json");
    const TuningDevice device = {"cpu: test", [&](const TuningKey& key, const TunerOptions&, const RunContext&) {
                                   const double dense = 1e-3 * static_cast<double>(key.rows);
                                   const auto found = other.find({key.operation, key.rows});
                                   const double seconds = found == other.end() ? 2.0 * dense : found->second;
                                   return MeasuredForms{{{"dense", dense}, {"other", seconds}}, true};
                                 }};
    Tuner tuner(cache, device, {});
    return advise(matrices, prospects, tuner, {});
  }

 private:
  const test::TempFolder folder_;
};

// 100 elements of bf16, half of them zeros.
AdviceMatrix block_matrix(std::int64_t rows, std::uint64_t packed_bytes) {
  return {.name = "w",
          .shape = {rows, 100 / rows},
          .sparsity = 0.5,
          .dense_bytes = 200,
          .packed_bytes = packed_bytes,
          .both = true};
}
AdviceMatrix head() {
  return {.name = "head", .shape = {20, 10}, .prunable = false, .dense_bytes = 400, .packed_bytes = 400};
}

TEST_F(AdviceTest, FormatsAddUpWhatTheirMatricesTake) {
  const Advice advice =
      advise_on({block_matrix(10, 120), head()}, {}, {{{"packed", 10}, 5e-3}, {{"packed", 20}, 1e-9}});
  ASSERT_EQ(advice.formats.size(), 3U);
  EXPECT_EQ(advice.formats[0].bytes, 600U);
  EXPECT_EQ(advice.formats[1].bytes, 520U);
  EXPECT_EQ(advice.formats[2].bytes, 520U);
  EXPECT_DOUBLE_EQ(advice.formats[0].seconds, 30e-3);
  EXPECT_DOUBLE_EQ(advice.formats[1].seconds, 25e-3);  // the head stays dense, whatever its packed product would take
  EXPECT_DOUBLE_EQ(advice.formats[2].seconds, 25e-3);
  EXPECT_DOUBLE_EQ(advice.formats[1].speedup(), 1.2);
  EXPECT_EQ(advice.choices, (std::vector<std::string>{"other", "dense"}));
  EXPECT_EQ(advice.verdict, "Packed, its weights take 0.87 of the bytes and decode 1.20 times as fast: pack it.");
}

TEST_F(AdviceTest, WhatIsSlowerPackedIsPackedForSizeAlone) {
  const Advice advice = advise_on({block_matrix(10, 120), head()}, {}, {{{"packed", 10}, 20e-3}});
  EXPECT_DOUBLE_EQ(advice.formats[1].seconds, 40e-3);
  EXPECT_EQ(advice.formats[1].bytes, 520U);
  EXPECT_DOUBLE_EQ(advice.formats[2].seconds, 30e-3);
  EXPECT_EQ(advice.formats[2].bytes, 600U);
  EXPECT_EQ(advice.choices, (std::vector<std::string>{"dense", "dense"}));
  EXPECT_EQ(advice.verdict,
            "Packed, its weights take 0.87 of the bytes but decode no faster (0.75 times): pack it for size, not for "
            "speed.");
}

TEST_F(AdviceTest, OnlyTheMatricesThatGainArePackedForSpeed) {
  const Advice advice =
      advise_on({block_matrix(10, 120), block_matrix(20, 120)}, {}, {{{"packed", 10}, 5e-3}, {{"packed", 20}, 40e-3}});
  EXPECT_DOUBLE_EQ(advice.formats[1].seconds, 45e-3);
  EXPECT_DOUBLE_EQ(advice.formats[2].seconds, 25e-3);
  EXPECT_EQ(advice.formats[2].bytes, 320U);
  EXPECT_EQ(advice.choices, (std::vector<std::string>{"other", "dense"}));
  EXPECT_NE(advice.verdict.find("speed gains 1.20 times only where"), std::string::npos) << advice.verdict;
}

TEST_F(AdviceTest, AMatrixThatPackingDoesNotShrinkStaysDense) {
  const Advice advice = advise_on({block_matrix(10, 200)}, {}, {{{"packed", 10}, 1e-3}});
  EXPECT_DOUBLE_EQ(advice.formats[1].seconds, 10e-3);
  EXPECT_EQ(advice.choices, (std::vector<std::string>{"dense"}));
  EXPECT_EQ(advice.verdict, "No matrix has enough zeros to be smaller packed: keep the model dense.");
}

// A bit for each of 100 elements and 2 bytes for each that is left; the head is never pruned.
TEST_F(AdviceTest, ProspectsTakeTheirOwnProducts) {
  const OtherForm other = {{{"packed", 10}, 5e-3}, {{"activation", 10}, 4e-3}, {{"both", 10}, 2e-3}};
  const std::vector<Prospect> prospects = {
      {TunedProduct::packed, 0.5}, {TunedProduct::activation, 0.5}, {TunedProduct::both, 0.5, 0.7}};
  const Advice advice = advise_on({block_matrix(10, 120), head()}, prospects, other);
  ASSERT_EQ(advice.prospects.size(), 3U);
  EXPECT_EQ(advice.prospects[0].bytes, 112U + 400U);
  EXPECT_EQ(advice.prospects[1].bytes, 600U);
  EXPECT_EQ(advice.prospects[2].bytes, 112U + 400U);
  EXPECT_DOUBLE_EQ(advice.prospects[0].seconds, 25e-3);
  EXPECT_DOUBLE_EQ(advice.prospects[1].seconds, 24e-3);
  EXPECT_DOUBLE_EQ(advice.prospects[2].seconds, 22e-3);
  EXPECT_DOUBLE_EQ(advice.prospects[2].input_sparsity, 0.7);
  for (const auto& prospect : advice.prospects) EXPECT_DOUBLE_EQ(prospect.dense_seconds, 30e-3);
}

TEST_F(AdviceTest, BothIsLeftOutWhereAMatrixHasNoSuchProduct) {
  AdviceMatrix matrix = block_matrix(10, 120);
  matrix.both = false;
  EXPECT_TRUE(advise_on({matrix}, {{TunedProduct::both, 0.5, 0.5}}, {}).prospects.empty());
}

// Hidden 32, MLP 48, 4 heads of 8, 2 key heads, 61 tokens; two layers.
TEST(ModelMatrices, AreTheLinearsAndTheHead) {
  const test::TempFolder folder;
  test::write_tiny_model(folder, test::kTinyLlamaConfig);
  const Decoder decoder = Decoder::open(Checkpoint::open(folder.path().string()));
  const auto matrices = model_matrices(decoder, {});
  ASSERT_EQ(matrices.size(), 15U);
  EXPECT_EQ(matrices[0].name, "0.self_attn.q_proj");
  EXPECT_EQ(matrices[13].name, "1.mlp.down_proj");
  EXPECT_EQ(matrices[13].shape.rows, 32);
  EXPECT_EQ(matrices[13].shape.cols, 48);
  EXPECT_EQ(matrices[13].dense_bytes, 32U * 48 * 2);
  EXPECT_EQ(matrices[14].name, "head");
  EXPECT_EQ(matrices[14].shape.rows, 61);
  EXPECT_FALSE(matrices[14].prunable);
  for (const auto& matrix : matrices) EXPECT_EQ(matrix.both, matrix.prunable);
}

TEST(ModelMatrices, OfADeviceAreProductsOfOneInput) {
  const test::TempFolder folder;
  test::write_tiny_model(folder, test::kTinyLlamaConfig);
  const Decoder decoder = Decoder::open(Checkpoint::open(folder.path().string()));
  const auto products = device_model_matrices(decoder, {});
  std::vector<std::pair<std::int64_t, std::int64_t>> shapes;
  for (const auto& product : products) {
    shapes.emplace_back(product.shape.rows, product.shape.cols);
    EXPECT_EQ(product.dense_bytes, static_cast<std::uint64_t>(product.shape.rows * product.shape.cols * 2));
    EXPECT_FALSE(product.both);
  }
  const std::vector<std::pair<std::int64_t, std::int64_t>> layer = {{64, 32}, {32, 32}, {96, 32}, {32, 48}};
  auto expected = layer;
  expected.insert(expected.end(), layer.begin(), layer.end());
  expected.emplace_back(61, 32);
  EXPECT_EQ(shapes, expected);
  EXPECT_EQ(products[2].activation_product, TunedProduct::gate);
  EXPECT_EQ(products[0].activation_product, TunedProduct::activation);
}

}  // namespace
}  // namespace lacuna
