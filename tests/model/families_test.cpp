// Every family and variant against transformers, on tiny random models that oracle/families_oracle.py makes.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "lacuna/core/cpu.hpp"
#include "lacuna/model/whole_forward.hpp"
#include "model/full_forward.hpp"
#include "model/npy.hpp"
#include "support/shared_data.hpp"
#include "support/temp_folder.hpp"

namespace lacuna {
namespace {

constexpr std::int64_t kLength = 40;  // of the oracle's sequences

struct Case {
  std::filesystem::path folder;
  Decoder decoder;
  std::vector<std::int32_t> tokens;
  std::vector<float> expected;
  float scale = 0.0F;  // the largest logit

  explicit Case(const std::filesystem::path& path)
      : folder(path),
        decoder(Decoder::open(Checkpoint::open(path.string()))),
        tokens(test::read_npy_i32(path / "tokens.npy")),
        expected(test::read_npy_f32(path / "logits.npy")) {
    for (const float logit : expected) scale = std::max(scale, std::fabs(logit));
  }
};

float worst_difference(const float* a, const float* b, std::size_t n) {
  float worst = 0.0F;
  for (std::size_t i = 0; i < n; ++i) {
    const float difference = std::fabs(a[i] - b[i]);
    if (!(difference <= worst)) worst = difference;  // lets NaN through, to fail in the caller
  }
  return worst;
}

// Logits of one sequence: a prompt of 13 tokens, then one token at a time.
std::vector<float> decoded_logits(const Decoder& decoder, std::span<const std::int32_t> tokens) {
  WholeForward forward(decoder, Compute::f32);
  KvCache cache(decoder.config(), static_cast<std::int64_t>(tokens.size()));
  std::vector<float> logits;
  const auto feed = [&](std::span<const std::int32_t> part) {
    const auto states = forward.extend(part, cache, RunContext{});
    Matrix<float> out(states.rows(), decoder.config().vocab_size);
    forward.head().logits(states.view(), out.view());
    logits.insert(logits.end(), out.data(), out.data() + out.numel());
  };
  feed(tokens.first(13));
  for (std::size_t i = 13; i < tokens.size(); ++i) feed(tokens.subspan(i, 1));
  return logits;
}

void check_case(const Case& c) {
  // Three layers of f32 arithmetic on both sides, in other orders of summation: 1e-6 of the scale is typical; 1e-4 is
  // the project's goal and far below what any wrong formula would give.
  const float tolerance = 1e-4F * c.scale;
  ASSERT_GT(c.scale, 0.5F);
  for (const auto storage : {WeightStorage::owned, WeightStorage::mapped}) {
    const auto logits = test::full_logits(c.decoder, c.tokens, kLength, Compute::f32, storage);
    ASSERT_EQ(static_cast<std::size_t>(logits.numel()), c.expected.size());
    EXPECT_LT(worst_difference(logits.data(), c.expected.data(), c.expected.size()), tolerance);
  }
  const auto decoded = decoded_logits(c.decoder, std::span(c.tokens).first(kLength));
  EXPECT_LT(worst_difference(decoded.data(), c.expected.data(), decoded.size()), tolerance);
  if (!cpu_has_bf16()) return;
  const auto rounded = test::full_logits(c.decoder, c.tokens, kLength, Compute::bf16, WeightStorage::owned);
  // bf16 rounds each input and weight to 2⁻⁹; a handful of such products in a row, averaged over tens of terms.
  EXPECT_LT(worst_difference(rounded.data(), c.expected.data(), c.expected.size()), 0.1F * c.scale);
}

TEST(Families, LogitsAgreeWithTransformersWholeAndDecoded) {
  const auto python = test::source_path(".deps/oracle/bin/python");
  if (!std::filesystem::exists(python)) GTEST_SKIP() << "needs the Python environment of packaging/setup.sh, absent";
  const test::TempFolder out;
  const std::string command = "OMP_NUM_THREADS=1 '" + python.string() + "' '" +
                              test::source_path("tests/model/oracle/families_oracle.py").string() + "' '" +
                              out.path().string() + "'";
  ASSERT_EQ(std::system(command.c_str()), 0);
  int cases = 0;
  for (const auto& entry : std::filesystem::directory_iterator(out.path())) {
    SCOPED_TRACE(entry.path().filename().string());
    check_case(Case(entry.path()));
    ++cases;
  }
  EXPECT_EQ(cases, 24);
}

}  // namespace
}  // namespace lacuna
