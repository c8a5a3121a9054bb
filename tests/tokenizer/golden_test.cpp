// The token streams that the golden perplexities were computed on.
#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>

#include "lacuna/core/atomic_file.hpp"
#include "lacuna/tokenizer/tokenizer.hpp"
#include "support/sanitizer.hpp"
#include "support/shared_data.hpp"
#include "token_npy.hpp"

namespace lacuna {
namespace {

using test::read_token_npy;
using test::shared_path;

TEST(GoldenTokens, WikitextStreamIsReproducedAndDecodesBack) {
  LACUNA_REQUIRE_SHARED("golden/wikitext2_test_tokens.npy");
  const auto tokenizer = Tokenizer::open(shared_path("models/tiny-llama"));
  const std::string text = read_file(shared_path("data/wikitext2.test.raw"), 1U << 24U);
  const auto ids = tokenizer.encode(text);
  EXPECT_EQ(ids, read_token_npy(shared_path("golden/wikitext2_test_tokens.npy")));
  ASSERT_FALSE(ids.empty());
  EXPECT_EQ(ids.front(), tokenizer.bos_id());
  EXPECT_EQ(tokenizer.decode(ids), text);
}

// The stream starts in the middle of the text's tokens.
TEST(GoldenTokens, BooksStreamIsTheSecondHalfOfTheTextWithoutBos) {
  LACUNA_REQUIRE_SHARED("golden/books_eval_tokens.npy");
  const auto tokenizer = Tokenizer::open(shared_path("models/books-llama-32m"));
  const std::string text = read_file(shared_path("data/books.valid.txt"), 1U << 24U);
  const auto ids = tokenizer.encode(text, false);
  const auto golden = read_token_npy(shared_path("golden/books_eval_tokens.npy"));
  const auto middle = ids.begin() + static_cast<std::ptrdiff_t>(ids.size() / 2);
  ASSERT_LE(static_cast<std::ptrdiff_t>(golden.size()), ids.end() - middle);
  EXPECT_TRUE(std::equal(golden.begin(), golden.end(), middle));
  EXPECT_EQ(tokenizer.decode(ids), text);
}

TEST(GoldenTokens, EncodingTimeIsLinear) {
  LACUNA_REQUIRE_SHARED("data/books.valid.txt");
  const auto tokenizer = Tokenizer::open(shared_path("models/tiny-llama"));
  const std::string text = read_file(shared_path("data/books.valid.txt"), 1U << 24U) +
                           read_file(shared_path("data/wikitext2.test.raw"), 1U << 24U);
  const std::clock_t start = std::clock();
  EXPECT_GT(tokenizer.encode(text).size(), text.size() / 8);
  const double cpu_seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  RecordProperty("megabytes_per_cpu_second", std::to_string(static_cast<double>(text.size()) * 1e-6 / cpu_seconds));
  // 5.4 MB take about 0.2 s in a release build; the bound catches quadratic behaviour, not a slow machine.
  EXPECT_LT(cpu_seconds, test::kSanitized ? 32.0 : 4.0) << text.size();
}

TEST(GoldenTokens, OpenKnowsTheModelsSpecialTokens) {
  LACUNA_REQUIRE_SHARED("models/tiny-llama");
  const auto tokenizer = Tokenizer::open(shared_path("models/tiny-llama"));
  EXPECT_EQ(tokenizer.vocab_size(), 8192U);
  EXPECT_EQ(tokenizer.bos_id(), 0);
  EXPECT_EQ(tokenizer.eos_ids(), std::vector<std::int32_t>{1});
  EXPECT_EQ(tokenizer.token_to_id("<s>"), 0);
  EXPECT_EQ(tokenizer.id_to_token(1), "</s>");
  EXPECT_TRUE(tokenizer.is_special(0));
  EXPECT_FALSE(tokenizer.is_special(300));
}

}  // namespace
}  // namespace lacuna
