// tokenizer.json files whose patterns and replacements are built to exhaust time or memory: one Error each, soon.
#include <gtest/gtest.h>

#include "hostile_json.hpp"

namespace lacuna {
namespace {

using Json = test::SmallTokenizerJson;
using test::expect_failing;
using test::expect_refused_with;
using test::repeated;
using test::replace_by;
using test::split_by;

// Patterns whose matching takes exponential time without a limit.
const std::vector<std::string> kCatastrophic = {"(a+)+b",
                                                "(a|aa)+b",
                                                "(a|a)*b",
                                                "(a*)*b",
                                                "((a+)+)+b",
                                                "(a|b|ab)*c",
                                                "(?=(a+)+b)a",
                                                "(.*a){12}b",
                                                "(a?){30}a{30}b",
                                                "(\\\\w+\\\\s?)+x",
                                                "(a+a+)+b",
                                                "([a-z]+)*1",
                                                "(?!(a|a)+b)",
                                                "(?i:(a|A)+b)",
                                                "(\\\\p{L}|\\\\w)+1",
                                                "(a{1,30}){1,30}b",
                                                "(?:(?:a{0,9}){0,9}){0,9}b"};

TEST(HostilePattern, CatastrophicPatternsStopAtTheStepLimitWhenSplitting) {
  for (const auto& pattern : kCatastrophic) {
    const auto error = expect_failing(
        pattern, [&](Json& json) { json.pre_tokenizer = split_by(pattern); },
        [](const Tokenizer& tokenizer) { tokenizer.encode(std::string(2000, 'a') + "!"); });
    EXPECT_EQ(error.code(), ErrorCode::limit_exceeded) << pattern << ": " << error.what();
  }
}

TEST(HostilePattern, CatastrophicPatternsStopAtTheStepLimitWhenNormalizing) {
  for (const auto& pattern : kCatastrophic) {
    if (pattern == "(?!(a|a)+b)") continue;  // can match nothing: refused before
    const auto error = expect_failing(
        pattern, [&](Json& json) { json.normalizer = replace_by(pattern); },
        [](const Tokenizer& tokenizer) { tokenizer.encode(std::string(2000, 'a') + "!"); });
    EXPECT_EQ(error.code(), ErrorCode::limit_exceeded) << pattern << ": " << error.what();
  }
}

TEST(HostilePattern, CatastrophicPatternsStopAtTheStepLimitWhenDecoding) {
  const std::vector<std::int32_t> ids(1000, 6);
  for (const auto& pattern : kCatastrophic) {
    if (pattern == "(?!(a|a)+b)") continue;
    const auto error = expect_failing(
        pattern,
        [&](Json& json) {
          json.decoder = R"({"type":"Sequence","decoders":[{"type":"Fuse"},)" + replace_by(pattern) + "]}";
        },
        [&](const Tokenizer& tokenizer) { tokenizer.decode(ids); });
    EXPECT_EQ(error.code(), ErrorCode::limit_exceeded) << pattern << ": " << error.what();
  }
}

// Each of the added tokens costs a little less than the step limit; all of them together would take minutes.
TEST(HostilePattern, TheStepLimitIsSharedByAllAddedTokens) {
  const auto error = expect_refused_with("added tokens through a slow pattern", [](Json& json) {
    json.normalizer = replace_by("(a|a)+b");
    json.added_tokens = "[";
    for (int i = 0; i < 5000; ++i) {
      json.added_tokens += (i > 0 ? "," : "") + Json::added_token(7 + i, "aaaaaaaaaaaaaa" + std::to_string(i), true);
    }
    json.added_tokens += "]";
    json.post_processor = R"({"type":"ByteLevel"})";
  });
  EXPECT_EQ(error.code(), ErrorCode::limit_exceeded);
}

TEST(HostilePattern, TheStepLimitIsSharedByAllStretchesOfAText) {
  expect_failing(
      "a slow pattern between many special tokens", [](Json& json) { json.normalizer = replace_by("(a|a)+b"); },
      [](const Tokenizer& tokenizer) { tokenizer.encode(repeated("aaaaaaaaaaaaaa<s>", 20000)); });
}

TEST(HostilePattern, PatternsThatAreBombsThemselvesAreRefused) {
  const std::vector<std::string> patterns = {
      "((((a{1000}){1000}){1000}){1000})",
      "(((((((((a{99}){99}){99}){99}){99}){99}){99}){99}){99})",
      repeated("(", 16000),
      repeated("(", 8000) + repeated(")", 8000),
      repeated("(?=", 4000) + "a" + repeated(")", 4000),
      repeated("\\\\b", 8000),
      repeated("[", 16000),
      repeated("[a", 8000),
      repeated("a|", 100000),
      "a{99999999999999999999}",
      "a{1000000}",
      "(?<=a+)b",
      "(?<name>a)",
      "\\\\1",
      "(?R)",
      "(?1)",
      "(?C1)",
      "(*FAIL)",
      "(?#",
      "\\\\",
      "\\\\p{",
      "\\\\p{Unknown_Script}",
      "\\\\x{110000}",
      "\\\\x{D800}",
      "\\\\uD800",
      "[z-a]",
      "(",
      ")",
      "*",
      "[",
  };
  for (const auto& pattern : patterns) {
    const auto what = pattern.substr(0, 60);
    expect_refused_with(what, [&](Json& json) { json.pre_tokenizer = split_by(pattern); });
    expect_refused_with(what, [&](Json& json) { json.normalizer = replace_by(pattern); });
  }
}

TEST(HostilePattern, SlowToCompilePatternsStayWithinASecond) {
  std::string steps;
  for (int i = 0; i < 32; ++i) steps += (i > 0 ? "," : "") + split_by(repeated("[\\\\w-z]{1,50}", 12));
  expect_failing(
      "32 large patterns",
      [&](Json& json) {
        json.pre_tokenizer = R"({"type":"Sequence","pretokenizers":[)" + steps + "]}";
        json.model_fields = R"("unk_token":"absent")";
      },
      [](const Tokenizer& tokenizer) { tokenizer.encode("zzzz zzzz"); });
}

TEST(HostilePattern, TextsDoNotGrowWithoutBound) {
  const std::string wide(1024, 'x');
  const auto encode = [](const Tokenizer& tokenizer) { tokenizer.encode(std::string(100'000, 'a')); };
  expect_failing("wide replacement", [&](Json& json) { json.normalizer = replace_by("a", wide); }, encode);
  std::string doubling;
  for (int i = 0; i < 32; ++i) doubling += (i > 0 ? "," : "") + replace_by("a", "aa");
  expect_failing(
      "doubling", [&](Json& json) { json.normalizer = R"({"type":"Sequence","normalizers":[)" + doubling + "]}"; },
      encode);
  const std::vector<std::int32_t> ids(100'000, 6);
  expect_failing(
      "wide replacement of a fused text",
      [&](Json& json) {
        json.decoder = R"({"type":"Sequence","decoders":[{"type":"Fuse"},)" + replace_by("a", wide) + "]}";
      },
      [&](const Tokenizer& tokenizer) { tokenizer.decode(ids); });
}

}  // namespace
}  // namespace lacuna
