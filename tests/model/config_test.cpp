#include "lacuna/model/config.hpp"

#include <gtest/gtest.h>

#include <string>

#include "lacuna/core/error.hpp"
#include "model/tiny_model.hpp"

namespace lacuna {
namespace {

// The tiny LLaMA config with one field set (the last of several equal names counts), or, for an empty value, removed.
std::string with(const std::string& field, const std::string& value) {
  std::string json = test::kTinyLlamaConfig;
  if (!value.empty()) return json.insert(json.rfind('}'), ", \"" + field + "\": " + value);
  const auto found = json.find('"' + field + '"');
  return json.erase(found, json.find(',', found) + 1 - found);
}

std::string message_of(const std::string& json, ErrorCode expected = ErrorCode::bad_config) {
  try {
    parse_config(json, "config.json");
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), expected) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "accepted: " << json;
  return "";
}

TEST(Config, DefaultsOfLlama) {
  const DecoderConfig c = parse_config(test::kTinyLlamaConfig);
  EXPECT_EQ(c.model_type, "llama");
  EXPECT_EQ(c.head_dim, 8);
  EXPECT_EQ(c.rope.theta, 10000.0);
  EXPECT_EQ(c.norm_epsilon, 1e-6F);
  EXPECT_FALSE(c.tied_head);
  EXPECT_FALSE(c.qkv_bias);
  EXPECT_EQ(c.windows, (std::vector<std::int64_t>{0, 0}));
  EXPECT_EQ(c.eos_tokens, (std::vector<std::int64_t>{2}));
}

TEST(Config, EveryRequiredFieldIsNamedWhenMissing) {
  for (const char* field :
       {"vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "model_type"}) {
    const auto message = message_of(with(field, ""));
    EXPECT_NE(message.find(field), std::string::npos) << message;
    EXPECT_NE(message.find("found nothing"), std::string::npos) << message;
  }
}

TEST(Config, WrongTypesAndRangesAreNamedWithWhatWasFound) {
  const std::vector<std::array<std::string, 3>> cases = {
      {"hidden_size", "\"32\"", "\"32\""},
      {"hidden_size", "32.5", "32.5"},
      {"hidden_size", "0", "0"},
      {"hidden_size", "-4", "-4"},
      {"hidden_size", "99999999999999999999", "1e+20"},
      {"hidden_size", "[32]", "a list"},
      {"num_hidden_layers", "1000000", "1000000"},
      {"num_attention_heads", "5", "5"},
      {"num_key_value_heads", "3", "3"},
      {"head_dim", "7", "7"},
      {"head_dim", "{}", "an object"},
      {"hidden_act", "\"mish\"", "mish"},
      {"rms_norm_eps", "\"x\"", "\"x\""},
      {"tie_word_embeddings", "1", "1"},
      {"rope_theta", "0", "0"},
      {"rope_scaling", "7", "7"},
      {"max_position_embeddings", "1e400", "out of range"},
      {"partial_rotary_factor", "0.5", "less"},
      {"eos_token_id", "\"</s>\"", "</s>"},
      {"quantization_config", "{\"bits\": 4}", "quantised"},
  };
  for (const auto& [field, value, found] : cases) {
    const auto message = message_of(with(field, value));
    if (found != "out of range") {
      EXPECT_NE(message.find(field), std::string::npos) << message;
    }
    EXPECT_NE(message.find(found), std::string::npos) << message;
    EXPECT_NE(message.find("config.json"), std::string::npos) << message;
  }
}

TEST(Config, RopeScalingVariantsAreChecked) {
  const auto scaled = [](const std::string& object) { return with("rope_scaling", object); };
  EXPECT_EQ(parse_config(scaled(R"({"type": "linear", "factor": 2})")).rope.scaling, RopeScaling::linear);
  EXPECT_EQ(parse_config(scaled(R"({"rope_type": "default"})")).rope.scaling, RopeScaling::none);
  EXPECT_EQ(parse_config(scaled("null")).rope.scaling, RopeScaling::none);
  const auto both = parse_config(with("rope_parameters", R"({"rope_type": "dynamic", "factor": 2, "rope_theta": 77})"));
  EXPECT_EQ(both.rope.scaling, RopeScaling::dynamic);
  EXPECT_EQ(both.rope.theta, 77.0);
  EXPECT_NE(message_of(scaled(R"({"type": "magic"})")).find("rope_scaling.rope_type"), std::string::npos);
  EXPECT_NE(message_of(scaled(R"({"type": "linear"})")).find("rope_scaling.factor"), std::string::npos);
  EXPECT_NE(message_of(scaled(R"({"type": "linear", "factor": 0})")).find("rope_scaling.factor"), std::string::npos);
  EXPECT_NE(message_of(scaled(R"({"rope_type": "llama3", "factor": 8, "low_freq_factor": 4, "high_freq_factor": 4})"))
                .find("high_freq_factor"),
            std::string::npos);
  EXPECT_NE(message_of(scaled(R"({"rope_type": "longrope", "factor": 2, "short_factor": [1], "long_factor": [1]})"))
                .find("short_factor"),
            std::string::npos);
}

TEST(Config, UnknownModelTypesListWhatIsSupported) {
  const auto message = message_of(with("model_type", "\"mamba\""), ErrorCode::unsupported_model);
  for (const auto& type : supported_model_types()) EXPECT_NE(message.find(type), std::string::npos) << message;
  EXPECT_NE(message.find("mamba"), std::string::npos);
  EXPECT_EQ(supported_model_types(), (std::vector<std::string>{"llama", "mistral", "opt", "qwen2", "qwen3"}));
}

TEST(Config, DamagedJsonIsAnErrorWithItsOffset) {
  const std::string whole = test::kTinyLlamaConfig;
  for (std::size_t n = 0; n < whole.size(); ++n) message_of(whole.substr(0, n));
  message_of("[1, 2]");
  message_of("null");
  message_of(std::string(200'000, '['));
  message_of("{\"a\": " + std::string(200'000, '[') + std::string(200'000, ']') + "}");  // no model_type
  message_of(R"({"model_type": )" + std::string(100'000, '[') + std::string(100'000, ']') + "}");
  try {
    parse_config("{\"a\" 1}");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.byte_offset(), 5U);  // of the 1, where a colon belongs
  }
}

TEST(Config, WindowsOfTheFamilies) {
  std::string json = with("sliding_window", "7");
  json.replace(json.find("\"llama\""), 7, "\"mistral\"");
  EXPECT_EQ(parse_config(json).windows, (std::vector<std::int64_t>{7, 7}));
  json.replace(json.find("\"mistral\""), 9, "\"qwen2\"");
  EXPECT_EQ(parse_config(json).windows, (std::vector<std::int64_t>{0, 0}));
  json.insert(1, R"("use_sliding_window": true, "max_window_layers": 1, )");
  EXPECT_EQ(parse_config(json).windows, (std::vector<std::int64_t>{0, 7}));
  std::string typed = json;
  typed.insert(1, R"("layer_types": ["sliding_attention", "full_attention"], )");
  EXPECT_EQ(parse_config(typed).windows, (std::vector<std::int64_t>{7, 0}));
  json.insert(1, R"("layer_types": ["sliding_attention", "linear_attention"], )");
  EXPECT_NE(message_of(json).find("linear_attention"), std::string::npos);
}

}  // namespace
}  // namespace lacuna
