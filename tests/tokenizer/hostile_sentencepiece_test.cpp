// tokenizer.model files that lie or are built to exhaust: one Error with the path each, at once and in little memory.
#include <gtest/gtest.h>

#include <limits>
#include <set>

#include "lacuna/core/random.hpp"
#include "lacuna/tokenizer/tokenizer.hpp"
#include "support/bad_file.hpp"
#include "support/sanitizer.hpp"
#include "tokenizer/small_tokenizers.hpp"

namespace lacuna {
namespace {

using test::ProtobufBytes;
using test::sentencepiece_model;
using test::sentencepiece_piece;
using test::small_pieces;
using test::small_trainer;
const std::filesystem::path kPath = "/lacuna-test/tokenizer.model";

Error expect_refused(std::string_view what, const std::string& content) {
  return test::expect_one_error(what, kPath, content.size(), [&] { Tokenizer::from_sentencepiece(content, kPath); });
}

std::string with_piece(const std::string& piece) {
  auto pieces = small_pieces();
  pieces.push_back(piece);
  return sentencepiece_model(pieces, small_trainer(2));
}

std::string with_normalizer(const std::string& normalizer, std::uint64_t kind = 2) {
  return sentencepiece_model(small_pieces(), small_trainer(kind), normalizer);
}

TEST(HostileSentencePiece, TheHonestFilesWork) {
  for (const std::uint64_t kind : {1, 2}) {
    const auto tokenizer = Tokenizer::from_sentencepiece(test::small_sentencepiece(kind), kPath);
    const auto ids = tokenizer.encode("ab \xF0\x9F\x98\x80");
    EXPECT_EQ(tokenizer.decode(ids), "ab \xF0\x9F\x98\x80") << kind;
    EXPECT_EQ(ids.front(), 1);
  }
}

// What ends between two fields is a whole, shorter message: protobuf has no end mark.
TEST(HostileSentencePiece, EveryTruncationInsideAFieldIsRefused) {
  auto pieces = small_pieces();
  std::set<std::size_t> boundaries = {0};
  std::size_t end = 0;
  for (const auto& piece : pieces) boundaries.insert(end += ProtobufBytes().text(1, piece).bytes().size());
  const std::string whole = test::small_sentencepiece(2);
  boundaries.insert(end += ProtobufBytes().text(2, small_trainer(2)).bytes().size());
  for (std::size_t length = 0; length < whole.size(); ++length) {
    const auto cut = whole.substr(0, length);
    if (!boundaries.contains(length)) {
      EXPECT_TRUE(expect_refused("cut to " + std::to_string(length), cut).byte_offset().has_value()) << length;
      continue;
    }
    try {
      Tokenizer::from_sentencepiece(cut, kPath).encode("ab");
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::bad_tokenizer) << length;
    }
  }
}

TEST(HostileSentencePiece, MalformedBytePiecesAreRefused) {
  for (const std::string_view text : {"<0x-1>", "<0x>", "<0xA>", "<0x100>", "<0xGG>", "<0x 1>", "<0X41>", "<0x41",
                                      "<0x+1>", "<0xa0>", "<0x-0>", "a"}) {
    auto pieces = small_pieces();
    pieces[3] = sentencepiece_piece(text, 0, 6);
    const auto error = expect_refused(text, sentencepiece_model(pieces, small_trainer(2)));
    EXPECT_EQ(error.code(), ErrorCode::bad_tokenizer);
  }
  auto pieces = small_pieces();
  pieces.erase(pieces.begin() + 3);
  expect_refused("255 byte pieces", sentencepiece_model(pieces, small_trainer(2)));
  expect_refused("no byte_fallback", sentencepiece_model(small_pieces(), ProtobufBytes().varint(3, 2).bytes()));
}

TEST(HostileSentencePiece, PiecesThatLieAreRefused) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  expect_refused("empty piece", with_piece(sentencepiece_piece("", 0, 1)));
  expect_refused("piece without fields", with_piece(""));
  expect_refused("long piece", with_piece(sentencepiece_piece(std::string(1'000'000, 'x'), 0, 1)));
  expect_refused("piece not UTF-8", with_piece(sentencepiece_piece("\xC3", 0, 1)));
  expect_refused("piece with a zero byte", with_piece(sentencepiece_piece(std::string_view("a\0b", 3), 0, 1)));
  expect_refused("piece twice", with_piece(sentencepiece_piece("ab", 0, 1)));
  expect_refused("unknown twice", with_piece(sentencepiece_piece("<unk2>", 0, 2)));
  expect_refused("score not a number", with_piece(sentencepiece_piece("x", nan, 1)));
  auto pieces = small_pieces();
  pieces[0] = sentencepiece_piece("<unk>", 0, 1);
  expect_refused("no unknown", sentencepiece_model(pieces, small_trainer(2)));
  expect_refused("no pieces", sentencepiece_model({}, small_trainer(2)));
  for (const std::uint64_t kind : {3, 4}) {
    EXPECT_EQ(expect_refused("word or character model", test::small_sentencepiece(kind)).code(),
              ErrorCode::unsupported_tokenizer);
  }
}

TEST(HostileSentencePiece, DamagedWireFormatIsRefusedWithItsOffset) {
  const std::string whole = test::small_sentencepiece(2);
  const auto at_end = [&](std::string_view what, const std::string& more) {
    const auto error = expect_refused(what, whole + more);
    EXPECT_GE(error.byte_offset().value_or(0), whole.size()) << what;
  };
  at_end("field number 0", std::string("\0\1", 2));
  at_end("wire type 3, group", "\x0B");
  at_end("wire type 4, end of group", "\x0C");
  at_end("wire type 6", "\x0E\1");
  at_end("wire type 7", "\x0F\1");
  at_end("an endless number", std::string(1, '\x08') + std::string(100'000, '\xFF'));
  at_end("an eleven-byte number", std::string(1, '\x08') + std::string(10, '\x80') + "\1");
  at_end("field number 2^29", "\x80\x80\x80\x80\x10\1");
  at_end("field number 2^61", std::string(9, '\x80') + "\1");
  at_end("a length of 2^31", "\x0A\x80\x80\x80\x80\x08");
  at_end("a length of 2^63", "\x0A" + std::string(9, '\x80') + "\1");
  at_end("a length of 2^64 - 1", "\x0A" + std::string(9, '\xFF') + "\1");
  at_end("one byte too long", std::string("\x0A\2\x08", 3));
  at_end("64 bits cut", "\x09\1\2\3");
  at_end("32 bits cut", "\x0D\1\2\3");
  at_end("damage inside a piece", ProtobufBytes().text(1, "\x0A\x7F").bytes());
  at_end("damage inside the trainer", ProtobufBytes().text(2, "\x0E").bytes());
  at_end("damage inside the normalizer", ProtobufBytes().text(3, std::string(1, '\0')).bytes());
  expect_refused("text", "{\"version\":\"1.0\"}");
  expect_refused("zip", std::string("PK\3\4", 4) + std::string(100, '\0'));
  expect_refused("Git LFS pointer", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 499723\n");
}

TEST(HostileSentencePiece, DamagedNormalizationRulesAreRefused) {
  const auto map = [](const std::string& blob) { return with_normalizer(ProtobufBytes().text(2, blob).bytes()); };
  const auto length = [](std::uint32_t n) { return std::string(reinterpret_cast<const char*>(&n), 4); };
  expect_refused("three bytes", map("abc"));
  expect_refused("a length only", map(length(0).substr(0, 4)));
  expect_refused("a trie beyond the blob", map(length(8) + std::string(4, '\0')));
  expect_refused("a trie of 2^32 - 4 bytes", map(length(0xFFFFFFFC) + std::string(64, '\0')));
  expect_refused("a trie of three bytes", map(length(3) + std::string(8, '\0')));
  expect_refused("a replacement not UTF-8", map(length(4) + std::string(4, '\0') + "\xFF"));
}

// Tries of random units, which point anywhere: every walk ends, inside the trie.
TEST(HostileSentencePiece, RandomNormalizationRulesDoNoMoreThanFail) {
  Random random(5);
  for (int i = 0; i < 300; ++i) {
    std::string blob;
    const std::uint32_t units = 1 + static_cast<std::uint32_t>(random.below(600));
    const std::uint32_t bytes = 4 * units;
    blob.append(reinterpret_cast<const char*>(&bytes), 4);
    for (std::uint32_t k = 0; k < units; ++k) {
      // Labels that fit, leaves, and offsets of up to 1,024 units or of anything.
      std::uint32_t unit = static_cast<std::uint32_t>(random.below(2) == 0 ? k & 0xFFU : random.next()) & 0x1FFU;
      unit |= static_cast<std::uint32_t>(random.below(random.below(8) == 0 ? 1U << 22U : 1024)) << 10U;
      blob.append(reinterpret_cast<const char*>(&unit), 4);
    }
    blob += std::string("ab\0 \0\xE2\x96\x81\0", 9);
    const auto content = with_normalizer(ProtobufBytes().text(2, blob).bytes(), 1 + static_cast<std::uint64_t>(i % 2));
    try {
      Tokenizer::from_sentencepiece(content, kPath)
          .encode("a b  abab \xC3\xA9\xF0\x9F\x98\x80 aaaaaaaaaaaaaaaaaaaaaaaa");
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::bad_tokenizer) << error.what();
      EXPECT_EQ(error.path(), kPath);
    }
  }
}

// A rule that turns every "a" into a thousand characters.
TEST(HostileSentencePiece, NormalizationDoesNotGrowWithoutBound) {
  std::vector<std::uint32_t> units(512, 0);
  units[0] = 256U << 10U;                                                         // root: children at 256 ^ label
  units[256 ^ 'a'] = std::uint32_t{'a'} | 1U << 8U | (256U ^ 'a' ^ 300U) << 10U;  // "a" has a leaf, at unit 300
  units[300] = 1U << 31U;                                                         // its value: the replacement at 0
  const std::uint32_t bytes = 4 * 512;
  std::string blob(reinterpret_cast<const char*>(&bytes), 4);
  blob.append(reinterpret_cast<const char*>(units.data()), bytes);
  const auto content = with_normalizer(ProtobufBytes().text(2, blob + std::string(1000, 'x')).bytes());
  const auto error = test::expect_one_error("growth", kPath, content.size(), [&] {
    Tokenizer::from_sentencepiece(content, kPath).encode(std::string(100'000, 'a'));
  });
  EXPECT_EQ(error.code(), ErrorCode::limit_exceeded);
}

// 100,000 pieces, each a prefix of the next, of the greatest length: the most work that a character can cause.
TEST(HostileSentencePiece, AHundredThousandPiecesStayFast) {
  for (const std::uint64_t kind : {1, 2}) {
    auto pieces = small_pieces();
    for (std::size_t n = 2; n <= 1000; ++n) {
      for (std::size_t k = 0; k < 100; ++k) {
        pieces.push_back(
            sentencepiece_piece(std::string(n, 'x') + std::to_string(k), -static_cast<float>(n), 1 + 3 * (k % 2)));
      }
      pieces.push_back(sentencepiece_piece(std::string(n, 'x'), static_cast<float>(n), 1));
    }
    pieces.push_back(sentencepiece_piece("x", 0, 1));
    const auto content = sentencepiece_model(pieces, small_trainer(kind));
    const std::clock_t start = std::clock();
    const auto tokenizer = Tokenizer::from_sentencepiece(content, kPath);
    EXPECT_FALSE(tokenizer.encode(std::string(20'000, 'x')).empty());
    EXPECT_LT(static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC, test::kSanitized ? 32.0 : 4.0)
        << content.size();  // 50 MB of pieces
  }
}

TEST(HostileSentencePiece, AMillionEmptyPiecesAreRefusedInLittleMemory) {
  std::string content;
  for (int i = 0; i < 1'000'000; ++i) content += std::string("\x0A\0", 2);
  expect_refused("a million empty pieces", content);
}

}  // namespace
}  // namespace lacuna
