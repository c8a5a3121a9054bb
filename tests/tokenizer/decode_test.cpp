// Decoding of ids that no token has. Heads are padded to a round width, so models can give ids beyond the vocabulary;
// the reference (`tokenizers`) drops them.
#include <gtest/gtest.h>

#include "lacuna/core/error.hpp"
#include "lacuna/tokenizer/tokenizer.hpp"
#include "small_tokenizers.hpp"

namespace lacuna {
namespace {

using Ids = std::vector<std::int32_t>;

TEST(Decode, IdsWithoutATokenDecodeToNothing) {
  test::SmallTokenizerJson json;
  json.added_tokens = "[" + test::SmallTokenizerJson::added_token(20, "<s>") + "]";  // ids 7 to 19 are a hole
  json.post_processor = R"({"type":"ByteLevel"})";
  const auto tokenizer = Tokenizer::from_json(json.text(), "tokenizer.json");
  ASSERT_EQ(tokenizer.vocab_size(), 21U);
  for (const std::int32_t id : {7, 19, 21, 50304, INT32_MAX}) {
    EXPECT_EQ(tokenizer.decode(Ids{3, id, 4}), "ab!") << id;
    EXPECT_EQ(tokenizer.decode(Ids{id}), "") << id;
    EXPECT_EQ(tokenizer.id_to_token(id), std::nullopt);
    auto stream = tokenizer.stream_decoder();
    EXPECT_EQ(stream.push(id), "");
  }
  EXPECT_THROW(tokenizer.decode(Ids{-1}), Error);
}

TEST(Decode, IdsBeyondASentencePieceModelDecodeToNothing) {
  for (const std::uint64_t kind : {1, 2}) {
    const auto tokenizer = Tokenizer::from_sentencepiece(test::small_sentencepiece(kind), "tokenizer.model");
    const auto end = static_cast<std::int32_t>(tokenizer.vocab_size());
    EXPECT_EQ(tokenizer.decode(Ids{end - 2, end, INT32_MAX, end - 3}), "abb");
    EXPECT_THROW(tokenizer.decode(Ids{INT32_MIN}), Error);
  }
}

// A character whose bytes are split by an id without a token stays one character.
TEST(Decode, IdsWithoutATokenDoNotEndACharacter) {
  const auto tokenizer = Tokenizer::from_sentencepiece(test::small_sentencepiece(2), "tokenizer.model");
  EXPECT_EQ(tokenizer.decode(Ids{3 + 0xC3, 100'000, 3 + 0xA9}), "\xC3\xA9");
}

}  // namespace
}  // namespace lacuna
