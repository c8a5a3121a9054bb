// tokenizer.json files that lie or are built to exhaust: one Error with the path each, at once and in little memory.
#include <gtest/gtest.h>

#include <ctime>

#include "hostile_json.hpp"
#include "lacuna/tokenizer/byte_token.hpp"
#include "support/sanitizer.hpp"

namespace lacuna {
namespace {

using Json = test::SmallTokenizerJson;
using test::expect_refused;
using test::expect_refused_with;
using test::kJsonPath;
using test::repeated;

TEST(HostileTokenizerJson, TheHonestFileWorks) {
  const auto tokenizer = Tokenizer::from_json(Json().text(), kJsonPath);
  EXPECT_EQ(tokenizer.encode("abaa!"), (std::vector<std::int32_t>{7, 3, 6, 4}));
  EXPECT_EQ(tokenizer.decode(std::vector<std::int32_t>{7, 3, 6, 4}), "abaa!");
  EXPECT_EQ(tokenizer.vocab_size(), 8U);
}

TEST(HostileTokenizerJson, NestingAMillionDeepIsRefused) {
  constexpr std::size_t kDeep = 1'000'000;
  for (const std::string open : {"[", "{\"a\":"}) {
    for (const bool closed : {false, true}) {
      const auto value = repeated(open, kDeep) + (closed ? "0" + repeated(open == "[" ? "]" : "}", kDeep) : "");
      expect_refused("bare nesting", value);
      expect_refused_with("nested normalizer", [&](Json& json) { json.normalizer = value; });
      expect_refused("unknown field", R"({"x":)" + value + "}");
    }
  }
  const std::string sequence = R"({"type":"Sequence","normalizers":[)";
  expect_refused_with("sequences in sequences", [&](Json& json) {
    json.normalizer = repeated(sequence, kDeep / 10) + R"({"type":"NFC"})" + repeated("]}", kDeep / 10);
  });
  expect_refused_with("processors in processors", [&](Json& json) {
    json.post_processor = repeated(R"({"type":"Sequence","processors":[)", kDeep / 10);
  });
}

TEST(HostileTokenizerJson, IdsBeyondTheVocabularyAreRefused) {
  for (const std::string id : {"8", "1000", "2147483647", "2147483648", "4294967295", "4294967296",
                               "18446744073709551615", "18446744073709551616", "-1", "1e3", "0.5", "\"7\"", "null"}) {
    const std::string single = R"([{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}])";
    expect_refused_with("template id " + id,
                        [&](Json& json) { json.post_processor = Json::template_of(single, "[" + id + "]"); });
    expect_refused_with("cls id " + id, [&](Json& json) {
      json.post_processor = R"({"type":"BertProcessing","cls":["<s>",)" + id + R"(],"sep":["<s>",7]})";
    });
  }
  for (const std::string id :
       {"2147483648", "4294967295", "1073741824", "2097152", "-1", "1.0", "\"7\"", "[7]", "{}"}) {
    expect_refused_with("vocabulary id " + id, [&](Json& json) { json.vocab = R"({"a":)" + id + R"(,"b":1})"; });
    expect_refused_with("added id " + id, [&](Json& json) {
      auto token = Json::added_token(7, "<s>");
      json.added_tokens = "[" + token.replace(token.find('7'), 1, id) + "]";
    });
  }
}

// Exactly two hexadecimal digits, in the vocabulary as in the text of a token: <0x-1> through a lenient parser is byte
// 255, or an index of -1.
TEST(HostileTokenizerJson, MalformedByteTokensAreOrdinaryTokens) {
  for (const std::string_view token :
       {"<0x-1>", "<0x>", "<0xA>", "<0x100>", "<0xGG>", "<0x 1>", "<0x1 >", "<0X41>", "<0x41", "0x41>", "<0x0x>",
        "<0x--1>", "<0x+-1>", "<0x\t1>", "<0x.1>", "<0x00001>", "<0x-0>"}) {
    EXPECT_EQ(parse_byte_token(token), std::nullopt) << token;
    Json json;
    std::string name;
    for (const char c : token) name += c == '\t' ? std::string("\\t") : std::string(1, c);
    json.vocab = R"({"<unk>":0,"a":1,"b":2,"ab":3,")" + name + R"(":4,"aa":5})";
    json.model_fields = R"("unk_token":"<unk>","byte_fallback":true)";
    json.decoder = R"({"type":"Sequence","decoders":[{"type":"ByteFallback"},{"type":"Fuse"}]})";
    const auto tokenizer = Tokenizer::from_json(json.text(), kJsonPath);
    EXPECT_EQ(tokenizer.decode(std::vector<std::int32_t>{4}), token);
    EXPECT_EQ(tokenizer.encode("\xFF" == token ? "" : "A", false), std::vector<std::int32_t>{0});
  }
  EXPECT_EQ(parse_byte_token("<0xfF>"), 255);
}

TEST(HostileTokenizerJson, ElementsOfTheWrongTypeAreNamed) {
  const std::vector<std::string> values = {"1",
                                           "-1",
                                           "1.5",
                                           "true",
                                           "\"x\"",
                                           "[]",
                                           "[1]",
                                           "[[]]",
                                           "{}",
                                           "{\"type\":1}",
                                           "{\"type\":\"Nonsense\"}",
                                           "{\"type\":\"Sequence\"}",
                                           "\"\"",
                                           "1e400"};
  for (const auto& value : values) {
    const auto part = [&](const char* name, std::string Json::* member) {
      const auto error = expect_refused_with(name + (" is " + value), [&](Json& json) { json.*member = value; });
      EXPECT_NE(error.code(), ErrorCode::limit_exceeded) << name << value;
    };
    part("normalizer", &Json::normalizer);
    part("pre_tokenizer", &Json::pre_tokenizer);
    part("post_processor", &Json::post_processor);
    part("decoder", &Json::decoder);
    if (value != "[]") part("added_tokens", &Json::added_tokens);
    if (value != "[]") part("merges", &Json::merges);
    part("vocab", &Json::vocab);  // {} too: the merges name tokens
    expect_refused("the whole document is " + value, value);
    expect_refused("model is " + value, R"({"model":)" + value + "}");
    expect_refused_with("a merge is " + value, [&](Json& json) { json.merges = "[" + value + "]"; });
    expect_refused_with("a token is " + value, [&](Json& json) { json.added_tokens = "[" + value + "]"; });
    expect_refused_with("a pattern is " + value, [&](Json& json) {
      json.pre_tokenizer = R"({"type":"Split","pattern":)" + value + R"(,"behavior":"Isolated","invert":false})";
    });
  }
}

TEST(HostileTokenizerJson, RepeatedFieldsAndTokensAreRefused) {
  const std::string text = Json().text();
  for (const std::string field :
       {"normalizer", "model", "decoder", "added_tokens", "pre_tokenizer", "post_processor"}) {
    expect_refused("twice " + field, text.substr(0, text.size() - 1) + ",\"" + field + "\":null}");
  }
  expect_refused_with("a token twice", [](Json& json) { json.vocab = R"({"a":0,"b":1,"ab":2,"aa":3,"a":4})"; });
  expect_refused_with("an id twice", [](Json& json) { json.vocab = R"({"a":0,"b":1,"ab":2,"aa":2})"; });
  expect_refused_with("an added token twice", [](Json& json) {
    json.added_tokens = "[" + Json::added_token(7, "<s>") + "," + Json::added_token(8, "<s>") + "]";
  });
  expect_refused_with("an added token with another id",
                      [](Json& json) { json.added_tokens = "[" + Json::added_token(7, "a") + "]"; });
  expect_refused_with("an added token on a taken id",
                      [](Json& json) { json.added_tokens = "[" + Json::added_token(1, "<s>") + "]"; });
}

TEST(HostileTokenizerJson, EveryTruncationIsRefused) {
  const std::string text = Json().text();
  for (std::size_t length = 0; length < text.size(); ++length) {
    const auto error = expect_refused("cut to " + std::to_string(length), text.substr(0, length));
    EXPECT_EQ(error.code(), ErrorCode::bad_tokenizer);
    EXPECT_TRUE(error.byte_offset().has_value()) << length << ": " << error.what();
  }
}

TEST(HostileTokenizerJson, SyntaxErrorsSayWhere) {
  std::string text = Json().text();
  text[100] = '\x01';
  EXPECT_NEAR(static_cast<double>(expect_refused("control character", text).byte_offset().value_or(0)), 100, 40);
  text = Json().text();
  const auto at = text.find("\"merges\"");
  text[at + 8] = ';';
  EXPECT_EQ(expect_refused("semicolon", text).byte_offset(), at + 8);
  expect_refused("not UTF-8", "{\"\xff\":1}");
  expect_refused("a byte order mark and nothing", "\xEF\xBB\xBF");
}

// 100,000 merges that all begin alike, over one token of a million characters.
TEST(HostileTokenizerJson, AHundredThousandMergesStayFast) {
  Json json;
  json.vocab = R"({"<unk>":0,"a":1)";
  json.merges = "[";
  std::string left = "a";
  int id = 1;
  for (int i = 2; i <= 600; ++i) {  // every split of every run of a's: the same token is reached in many ways
    json.vocab += ",\"" + std::string(static_cast<std::size_t>(i), 'a') + "\":" + std::to_string(++id);
    for (int k = 1; k < i && k <= 170; ++k) {
      json.merges += std::string(i == 2 ? "" : ",") + "\"" + std::string(static_cast<std::size_t>(k), 'a') + " " +
                     std::string(static_cast<std::size_t>(i - k), 'a') + "\"";
    }
  }
  json.vocab += "}";
  json.merges += "]";
  json.added_tokens = "[]";
  json.post_processor = R"({"type":"ByteLevel"})";
  const std::string content = json.text();
  const std::clock_t start = std::clock();
  const auto tokenizer = Tokenizer::from_json(content, kJsonPath);
  EXPECT_FALSE(tokenizer.encode(std::string(1'000'000, 'a')).empty());
  EXPECT_LT(static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC, test::kSanitized ? 24.0 : 3.0)
      << content.size();  // 45 MB of JSON
}

TEST(HostileTokenizerJson, LongPrefixesAndSuffixesAreRefused) {
  const std::string megabyte(1'000'000, 'x');
  for (const std::string field : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    expect_refused_with(field, [&](Json& json) {
      json.model_fields += ",\"" + field + "\":\"" + megabyte + "\"";
      json.merges = "[]";
    });
  }
  expect_refused_with("a long token", [&](Json& json) { json.vocab = "{\"" + megabyte + R"(":0})"; });
  expect_refused_with("a long added token",
                      [&](Json& json) { json.added_tokens = "[" + Json::added_token(7, megabyte) + "]"; });
}

TEST(HostileTokenizerJson, HugeCountsAreRefused) {
  const auto many = [](const std::string& item, std::size_t n) { return item + repeated("," + item, n - 1); };
  expect_refused_with("steps", [&](Json& json) {
    json.normalizer = R"({"type":"Sequence","normalizers":[)" + many(R"({"type":"NFC"})", 100'000) + "]}";
  });
  expect_refused_with("pre-tokenizers", [&](Json& json) {
    json.pre_tokenizer = R"({"type":"Sequence","pretokenizers":[)" + many(R"({"type":"Whitespace"})", 100'000) + "]}";
  });
  expect_refused_with("decoders", [&](Json& json) {
    json.decoder = R"({"type":"Sequence","decoders":[)" + many(R"({"type":"Fuse"})", 100'000) + "]}";
  });
  const std::string sequence = R"({"Sequence":{"id":"A","type_id":0}})";
  expect_refused_with("template parts", [&](Json& json) {
    json.post_processor = Json::template_of("[" + many(sequence, 100'000) + "]", "[7]");
  });
  const std::string special = R"([{"SpecialToken":{"id":"<s>","type_id":0}}])";
  expect_refused_with("template ids", [&](Json& json) {
    json.post_processor = Json::template_of(special, "[" + many("7", 1'000'000) + "]");
  });
  expect_refused_with("processors", [&](Json& json) {
    json.post_processor =
        R"({"type":"Sequence","processors":[)" + many(Json::template_of("[" + sequence + "]", "[7]"), 10'000) + "]}";
  });
}

}  // namespace
}  // namespace lacuna
