// Linears that read their inputs with small entries taken as 0.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "lacuna/core/error.hpp"
#include "lacuna/core/random.hpp"
#include "lacuna/model/whole_forward.hpp"
#include "model/tiny_model.hpp"

namespace lacuna {
namespace {

constexpr std::int64_t kLength = 10;

struct Layer {
  test::TempFolder folder;
  Decoder decoder;
  LayerWeights weights;
  Matrix<float> hidden{3 * kLength, 32};
  explicit Layer(const std::string& config = test::kTinyLlamaConfig) : decoder(open(folder, config)) {
    weights = decoder.load_layer(0, WeightStorage::owned);
    Random random(7);
    for (std::int64_t i = 0; i < hidden.numel(); ++i) hidden.data()[i] = static_cast<float>(random.normal());
  }
  static Decoder open(const test::TempFolder& folder, const std::string& config) {
    test::write_tiny_model(folder, config);
    return Decoder::open(Checkpoint::open(folder.path().string()));
  }
  Matrix<float> output(LayerForward& forward) const {
    Matrix<float> out(hidden.rows(), hidden.cols());
    std::copy_n(hidden.data(), hidden.numel(), out.data());
    forward.run(weights, out.view(), kLength);
    return out;
  }
};

TEST(InputThreshold, OfZeroChangesNoBit) {
  for (const char* config : {test::kTinyLlamaConfig, test::kTinyOptConfig}) {
    Layer layer(config);
    LayerForward forward(layer.decoder.config(), Compute::f32);
    const auto plain = layer.output(forward);
    EXPECT_FALSE(forward.skipped_weights().has_value());
    for (auto& linear : layer.weights.linears) linear.input_threshold = 0.0F;
    const auto thresholded = layer.output(forward);
    for (std::int64_t i = 0; i < plain.numel(); ++i) ASSERT_EQ(thresholded.data()[i], plain.data()[i]);
    ASSERT_TRUE(forward.skipped_weights().has_value());
    const bool relu = config == test::kTinyOptConfig;  // whose exact zeros count, half of the last input
    EXPECT_GT(*forward.skipped_weights(), relu ? 0.05 : -1.0);
    EXPECT_LT(*forward.skipped_weights(), relu ? 0.9 : 0.01);
  }
}

std::vector<InputThreshold> all_thresholds(const Decoder& decoder, float threshold) {
  std::vector<InputThreshold> thresholds;
  for (std::int64_t layer = 0; layer < decoder.config().n_layers; ++layer) {
    for (const auto& spec : layer_linears(decoder.config(), layer))
      thresholds.push_back({layer, spec.component, threshold});
  }
  return thresholds;
}

// By columns or through GEMM: the same inputs count. Tokens one at a time, and 8 and 9 at once, on both sides of the
// limit up to which columns are used. Sums of at most 64 products of f32, through two layers: far below 1e-4.
TEST(InputThreshold, ColumnsGiveWhatTheWholeProductGives) {
  for (const char* config : {test::kTinyLlamaConfig, test::kTinyOptConfig}) {
    const Layer layer(config);
    for (const float threshold : {0.0F, 0.3F}) {
      WholeForward whole(layer.decoder, Compute::f32);
      WholeForward columns(layer.decoder, Compute::f32);
      whole.set_thresholds(all_thresholds(layer.decoder, threshold));
      columns.set_thresholds(all_thresholds(layer.decoder, threshold));
      columns.store_columns({});
      KvCache whole_cache(layer.decoder.config(), 19);
      KvCache columns_cache(layer.decoder.config(), 19);
      const std::vector<std::int32_t> tokens = {5, 9, 40, 3, 17, 22, 1, 60, 33};
      for (const std::size_t count : {9U, 1U, 8U, 1U}) {
        const std::span<const std::int32_t> fed(tokens.data(), count);
        const auto expected = whole.extend(fed, whole_cache, {});
        const auto found = columns.extend(fed, columns_cache, {});
        for (std::int64_t i = 0; i < expected.numel(); ++i) {
          ASSERT_NEAR(found.data()[i], expected.data()[i], 1e-4) << config << " threshold " << threshold;
        }
      }
      ASSERT_TRUE(columns.skipped_weights().has_value());
      EXPECT_NEAR(*columns.skipped_weights(), *whole.skipped_weights(), 1e-3);
      EXPECT_EQ(*columns.skipped_weights() > 0.05, threshold > 0.0F || config == test::kTinyOptConfig);
    }
  }
}

// Half of the weights are 0: packed, and stored by columns without them, they give the bits of dense columns. Rows on
// both sides of the limit up to which columns are used.
TEST(InputThreshold, PackedColumnsGiveTheBitsOfDenseOnes) {
  for (const char* config : {test::kTinyLlamaConfig, test::kTinyOptConfig}) {
    const Layer layer(config);
    LayerWeights dense = layer.decoder.load_layer(0, WeightStorage::mapped);
    LayerWeights packed = layer.decoder.load_layer(0, WeightStorage::mapped);
    std::vector<std::vector<std::uint16_t>> pruned;
    for (std::size_t i = 0; i < dense.linears.size(); ++i) {
      Linear& linear = dense.linears[i];
      const auto* stored = reinterpret_cast<const std::uint16_t*>(linear.stored.data);
      auto& weights = pruned.emplace_back(stored, stored + linear.stored.numel());
      for (auto& bits : weights) bits = std::fabs(bf16_to_f32(bits)) < 0.17F ? std::uint16_t{0} : bits;
      linear.stored.data = reinterpret_cast<const std::byte*>(weights.data());
      packed.linears[i].packed = PackedMatrix::pack(linear.spec.tensor, linear.stored);
      ASSERT_NE(packed.linears[i].packed, nullptr);
      linear.input_threshold = packed.linears[i].input_threshold = 0.3F;
      make_columns(linear);
      make_columns(packed.linears[i]);
      EXPECT_NE(linear.columns, nullptr);
      EXPECT_EQ(packed.linears[i].columns, nullptr);
      EXPECT_NE(packed.linears[i].packed_columns, nullptr);
    }
    LayerForward forward(layer.decoder.config(), Compute::f32);
    for (const std::int64_t rows : {1, 8, 9}) {
      Matrix<float> expected(rows, 32);
      Matrix<float> found(rows, 32);
      std::copy_n(layer.hidden.data(), expected.numel(), expected.data());
      std::copy_n(layer.hidden.data(), found.numel(), found.data());
      forward.run(dense, expected.view(), rows);
      forward.run(packed, found.view(), rows);
      for (std::int64_t i = 0; i < found.numel(); ++i) {
        ASSERT_EQ(std::bit_cast<std::uint32_t>(found.data()[i]), std::bit_cast<std::uint32_t>(expected.data()[i]))
            << config << ", " << rows << " rows";
      }
    }
    EXPECT_GT(*forward.skipped_weights(), 0.05);
  }
}

TEST(InputThreshold, AboveEverythingLeavesTheResidualAlone) {
  Layer layer;  // no biases
  for (auto& linear : layer.weights.linears) linear.input_threshold = 1e30F;
  LayerForward forward(layer.decoder.config(), Compute::f32);
  const auto out = layer.output(forward);
  for (std::int64_t i = 0; i < out.numel(); ++i) ASSERT_EQ(out.data()[i], layer.hidden.data()[i]);
  EXPECT_EQ(forward.skipped_weights(), 1.0);
}

TEST(InputThreshold, TakesAwayTheProductsOfSmallInputs) {
  Layer layer;
  LayerForward forward(layer.decoder.config(), Compute::f32);
  const auto plain = layer.output(forward);
  Matrix<float> inner(layer.hidden.rows(), 48);
  forward.capture(layer.weights, layer.hidden.view(), kLength, {InputGroup::mlp_output, InputGroup::mlp_output},
                  [&](const TappedInput& tap) {
                    for (std::int64_t r = 0; r < tap.input.rows; ++r)
                      std::copy_n(tap.input.row(r), 48, inner.view().row(tap.first_sequence * kLength + r));
                  });
  Linear& down = *layer.weights.find("mlp.down_proj");
  down.input_threshold = std::abs(inner(4, 5));  // equal to an entry, which goes
  const auto thresholded = layer.output(forward);
  std::int64_t zeros = 0;
  for (std::int64_t r = 0; r < inner.rows(); ++r) {
    for (std::int64_t c = 0; c < inner.cols(); ++c) zeros += std::abs(inner(r, c)) <= down.input_threshold ? 1 : 0;
    for (std::int64_t o = 0; o < 32; ++o) {
      double gone = 0;
      for (std::int64_t c = 0; c < 48; ++c) {
        if (std::abs(inner(r, c)) <= down.input_threshold)
          gone += static_cast<double>(inner(r, c)) * static_cast<double>(down.weights(o, c));
      }
      // Two f32 sums of 48 products and a residual below 10: 50 · 2^-24 · 10.
      EXPECT_NEAR(static_cast<double>(plain(r, o)) - static_cast<double>(thresholded(r, o)), gone, 3e-5);
    }
  }
  EXPECT_GT(zeros, 0);
  EXPECT_DOUBLE_EQ(*forward.skipped_weights(), static_cast<double>(zeros) / static_cast<double>(inner.numel()));
}

TEST(InputThreshold, OfOneLinearLeavesItsNeighboursAlone) {
  // Values ignore their input: whatever queries and keys read, attention gives the same.
  Layer layer;
  LayerForward forward(layer.decoder.config(), Compute::f32);
  layer.weights.find("self_attn.v_proj")->input_threshold = 1e30F;
  const auto blind = layer.output(forward);
  layer.weights.find("self_attn.q_proj")->input_threshold = 0.3F;
  layer.weights.find("self_attn.k_proj")->input_threshold = 0.6F;
  const auto also = layer.output(forward);
  for (std::int64_t i = 0; i < blind.numel(); ++i) ASSERT_EQ(also.data()[i], blind.data()[i]);
}

TEST(InputThreshold, TapsShowInputsAsTheyAre) {
  Layer layer;
  LayerForward forward(layer.decoder.config(), Compute::f32);
  for (auto& linear : layer.weights.linears) linear.input_threshold = 1e30F;
  bool any = false;
  forward.capture(layer.weights, layer.hidden.view(), kLength, {InputGroup::attention, InputGroup::attention},
                  [&](const TappedInput& tap) { any = any || tap.input(0, 0) != 0.0F; });
  EXPECT_TRUE(any);
}

TEST(InputThreshold, OfALinearThatIsNotThereIsRefused) {
  const Layer layer;
  WholeForward forward(layer.decoder, Compute::f32);
  const auto code_of = [&](const InputThreshold& threshold) {
    try {
      forward.set_thresholds({&threshold, 1});
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode::internal;
  };
  EXPECT_EQ(code_of({0, "mlp.fc1", 0.1F}), ErrorCode::missing_tensor);
  EXPECT_EQ(code_of({99, "mlp.down_proj", 0.1F}), ErrorCode::missing_tensor);
  EXPECT_EQ(code_of({0, "mlp.down_proj", -0.1F}), ErrorCode::invalid_argument);
  EXPECT_EQ(code_of({0, "mlp.down_proj", std::numeric_limits<float>::quiet_NaN()}), ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace lacuna
