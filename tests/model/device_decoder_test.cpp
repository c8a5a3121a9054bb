// Decoding on a device against the forward pass on the processor, for random models of every supported family.
#include "lacuna/model/device_decoder.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>

#include "lacuna/core/error.hpp"
#include "lacuna/core/random.hpp"
#include "lacuna/formats/safetensors_writer.hpp"
#include "lacuna/model/generate.hpp"
#include "lacuna/study/checkpoints/pack_work.hpp"
#include "model/tiny_model.hpp"

namespace lacuna {
namespace {

constexpr const char* kLlama = R"({"model_type": "llama", "vocab_size": 101, "hidden_size": 96,
  "intermediate_size": 200, "num_hidden_layers": 2, "num_attention_heads": 6, "num_key_value_heads": 3,
  "max_position_embeddings": 128, "bos_token_id": 1, "eos_token_id": 2})";
constexpr const char* kBiased = R"({"model_type": "llama", "vocab_size": 101, "hidden_size": 64,
  "intermediate_size": 88, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 4,
  "attention_bias": true, "mlp_bias": true, "tie_word_embeddings": true, "max_position_embeddings": 128})";
constexpr const char* kMistral = R"({"model_type": "mistral", "vocab_size": 101, "hidden_size": 64,
  "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1,
  "sliding_window": 5, "max_position_embeddings": 128})";
constexpr const char* kQwen2 = R"({"model_type": "qwen2", "vocab_size": 101, "hidden_size": 64,
  "intermediate_size": 104, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
  "max_position_embeddings": 128})";
constexpr const char* kQwen3 = R"({"model_type": "qwen3", "vocab_size": 101, "hidden_size": 64,
  "intermediate_size": 104, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
  "head_dim": 32, "max_position_embeddings": 128})";

enum class Zeros { none, half, two_of_four };

void write_model(const test::TempFolder& folder, const char* config, DType dtype, Zeros zeros) {
  folder.write("config.json", config);
  Random random(7);
  std::vector<std::vector<std::byte>> values;
  std::vector<NamedTensor> tensors;
  for (const auto& [name, shape] : test::tensors_of(config)) {
    TensorView view = make_tensor_view(dtype, shape, nullptr);
    auto& bytes = values.emplace_back(view.bytes());
    const bool norm = shape.size() == 1 && name.ends_with("weight");
    const double spread = shape.size() == 2 ? 1.5 / std::sqrt(static_cast<double>(shape[1])) : 0.2;
    const bool pruned = name.find("proj.weight") != std::string::npos;
    for (std::int64_t i = 0; i < view.numel(); ++i) {
      double value = (norm ? 1.0 : 0.0) + spread * random.normal();
      if (pruned && zeros == Zeros::half && random.below(2) == 0) value = 0.0;
      if (pruned && zeros == Zeros::two_of_four && (i / 4 + i) % 2 == 0) value = 0.0;
      const auto narrow = static_cast<float>(value);
      if (dtype == DType::f32) {
        std::memcpy(bytes.data() + i * 4, &narrow, 4);
      } else {
        const std::uint16_t bits = dtype == DType::f16 ? f32_to_f16(narrow) : f32_to_bf16(narrow);
        std::memcpy(bytes.data() + i * 2, &bits, 2);
      }
    }
    view.data = bytes.data();
    tensors.push_back({name, view});
  }
  write_safetensors(folder / "model.safetensors", tensors, {});
}

Decoder open(const std::filesystem::path& path) { return Decoder::open(Checkpoint::open(path.string())); }

std::vector<std::int32_t> some_tokens(std::size_t n) {
  std::vector<std::int32_t> tokens;
  for (std::size_t i = 0; i < n; ++i) tokens.push_back(static_cast<std::int32_t>((i * 31 + 5) % 101));
  return tokens;
}

double distance(std::span<const float> a, std::span<const float> b) {
  double error = 0.0;
  double size = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    error += (static_cast<double>(a[i]) - b[i]) * (static_cast<double>(a[i]) - b[i]);
    size += static_cast<double>(b[i]) * b[i];
  }
  return std::sqrt(error / size);
}

// ‖logits − expected‖ / ‖expected‖. Inputs of products, keys and values are rounded, each by at most a unit 2⁻¹¹ or 2⁻⁸
// relative to itself, rms 0.4 of it, about 10 times on the way to a logit, in directions independent of each other:
// 0.4·√10 units; tenfold for what softmax and gates amplify. A wrong position, head or weight gives about 1.
double tolerance(DType dtype) { return 13 * (dtype == DType::f16 ? 0x1.0p-11 : 0x1.0p-8); }

class DeviceDecoding : public testing::Test {
 protected:
  void SetUp() override {
    if (kernels::device_info()) return;
    if (std::getenv("LACUNA_REQUIRE_DEVICE") != nullptr) FAIL() << "no CUDA device";
    GTEST_SKIP() << "no CUDA device";
  }

  // Logits after a prompt and after each of some further tokens.
  static void expect_same(LogitSource& actual, LogitSource& expected, double limit, const std::string& what) {
    const auto tokens = some_tokens(30);
    for (LogitSource* source : {&actual, &expected}) source->start(64);
    const auto prompt = std::span(tokens).first(12);
    ASSERT_LT(distance(actual.advance(prompt, {}), expected.advance(prompt, {})), limit) << what << " prompt";
    for (std::size_t i = 12; i < tokens.size(); ++i) {
      const std::span<const std::int32_t> one(&tokens[i], 1);
      ASSERT_LT(distance(actual.advance(one, {}), expected.advance(one, {})), limit) << what << " token " << i;
    }
  }

  static void run(const char* config, DType dtype) {
    const test::TempFolder folder;
    write_model(folder, config, dtype, Zeros::none);
    const Decoder decoder = open(folder.path());
    Generator expected(decoder, Compute::f32);
    for (const bool columns : {false, true}) {
      DeviceDecoder actual(load_device_weights(decoder, {columns}, {}));
      expect_same(actual, expected, tolerance(dtype),
                  decoder.config().model_type + " " + std::string(dtype_name(dtype)) + (columns ? " columns" : ""));
    }
  }
};

TEST_F(DeviceDecoding, LogitsFollowTheProcessor) {
  for (const char* config : {kLlama, kBiased, kMistral, kQwen2, kQwen3}) {
    for (const DType dtype : {DType::f16, DType::bf16, DType::f32}) run(config, dtype);
  }
}

TEST_F(DeviceDecoding, PackedModelsStayPackedAndFollowTheProcessor) {
  for (const DType dtype : {DType::f16, DType::bf16}) {
    for (const Zeros zeros : {Zeros::half, Zeros::two_of_four}) {
      const test::TempFolder folder;
      const test::TempFolder packed_folder;
      write_model(folder, kLlama, dtype, zeros);
      (void)pack_model(folder.path().string(), packed_folder / "packed", {});
      const Decoder packed = open(packed_folder / "packed");
      const Decoder dense = open(folder.path());
      Generator expected(dense, Compute::f32);
      DeviceDecoder actual(load_device_weights(packed, {}, {}));
      const auto& layer = actual.weights().layers[0];
      for (const DeviceProduct* product : {&layer.qkv, &layer.output, &layer.gate_up, &layer.down}) {
        ASSERT_EQ(product->form(), zeros == Zeros::half ? "bundles" : "two_four");
      }
      expect_same(actual, expected, tolerance(dtype), "packed");
      DeviceDecoder columns(load_device_weights(packed, {true}, {}));
      expect_same(columns, expected, tolerance(dtype), "packed, as columns");
    }
  }
}

// Logits after a prompt, in chunks of some tokens (0: token by token).
std::vector<float> prompt_logits(DeviceDecoder& decoder, std::size_t tokens, std::int64_t chunk) {
  decoder.set_prompt_tokens(chunk);
  decoder.start(80);
  const auto logits = decoder.advance(some_tokens(tokens), {});
  return {logits.begin(), logits.end()};
}

// Chunks of 5 leave fewer than 8 tokens to the step; 70 tokens fit one chunk, and a window of 5 is long past.
TEST_F(DeviceDecoding, PromptsInChunksAreThoseOfSingleSteps) {
  for (const char* config : {kLlama, kBiased, kMistral, kQwen3}) {
    for (const DType dtype : {DType::f16, DType::bf16}) {
      const test::TempFolder folder;
      write_model(folder, config, dtype, Zeros::none);
      const Decoder model = open(folder.path());
      for (const bool columns : {false, true}) {
        DeviceDecoder decoder(load_device_weights(model, {columns}, {}));
        const auto expected = prompt_logits(decoder, 71, 0);
        for (const std::int64_t chunk : {5, 16, 512}) {
          ASSERT_LT(distance(prompt_logits(decoder, 71, chunk), expected), tolerance(dtype)) << config << chunk;
        }
        EXPECT_GT(distance(prompt_logits(decoder, 70, 512), expected), 0.2);  // of another token
      }
    }
  }
}

// A token's inputs are dropped by its own size, not by the chunk's. As below, some lie on either side of the threshold.
TEST_F(DeviceDecoding, ThresholdsHoldForEveryTokenOfAChunk) {
  const test::TempFolder folder;
  write_model(folder, kLlama, DType::f16, Zeros::none);
  DeviceDecoder decoder(load_device_weights(open(folder.path()), {true}, {}));
  const auto dense = prompt_logits(decoder, 40, 512);
  for (std::int64_t layer = 0; layer < 2; ++layer) {
    for (const auto group :
         {InputGroup::attention, InputGroup::attention_output, InputGroup::mlp, InputGroup::mlp_output}) {
      decoder.set_group_threshold(layer, group, 0.3F);
    }
  }
  const auto expected = prompt_logits(decoder, 40, 0);
  const double effect = distance(dense, expected);
  EXPECT_GT(effect, 0.2);
  EXPECT_LT(distance(prompt_logits(decoder, 40, 512), expected), 0.3 * effect);
}

Matrix<float> thresholded_logits(const Decoder& decoder, std::span<const std::int32_t> tokens,
                                 std::span<const InputThreshold> thresholds) {
  WholeForward forward(decoder, Compute::f32);
  forward.set_thresholds(thresholds);
  KvCache cache(decoder.config(), 40);
  const Matrix<float> states = forward.extend(tokens, cache, {});
  Matrix<float> logits(1, 101);
  forward.head().logits(states.view().block(states.rows() - 1, 1, 0, states.cols()), logits.view());
  return logits;
}

// An input within rounding of its threshold t may fall on either side. That moves a product of n inputs of size 1 by
// t / √n of itself, 0.05 here, and a few of a step's inputs do: far less than leaving out a third of all inputs, which
// the test holds it against.
TEST_F(DeviceDecoding, ThresholdsFollowTheProcessor) {
  const test::TempFolder folder;
  write_model(folder, kLlama, DType::f16, Zeros::none);
  const Decoder decoder = open(folder.path());
  std::vector<InputThreshold> thresholds;
  for (std::int64_t layer = 0; layer < 2; ++layer) {
    float threshold = 0.2F;
    for (const auto& spec : layer_linears(decoder.config(), layer)) {
      thresholds.push_back({layer, spec.component, threshold += 0.05F});
    }
  }
  DeviceDecoder actual(load_device_weights(decoder, {true}, {}));
  const auto tokens = some_tokens(4);
  const Matrix<float> dense = thresholded_logits(decoder, tokens, {});
  const Matrix<float> expected = thresholded_logits(decoder, tokens, thresholds);
  const std::span<const float> expected_logits(expected.data(), 101);
  const auto logits_apart = [&] {
    actual.start(40);
    return distance(actual.advance(tokens, {}), expected_logits);
  };
  const double effect = distance({dense.data(), 101}, expected_logits);
  EXPECT_GT(effect, 0.2);
  EXPECT_NEAR(logits_apart(), effect, 0.02);  // before there are thresholds
  actual.set_thresholds(thresholds);
  EXPECT_LT(logits_apart(), 0.3 * effect);
}

// Packed weights that are read whole give what columns give that are skipped; only the order of additions differs, so
// that an input within rounding of its threshold may fall on either side, as above.
TEST_F(DeviceDecoding, PackedWeightsWithThresholdsFollowColumns) {
  for (const Zeros zeros : {Zeros::half, Zeros::two_of_four}) {
    for (const char* config : {kLlama, kBiased}) {
      const test::TempFolder folder;
      const test::TempFolder packed_folder;
      write_model(folder, config, DType::f16, zeros);
      (void)pack_model(folder.path().string(), packed_folder / "packed", {});
      const Decoder model = open(packed_folder / "packed");
      const auto keep = [](std::int64_t layer, std::span<const Linear* const>) { return layer == 0; };
      DeviceDecoder packed(load_device_weights(model, {true, keep}, {}));
      DeviceDecoder columns(load_device_weights(model, {true}, {}));
      EXPECT_NE(packed.weights().layers[0].gate_up.form(), "columns");
      EXPECT_EQ(packed.weights().layers[1].gate_up.form(), "columns");
      const auto dense = prompt_logits(columns, 40, 512);
      EXPECT_LT(distance(prompt_logits(packed, 40, 512), dense), tolerance(DType::f16));
      for (std::int64_t layer = 0; layer < 2; ++layer) {
        for (const auto group :
             {InputGroup::attention, InputGroup::attention_output, InputGroup::mlp, InputGroup::mlp_output}) {
          for (DeviceDecoder* decoder : {&packed, &columns}) decoder->set_group_threshold(layer, group, 0.3F);
        }
      }
      for (const std::int64_t chunk : {0, 512}) {
        const auto expected = prompt_logits(columns, 40, chunk);
        const double effect = distance(dense, expected);
        EXPECT_GT(effect, 0.1);
        EXPECT_LT(distance(prompt_logits(packed, 40, chunk), expected), 0.3 * effect) << chunk;
      }
    }
  }
}

TEST_F(DeviceDecoding, PackedLinearsOfOneInputTakeOneThreshold) {
  const test::TempFolder folder;
  const test::TempFolder packed_folder;
  write_model(folder, kLlama, DType::f16, Zeros::half);
  (void)pack_model(folder.path().string(), packed_folder / "packed", {});
  const auto keep = [](std::int64_t, std::span<const Linear* const>) { return true; };
  DeviceDecoder decoder(load_device_weights(open(packed_folder / "packed"), {true, keep}, {}));
  const std::vector<InputThreshold> apart = {{0, "mlp.gate_proj", 0.5F}, {0, "mlp.up_proj", 0.25F}};
  decoder.set_thresholds(apart);
  decoder.start(8);
  EXPECT_THROW((void)decoder.advance(some_tokens(1), {}), Error);
}

TEST(DeviceWeights, LittleThatIsKeptOutrunsColumns) {
  std::vector<float> values(64 * 64);
  Random random(3);
  const auto packed_with = [&](std::uint64_t one_of) {
    for (float& v : values) v = random.below(one_of) == 0 ? 1.0F : 0.0F;
    std::vector<std::uint16_t> narrow(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) narrow[i] = f32_to_f16(values[i]);
    Linear linear;
    linear.packed = PackedMatrix::pack(
        "w", make_tensor_view(DType::f16, {64, 64}, reinterpret_cast<const std::byte*>(narrow.data())));
    return linear;
  };
  const Linear half = packed_with(2);
  const Linear fifth = packed_with(5);
  const Linear* of_half[] = {&half};
  const Linear* of_fifth[] = {&fifth};
  EXPECT_TRUE(packed_outruns_columns(of_half, 0.0));
  EXPECT_FALSE(packed_outruns_columns(of_half, 0.7));
  EXPECT_TRUE(packed_outruns_columns(of_fifth, 0.5));
  EXPECT_TRUE(packed_outruns_columns(of_fifth, 0.7));
  EXPECT_FALSE(packed_outruns_columns(of_fifth, 0.95));
}

TEST_F(DeviceDecoding, ObservedInputsAreThoseOfTheProcessor) {
  const test::TempFolder folder;
  write_model(folder, kLlama, DType::f16, Zeros::none);
  const Decoder decoder = open(folder.path());
  std::vector<std::vector<float>> expected;
  Matrix<float> hidden(1, decoder.config().hidden_size);
  const std::int32_t token = 17;
  decoder.embed({&token, 1}, 1, hidden.view());
  LayerForward forward(decoder.config(), Compute::f32);
  for (std::int64_t i = 0; i < 2; ++i) {
    forward.run(decoder.load_layer(i, WeightStorage::mapped), hidden.view(), 1, [&](const TappedInput& tap) {
      expected.emplace_back(tap.input.row(0), tap.input.row(0) + tap.input.cols);
    });
  }
  for (const bool columns : {false, true}) {
    DeviceDecoder actual(load_device_weights(decoder, {columns}, {}));
    actual.start(8);
    std::size_t i = 0;
    actual.observe(token, [&](std::int64_t layer, InputGroup group, std::span<const float> input) {
      ASSERT_EQ(i, static_cast<std::size_t>(layer) * kInputGroups + static_cast<std::size_t>(group));
      ASSERT_EQ(input.size(), expected[i].size());
      ASSERT_LT(distance(input, expected[i]), tolerance(DType::f16));
      ++i;
    });
    EXPECT_EQ(i, expected.size());
  }
}

TEST_F(DeviceDecoding, RunsAgreeToTheBitAndCapacityDoesNotShow) {
  const test::TempFolder folder;
  write_model(folder, kLlama, DType::bf16, Zeros::none);
  DeviceDecoder decoder(load_device_weights(open(folder.path()), {}, {}));
  GenerateOptions options;
  options.max_new_tokens = 20;
  options.stop_at_eos = false;
  options.seed = 4;
  const auto first = generate_tokens(decoder, some_tokens(5), options, {}, {});
  const auto logits = [&](std::int64_t capacity) {
    decoder.start(capacity);
    const auto span = decoder.advance(some_tokens(9), {});
    return std::vector<float>(span.begin(), span.end());
  };
  const auto small = logits(9);
  EXPECT_EQ(logits(100), small);
  EXPECT_EQ(logits(9), small);
  EXPECT_EQ(generate_tokens(decoder, some_tokens(5), options, {}, {}), first);
}

TEST_F(DeviceDecoding, RefusesBadTokensAndThresholds) {
  const test::TempFolder folder;
  write_model(folder, kLlama, DType::bf16, Zeros::none);
  const Decoder model = open(folder.path());
  DeviceDecoder decoder(load_device_weights(model, {}, {}));
  decoder.start(8);
  for (const std::int32_t token : {-1, 101}) EXPECT_THROW((void)decoder.advance({&token, 1}, {}), Error);
  const auto refused = [](DeviceDecoder& target, const InputThreshold& threshold) {
    EXPECT_THROW(target.set_thresholds({&threshold, 1}), Error);
  };
  refused(decoder, {0, "mlp.down_proj", 0.5F});  // its weights are rows
  DeviceDecoder columns(load_device_weights(model, {true}, {}));
  refused(columns, {2, "mlp.down_proj", 0.5F});
  refused(columns, {0, "mlp.none", 0.5F});
  refused(columns, {0, "mlp.down_proj", -1.0F});
}

TEST(DeviceSupport, NamesWhatAModelLacks) {
  EXPECT_NO_THROW(require_device_support(parse_config(kLlama)));
  try {
    require_device_support(parse_config(test::kTinyOptConfig));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::unsupported_model);
    EXPECT_NE(error.message().find("LayerNorm"), std::string::npos);
  }
}

}  // namespace
}  // namespace lacuna
