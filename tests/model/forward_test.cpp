#include "lacuna/model/forward.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "lacuna/core/cpu.hpp"
#include "lacuna/core/random.hpp"
#include "lacuna/kernels/gemm/gemm.hpp"
#include "lacuna/model/decoder.hpp"
#include "model/tiny_model.hpp"

namespace lacuna {
namespace {

constexpr std::int64_t kSequences = 3;
constexpr std::int64_t kLength = 10;

struct Model {
  test::TempFolder folder;
  explicit Model(const std::string& config) { test::write_tiny_model(folder, config); }
  Decoder decoder() const { return Decoder::open(Checkpoint::open(folder.path().string())); }
};

Matrix<float> embedded(const Decoder& decoder, std::int64_t sequences = kSequences) {
  Random random(5);
  std::vector<std::int32_t> tokens(static_cast<std::size_t>(sequences * kLength));
  for (auto& token : tokens) token = static_cast<std::int32_t>(random.below(61));
  Matrix<float> hidden(sequences * kLength, decoder.config().hidden_size);
  decoder.embed(tokens, kLength, hidden.view());
  return hidden;
}

Matrix<float> copy_of(const Matrix<float>& matrix) {
  Matrix<float> copy(matrix.rows(), matrix.cols());
  std::copy_n(matrix.data(), matrix.numel(), copy.data());
  return copy;
}

struct Captured {  // one entry per group and sequence
  std::vector<InputGroup> groups;
  std::vector<std::int64_t> sequences;
  std::vector<std::vector<std::size_t>> linears;
  std::vector<Matrix<float>> inputs;

  InputTap tap() {
    return [this](const TappedInput& tapped) {
      const auto length = tapped.input.rows / tapped.sequences;
      for (std::int64_t s = 0; s < tapped.sequences; ++s) {
        groups.push_back(tapped.group);
        sequences.push_back(tapped.first_sequence + s);
        linears.emplace_back(tapped.linears.begin(), tapped.linears.end());
        auto& copy = inputs.emplace_back(length, tapped.input.cols);
        for (std::int64_t r = 0; r < length; ++r) {
          std::copy_n(tapped.input.row(s * length + r), copy.cols(), copy.view().row(r));
        }
      }
    };
  }
};

TEST(Forward, TapsShowEachDistinctInputOncePerSequenceInOrder) {
  for (const char* config : {test::kTinyLlamaConfig, test::kTinyOptConfig}) {
    const Model model(config);
    const Decoder decoder = model.decoder();
    const LayerWeights layer = decoder.load_layer(0, WeightStorage::owned);
    LayerForward forward(decoder.config(), Compute::f32);
    Matrix<float> hidden = embedded(decoder);
    Captured captured;
    forward.run(layer, hidden.view(), kLength, captured.tap());
    ASSERT_EQ(captured.groups.size(), static_cast<std::size_t>(kInputGroups * kSequences));
    std::vector<int> seen(layer.linears.size(), 0);
    for (std::size_t i = 0; i < captured.groups.size(); ++i) {
      EXPECT_EQ(captured.sequences[i], static_cast<std::int64_t>(i) % kSequences);
      EXPECT_EQ(captured.inputs[i].rows(), kLength);
      for (const std::size_t linear : captured.linears[i]) {
        EXPECT_EQ(layer.linears[linear].spec.group, captured.groups[i]);
        EXPECT_EQ(layer.linears[linear].cols(), captured.inputs[i].cols());
        ++seen[linear];
      }
    }
    for (const int n : seen) EXPECT_EQ(n, kSequences);
  }
}

TEST(Forward, CaptureShowsWhatRunShowsAndLeavesHiddenAlone) {
  const Model model(test::kTinyLlamaConfig);
  const Decoder decoder = model.decoder();
  const LayerWeights layer = decoder.load_layer(0, WeightStorage::owned);
  LayerForward forward(decoder.config(), Compute::f32);
  const Matrix<float> before = embedded(decoder);
  Matrix<float> hidden = copy_of(before);
  Captured run;
  forward.run(layer, hidden.view(), kLength, run.tap());
  for (const auto group :
       {InputGroup::attention, InputGroup::attention_output, InputGroup::mlp, InputGroup::mlp_output}) {
    Matrix<float> untouched = copy_of(before);
    Captured only;
    forward.capture(layer, untouched.view(), kLength, {group, group}, only.tap());
    ASSERT_EQ(only.groups.size(), static_cast<std::size_t>(kSequences));
    for (std::int64_t s = 0; s < kSequences; ++s) {
      const auto& expected = run.inputs[static_cast<std::size_t>(static_cast<std::int64_t>(group) * kSequences + s)];
      const auto& found = only.inputs[static_cast<std::size_t>(s)];
      EXPECT_EQ(only.groups[static_cast<std::size_t>(s)], group);
      for (std::int64_t i = 0; i < expected.numel(); ++i) ASSERT_EQ(found.data()[i], expected.data()[i]);
    }
    for (std::int64_t i = 0; i < before.numel(); ++i) ASSERT_EQ(untouched.data()[i], before.data()[i]);
  }
}

TEST(Forward, MutatedWeightsTakeEffect) {
  const Model model(test::kTinyLlamaConfig);
  const Decoder decoder = model.decoder();
  LayerWeights layer = decoder.load_layer(0, WeightStorage::owned);
  LayerForward forward(decoder.config(), Compute::f32);
  // Without output and down projections a layer is the identity.
  for (const char* component : {"self_attn.o_proj", "mlp.down_proj"}) {
    Linear* linear = layer.find(component);
    ASSERT_NE(linear, nullptr);
    std::fill_n(linear->weights.data(), linear->weights.numel(), 0.0F);
  }
  const Matrix<float> before = embedded(decoder);
  Matrix<float> hidden = copy_of(before);
  forward.run(layer, hidden.view(), kLength);
  for (std::int64_t i = 0; i < before.numel(); ++i) ASSERT_EQ(hidden.data()[i], before.data()[i]);
}

// GEMM may sum in another order for another number of rows: f32 rounding of values below 10 through two layers.
constexpr float kBatchTolerance = 1e-4F;

TEST(Forward, ResultsDoNotDependOnTheBatch) {
  const Model model(test::kTinyLlamaConfig);
  const Decoder decoder = model.decoder();
  LayerForward forward(decoder.config(), Compute::f32);
  // More sequences than one chunk holds (2,048 tokens).
  constexpr std::int64_t kMany = 300;
  const Matrix<float> before = embedded(decoder, kMany);
  Matrix<float> all = copy_of(before);
  Matrix<float> one_by_one = copy_of(before);
  std::vector<std::int64_t> order;
  for (std::int64_t i = 0; i < 2; ++i) {
    const LayerWeights layer = decoder.load_layer(i, WeightStorage::mapped);
    forward.run(layer, all.view(), kLength, [&](const TappedInput& tap) {
      if (tap.group != InputGroup::mlp) return;
      for (std::int64_t s = 0; s < tap.sequences; ++s) order.push_back(tap.first_sequence + s);
    });
    for (std::int64_t s = 0; s < kMany; ++s) {
      forward.run(layer, one_by_one.view().block(s * kLength, kLength, 0, before.cols()), kLength);
    }
  }
  for (std::int64_t i = 0; i < all.numel(); ++i) ASSERT_NEAR(all.data()[i], one_by_one.data()[i], kBatchTolerance);
  ASSERT_EQ(order.size(), static_cast<std::size_t>(2 * kMany));
  for (std::size_t i = 0; i < order.size(); ++i) EXPECT_EQ(order[i], static_cast<std::int64_t>(i) % kMany);
}

TEST(Forward, OwnedAndMappedWeightsAgree) {
  for (const char* config : {test::kTinyLlamaConfig, test::kTinyOptConfig}) {
    const Model model(config);
    const Decoder decoder = model.decoder();
    LayerForward forward(decoder.config(), Compute::f32);
    Matrix<float> owned = embedded(decoder);
    Matrix<float> mapped = copy_of(owned);
    const LayerWeights layer = decoder.load_layer(1, WeightStorage::owned);
    EXPECT_GT(layer.owned_bytes(), 0U);
    EXPECT_EQ(decoder.load_layer(1, WeightStorage::mapped).owned_bytes(), 0U);
    forward.run(layer, owned.view(), kLength);
    forward.run(decoder.load_layer(1, WeightStorage::mapped), mapped.view(), kLength);
    for (std::int64_t i = 0; i < owned.numel(); ++i) ASSERT_EQ(owned.data()[i], mapped.data()[i]);
  }
}

TEST(Forward, Bf16RoundsOwnedAndMappedWeightsAlike) {
  if (!cpu_has_bf16()) GTEST_SKIP() << "this processor has no bf16 arithmetic";
  const Model model(test::kTinyLlamaConfig);
  const Decoder decoder = model.decoder();
  LayerForward f32(decoder.config(), Compute::f32);
  LayerForward bf16(decoder.config(), Compute::bf16);
  Matrix<float> exact = embedded(decoder);
  Matrix<float> owned = copy_of(exact);
  Matrix<float> mapped = copy_of(exact);
  f32.run(decoder.load_layer(0, WeightStorage::owned), exact.view(), kLength);
  bf16.run(decoder.load_layer(0, WeightStorage::owned), owned.view(), kLength);
  bf16.run(decoder.load_layer(0, WeightStorage::mapped), mapped.view(), kLength);
  bool differs = false;
  for (std::int64_t i = 0; i < exact.numel(); ++i) {
    ASSERT_EQ(owned.data()[i], mapped.data()[i]);
    // Inputs rounded to 2⁻⁹, some 48 products per sum, a few sums in a row, outputs below 10.
    ASSERT_NEAR(owned.data()[i], exact.data()[i], 0.1F);
    differs = differs || owned.data()[i] != exact.data()[i];
  }
  EXPECT_TRUE(differs);
}

TEST(Forward, ScratchIsBoundedForLongBatches) {
  const Model model(test::kTinyLlamaConfig);
  const Decoder decoder = model.decoder();
  const LayerForward forward(decoder.config(), Compute::f32);
  // Per token: 2·32 hidden, 32 queries, 2·16 keys and values, 48 inner; and 48 more for a block of the second factor.
  EXPECT_EQ(forward.scratch_bytes(10), static_cast<std::uint64_t>(10 * (64 + 32 + 32 + 48 + 48)) * 4);
}

}  // namespace
}  // namespace lacuna
