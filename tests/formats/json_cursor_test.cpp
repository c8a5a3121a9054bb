#include "lacuna/formats/json_cursor.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "formats/error_code_of.hpp"
#include "lacuna/core/random.hpp"

namespace lacuna {
namespace {

const std::filesystem::path kPath = "file.json";

// The offset of the corrupt_file error that reading one value causes; nullopt when it is accepted.
std::optional<std::uint64_t> refused_at(std::string_view text) {
  try {
    JsonCursor json(text, kPath);
    json.skip_value();
    json.finish();
  } catch (const Error& error) {
    EXPECT_TRUE(error.code() == ErrorCode::corrupt_file || error.code() == ErrorCode::limit_exceeded);
    EXPECT_EQ(error.path(), kPath);
    return error.byte_offset();
  }
  return std::nullopt;
}

std::string string_of(std::string_view text) { return JsonCursor(text, kPath).string(); }

TEST(JsonCursor, PullsWhatTheCallerExpects) {
  JsonCursor json(R"( { "a" : [ 1, 23 ], "b": "x", "c": {} } )", kPath);
  std::string key;
  json.begin_object();
  ASSERT_TRUE(json.next_key(key));
  EXPECT_EQ(key, "a");
  json.begin_array();
  ASSERT_TRUE(json.next_item());
  EXPECT_EQ(json.unsigned_integer(), 1U);
  ASSERT_TRUE(json.next_item());
  EXPECT_EQ(json.unsigned_integer(), 23U);
  EXPECT_FALSE(json.next_item());
  ASSERT_TRUE(json.next_key(key));
  EXPECT_EQ(json.string(), "x");
  ASSERT_TRUE(json.next_key(key));
  json.begin_object();
  EXPECT_FALSE(json.next_key(key));
  EXPECT_FALSE(json.next_key(key));
  EXPECT_NO_THROW(json.finish());
}

TEST(JsonCursor, SkippedValuesKeepTheirText) {
  JsonCursor json(R"(  {"a": [1, -2.5e+3, true, null, "]}"]}  ,)", kPath);
  EXPECT_EQ(json.skip_value(), R"({"a": [1, -2.5e+3, true, null, "]}"]})");
  EXPECT_EQ(json.offset(), 41U);
}

TEST(JsonCursor, OffsetsCountFromTheStartOfTheFile) {
  JsonCursor json("[1,x]", kPath, 100);
  try {
    json.skip_value();
    FAIL() << "expected an Error";
  } catch (const Error& error) {
    EXPECT_EQ(error.byte_offset(), 103U);
    EXPECT_NE(error.message().find("'x'"), std::string::npos);
  }
}

TEST(JsonCursor, DecodesEveryEscape) {
  EXPECT_EQ(string_of(R"("\"\\\/\b\f\n\r\t\u0041\u00e9\u20AC\ud83d\ude00")"), "\"\\/\b\f\n\r\tA\u00e9\u20ac\U0001F600");
  EXPECT_EQ(string_of(R"("\u0000")"), std::string(1, '\0'));
  EXPECT_EQ(string_of("\"\u00e9\u20ac\U0001F600\x7f\""), "\u00e9\u20ac\U0001F600\x7f");
}

TEST(JsonCursor, RefusesBrokenStrings) {
  for (const std::string_view text : {R"("\ud800")",
                                      R"("\udc00")",
                                      R"("\ud800x")",
                                      R"("\ud800\u0041")",
                                      R"("\ud800\ud800")",
                                      R"("\u12")",
                                      R"("\u12g4")",
                                      R"("\x41")",
                                      R"("\)",
                                      R"(")",
                                      R"("a)",
                                      "\"\n\"",
                                      "\"\x01\"",
                                      "\"\x80\"",
                                      "\"\xc0\xaf\"",
                                      "\"\xc1\x81\"",
                                      "\"\xe0\x80\xaf\"",
                                      "\"\xed\xa0\x80\"",
                                      "\"\xf0\x80\x80\xaf\"",
                                      "\"\xf4\x90\x80\x80\"",
                                      "\"\xf5\x80\x80\x80\"",
                                      "\"\xe2\x82\"",
                                      "\"\xf0\x9f\x98\"",
                                      "\"\xff\"",
                                      "'a'",
                                      "a",
                                      ""}) {
    EXPECT_EQ(test::error_code_of([&] { string_of(text); }), ErrorCode::corrupt_file) << text;
  }
}

TEST(JsonCursor, WholeNumbersOnly) {
  const auto value = [](std::string_view text) { return JsonCursor(text, kPath).unsigned_integer(); };
  EXPECT_EQ(value("0"), 0U);
  EXPECT_EQ(value("18446744073709551615"), ~std::uint64_t{0});
  for (const std::string_view text : {"-0", "-1", "+1", "01", "00", "1.0", "1e3", "1E3", "18446744073709551616",
                                      "99999999999999999999999", "0x10", ".5", "", "\"1\"", "true", "null", "[1]"}) {
    // 0x10 reads as 0 and leaves x for whoever reads on; the others fail at once
    if (text == "0x10") {
      EXPECT_TRUE(refused_at(text));
    } else {
      EXPECT_EQ(test::error_code_of([&] { value(text); }), ErrorCode::corrupt_file) << text;
    }
  }
}

TEST(JsonCursor, NestingIsBoundedWhateverTheDepth) {
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_FALSE(refused_at(nested(JsonCursor::kMaxDepth)));
  EXPECT_EQ(refused_at(nested(JsonCursor::kMaxDepth + 1)), JsonCursor::kMaxDepth);
  EXPECT_EQ(refused_at(std::string(1'000'000, '[')), JsonCursor::kMaxDepth);
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += "{\"a\":";
  EXPECT_TRUE(refused_at(objects));
}

// Mutated documents against an independent parser: what it refuses is refused here.
TEST(JsonCursor, IsNeverLaxerThanAnotherParser) {
  const std::string seed = R"({"a":[1,-2.5e3,0.1,true,false,null],"b\u00e9":{"x":"y\n\ud83d\ude00"},"é":[],"":{} })";
  const std::string alphabet = "{}[]:,\"\\ue0123456789.-+tfn x\xc3\x80\x01";
  Random random(1);
  int accepted = 0;
  for (int i = 0; i < 50'000; ++i) {
    std::string text = seed;
    for (std::uint64_t edits = 1 + random.below(3); edits > 0; --edits) {
      const auto at = random.below(text.size());
      switch (random.below(3)) {
        case 0: text[at] = alphabet[random.below(alphabet.size())]; break;
        case 1: text.erase(at, 1 + random.below(4)); break;
        default: text.insert(at, 1, alphabet[random.below(alphabet.size())]);
      }
      if (text.empty()) text = " ";
    }
    if (refused_at(text)) continue;
    ++accepted;
    EXPECT_TRUE(nlohmann::json::accept(text)) << text;
  }
  EXPECT_GT(accepted, 1000);  // enough valid documents among them to mean something
}

}  // namespace
}  // namespace lacuna
