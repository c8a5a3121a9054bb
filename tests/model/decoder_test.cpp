#include "lacuna/model/decoder.hpp"

#include <gtest/gtest.h>

#include "lacuna/core/error.hpp"
#include "model/tiny_model.hpp"

namespace lacuna {
namespace {

Decoder open(const test::TempFolder& folder) { return Decoder::open(Checkpoint::open(folder.path().string())); }

std::string message_of(const std::function<void()>& action, ErrorCode expected) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), expected) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "no error";
  return "";
}

TEST(Decoder, EveryMissingTensorIsNamed) {
  for (const char* config : {test::kTinyLlamaConfig, test::kTinyOptConfig}) {
    for (const auto& tensor : test::tensors_of(config)) {
      const test::TempFolder folder;
      test::write_tiny_model(folder, config, {tensor.name});
      const auto message = message_of([&] { open(folder); }, ErrorCode::missing_tensor);
      EXPECT_NE(message.find(tensor.name), std::string::npos) << message;
    }
  }
}

TEST(Decoder, AShapeThatConfigDoesNotAskForIsNamedWithBothShapes) {
  const test::TempFolder folder;
  test::write_tiny_model(folder, test::kTinyLlamaConfig);
  std::string wider = test::kTinyLlamaConfig;
  wider.replace(wider.find("\"intermediate_size\": 48"), 23, "\"intermediate_size\": 50");
  folder.write("config.json", wider);
  const auto message = message_of([&] { open(folder); }, ErrorCode::shape_mismatch);
  EXPECT_NE(message.find("model.layers.0.mlp.gate_proj.weight"), std::string::npos) << message;
  EXPECT_NE(message.find("[50, 32]"), std::string::npos) << message;
  EXPECT_NE(message.find("[48, 32]"), std::string::npos) << message;
}

TEST(Decoder, TokensOutsideTheVocabularyAreNamedWithTheirPosition) {
  const test::TempFolder folder;
  test::write_tiny_model(folder, test::kTinyLlamaConfig);
  const Decoder decoder = open(folder);
  Matrix<float> hidden(3, 32);
  const std::vector<std::int32_t> tokens = {0, 60, 61};
  const auto message = message_of([&] { decoder.embed(tokens, 3, hidden.view()); }, ErrorCode::bad_token);
  EXPECT_NE(message.find("token 2 "), std::string::npos) << message;
  EXPECT_NE(message.find("61"), std::string::npos) << message;
}

TEST(Decoder, LearnedPositionsEnd) {
  const test::TempFolder folder;
  test::write_tiny_model(folder, test::kTinyOptConfig);
  const Decoder decoder = open(folder);
  const std::vector<std::int32_t> tokens(65, 3);
  Matrix<float> hidden(65, 32);
  EXPECT_NO_THROW(decoder.embed(std::span(tokens).first(64), 64, hidden.view().block(0, 64, 0, 32)));
  message_of([&] { decoder.embed(tokens, 65, hidden.view()); }, ErrorCode::invalid_argument);
  message_of([&] { decoder.embed(std::span(tokens).first(1), 1, hidden.view().block(0, 1, 0, 32), 64); },
             ErrorCode::invalid_argument);
}

TEST(Decoder, EmbeddingGivesTheRowsOfTheTable) {
  const test::TempFolder folder;
  test::write_tiny_model(folder, test::kTinyLlamaConfig);
  const Decoder decoder = open(folder);
  Matrix<float> hidden(2, 32);
  decoder.embed(std::vector<std::int32_t>{60, 0}, 2, hidden.view());
  const auto* table =
      reinterpret_cast<const std::uint16_t*>(decoder.checkpoint().get("model.embed_tokens.weight").data);
  for (std::int64_t c = 0; c < 32; ++c) {
    EXPECT_EQ(hidden(0, c), bf16_to_f32(table[60 * 32 + c]));
    EXPECT_EQ(hidden(1, c), bf16_to_f32(table[c]));
  }
}

TEST(Decoder, LayerLinearsNameComponentsAndTensors) {
  const auto specs = layer_linears(parse_config(test::kTinyLlamaConfig), 1);
  std::vector<std::string> components;
  for (const auto& spec : specs) components.push_back(spec.component);
  EXPECT_EQ(components,
            (std::vector<std::string>{"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
                                      "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"}));
  EXPECT_EQ(specs[1].tensor, "model.layers.1.self_attn.k_proj.weight");
  EXPECT_EQ(specs[1].rows, 16);
  EXPECT_EQ(specs[1].cols, 32);
  EXPECT_EQ(layer_linears(parse_config(test::kTinyOptConfig), 0).back().bias_tensor, "model.decoder.layers.0.fc2.bias");
}

}  // namespace
}  // namespace lacuna
