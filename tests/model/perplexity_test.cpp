#include "lacuna/model/perplexity.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <fstream>

#include "lacuna/core/atomic_file.hpp"
#include "lacuna/core/cpu.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/formats/tensor_archive.hpp"
#include "model/npy.hpp"
#include "model/tiny_model.hpp"
#include "support/shared_data.hpp"

namespace lacuna {
namespace {

Decoder open_shared(const std::string& model) {
  return Decoder::open(Checkpoint::open(test::shared_path("models/" + model).string()));
}

std::vector<std::int32_t> shared_tokens(const std::string& stream) {
  return test::read_npy_i32(test::shared_path("golden/" + stream + ".npy"));
}

// The first four windows, by transformers: tests/model/oracle/perplexity_oracle.py printed these.
struct DenseCase {
  const char* model;
  const char* stream;
  double nll;
  double nll_stderr;
};

class DensePerplexity : public testing::TestWithParam<DenseCase> {};

TEST_P(DensePerplexity, AgreesWithTransformers) {
  LACUNA_REQUIRE_SHARED("golden");
  PerplexityOptions options;
  options.max_windows = 4;
  const auto result =
      measure_perplexity(open_shared(GetParam().model), shared_tokens(GetParam().stream), options, RunContext{});
  EXPECT_EQ(result.windows, 4);
  EXPECT_EQ(result.tokens, 4 * 511);
  // Logits of both sides carry an f32 error near 1e-5 of no fixed sign; the mean over 2,044 targets has far less.
  EXPECT_NEAR(result.nll, GetParam().nll, 2e-6);
  EXPECT_NEAR(result.nll_stderr, GetParam().nll_stderr, 2e-6);
  EXPECT_DOUBLE_EQ(result.perplexity, std::exp(result.nll));
  EXPECT_FALSE(result.divergence.has_value());
}

INSTANTIATE_TEST_SUITE_P(Models, DensePerplexity,
                         testing::Values(DenseCase{"tiny-llama", "wikitext2_test_tokens", 5.720478391, 0.052945772},
                                         DenseCase{"books-llama-32m", "wikitext2_test_tokens", 5.780353676,
                                                   0.061154580},
                                         DenseCase{"books-opt-14m", "wikitext2_test_tokens", 5.595926207, 0.103496777},
                                         DenseCase{"tiny-llama", "books_eval_tokens", 3.708952120, 0.063811362},
                                         DenseCase{"books-llama-32m", "books_eval_tokens", 3.412347409, 0.061225033},
                                         DenseCase{"books-opt-14m", "books_eval_tokens", 3.804308537, 0.080633985}));

TEST(Divergence, AgreesWithTransformers) {
  LACUNA_REQUIRE_SHARED("golden");
  PerplexityOptions options;
  options.max_windows = 4;
  // Two different models of one vocabulary: a divergence far from zero. Same oracle script.
  const auto result = measure_divergence(open_shared("tiny-llama"), open_shared("books-llama-32m"),
                                         shared_tokens("books_eval_tokens"), options, RunContext{});
  ASSERT_TRUE(result.divergence.has_value());
  EXPECT_NEAR(result.nll, 3.708952120, 2e-6);
  EXPECT_NEAR(result.divergence->dense_nll, 3.412347409, 2e-6);
  EXPECT_NEAR(result.divergence->kl_mean, 0.788398686, 2e-6);
  EXPECT_NEAR(result.divergence->kl_stderr, 0.016378940, 2e-6);
  // A near-tie for the most likely token may fall either way: one position of 2,044.
  EXPECT_NEAR(result.divergence->top1_agreement, 0.573874755, 1.01 / 2044);
}

TEST(Divergence, OfAModelFromItselfIsZero) {
  LACUNA_REQUIRE_SHARED("golden");
  PerplexityOptions options;
  options.max_windows = 2;
  options.seqlen = 128;
  const Decoder model = open_shared("tiny-llama");
  const auto result = measure_divergence(model, model, shared_tokens("books_eval_tokens"), options, RunContext{});
  ASSERT_TRUE(result.divergence.has_value());
  EXPECT_NEAR(result.divergence->kl_mean, 0.0, 1e-12);  // equal logits: only the f64 sums round
  EXPECT_EQ(result.divergence->top1_agreement, 1.0);
  EXPECT_EQ(result.nll, result.divergence->dense_nll);
}

TEST(Perplexity, Bf16ComputeStaysClose) {
  LACUNA_REQUIRE_SHARED("golden");
  if (!cpu_has_bf16()) GTEST_SKIP() << "this processor has no bf16 arithmetic";
  PerplexityOptions options;
  options.max_windows = 4;
  options.compute = Compute::bf16;
  const auto result =
      measure_perplexity(open_shared("tiny-llama"), shared_tokens("wikitext2_test_tokens"), options, RunContext{});
  // The weights are bf16 already; rounding every activation to 8 bits perturbs logits by about 1 %, without bias.
  EXPECT_NEAR(result.nll, 5.720478391, 5e-3);
  EXPECT_NE(result.nll, 5.720478391);
}

TEST(Perplexity, WindowsAreDisjointAndTheTailIsDropped) {
  LACUNA_REQUIRE_SHARED("golden");
  auto tokens = shared_tokens("books_eval_tokens");
  tokens.resize(64 * 3 + 63);
  PerplexityOptions options;
  options.seqlen = 64;
  const Decoder model = open_shared("tiny-llama");
  const auto all = measure_perplexity(model, tokens, options, RunContext{});
  EXPECT_EQ(all.windows, 3);
  EXPECT_EQ(all.tokens, 3 * 63);
  double sum = 0.0;
  for (std::size_t w = 0; w < 3; ++w) {
    sum += measure_perplexity(model, std::span(tokens).subspan(w * 64, 64), options, RunContext{}).nll;
  }
  // The same windows in other batches: GEMM may sum in another order, f32 rounding of logits near 1e-5.
  EXPECT_NEAR(all.nll, sum / 3, 1e-5);
}

TEST(Perplexity, RefusesWhatItCannotMeasure) {
  LACUNA_REQUIRE_SHARED("golden");
  const Decoder llama = open_shared("tiny-llama");
  const Decoder opt = open_shared("books-opt-14m");
  const std::vector<std::int32_t> few(20, 5);
  const auto code_of = [](const Decoder& model, std::span<const std::int32_t> tokens, std::int64_t seqlen) {
    PerplexityOptions options;
    options.seqlen = seqlen;
    try {
      measure_perplexity(model, tokens, options, RunContext{});
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode::internal;
  };
  EXPECT_EQ(code_of(llama, few, 21), ErrorCode::not_enough_tokens);
  EXPECT_EQ(code_of(llama, few, 1), ErrorCode::invalid_argument);
  EXPECT_EQ(code_of(llama, std::vector<std::int32_t>(20, 8192), 20), ErrorCode::bad_token);
  EXPECT_EQ(code_of(llama, std::vector<std::int32_t>(20, -1), 20), ErrorCode::bad_token);
  EXPECT_EQ(code_of(opt, std::vector<std::int32_t>(1025, 5), 1025), ErrorCode::invalid_argument);  // 1,024 positions
}

// One damaged weight in the head makes one logit of each position NaN: a token that is never a target.
TEST(Perplexity, OneNaNAmongTheLogitsIsNamed) {
  const test::TempFolder folder;
  test::write_tiny_model(folder, test::kTinyLlamaConfig);
  const auto damaged_at = [&] {
    const auto archive = open_tensor_file(folder / "model.safetensors");
    const auto* bytes = reinterpret_cast<const char*>(archive.find("lm_head.weight")->data);
    const std::string row(bytes, 64);  // of token 0
    const auto at = read_file(folder / "model.safetensors", 1U << 24U).find(row);
    return at;
  }();
  ASSERT_NE(damaged_at, std::string::npos);
  std::fstream file(folder / "model.safetensors", std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(damaged_at));
  file.write("\xC0\x7F", 2);  // a bf16 NaN
  file.close();
  PerplexityOptions options;
  options.seqlen = 16;
  const std::vector<std::int32_t> tokens(32, 5);
  const Decoder model = Decoder::open(Checkpoint::open(folder.path().string()));
  try {
    measure_perplexity(model, tokens, options, RunContext{});
    ADD_FAILURE() << "a number of logits with a NaN among them";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::not_finite) << error.what();
    EXPECT_NE(error.message().find("window 0"), std::string::npos) << error.what();
  }
}

TEST(Perplexity, StopsAndReports) {
  LACUNA_REQUIRE_SHARED("golden");
  const Decoder model = open_shared("tiny-llama");
  const std::vector<std::int32_t> tokens(64 * 40, 5);
  PerplexityOptions options;
  options.seqlen = 64;
  std::atomic<bool> stop{false};
  std::uint64_t last_done = 0;
  RunContext context;
  context.stop = &stop;
  context.progress = [&](const ProgressEvent& event) {
    EXPECT_EQ(event.total, 40U);
    EXPECT_GT(event.done, last_done);
    last_done = event.done;
  };
  measure_perplexity(model, tokens, options, context);
  EXPECT_EQ(last_done, 40U);
  stop = true;
  EXPECT_THROW(measure_perplexity(model, tokens, options, context), Error);
}

}  // namespace
}  // namespace lacuna
