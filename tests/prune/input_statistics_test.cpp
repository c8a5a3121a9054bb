#include "lacuna/prune/input_statistics.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "lacuna/core/error.hpp"
#include "lacuna/core/threads.hpp"
#include "problems.hpp"

namespace lacuna {
namespace {

using test::correlated_inputs;
using test::statistics_of;

TEST(InputStatistics, NormsAreTheMeanOverSequencesNotTokens) {
  Matrix<float> x(2, 2);
  x(0, 0) = 3.0F, x(0, 1) = 1.0F, x(1, 0) = 4.0F, x(1, 1) = 0.0F;
  InputStatistics statistics(StatisticsNeed::column_norms, 2);
  statistics.add_sequence(x.view());
  EXPECT_EQ(statistics.square_norms(), (std::vector<float>{25.0F, 1.0F}));
  statistics.add_sequence(x.view().block(0, 1, 0, 2));
  EXPECT_EQ(statistics.sequences(), 2);
  EXPECT_EQ(statistics.square_norms(), (std::vector<float>{17.0F, 1.0F}));
}

// The reference's running means, in f64: s ← s·n/(n+1) + ‖x_col‖²/(n+1), H ← H·n/(n+1) + 2/(n+1)·XᵀX.
TEST(InputStatistics, EqualTheReferencesRunningMeans) {
  constexpr std::int64_t kCols = 9;
  constexpr std::int64_t kTokens = 40;
  constexpr std::int64_t kSequences = 5;
  const auto x = correlated_inputs(kTokens * kSequences, kCols, 3);
  const auto statistics = statistics_of(x, StatisticsNeed::gram, kSequences);
  std::vector<double> h(kCols * kCols, 0.0);
  for (std::int64_t n = 0; n < kSequences; ++n) {
    const double share = static_cast<double>(n) / static_cast<double>(n + 1);
    for (std::int64_t i = 0; i < kCols; ++i) {
      for (std::int64_t j = 0; j < kCols; ++j) {
        double dot = 0.0;
        for (std::int64_t t = n * kTokens; t < (n + 1) * kTokens; ++t) {
          dot += static_cast<double>(x(t, i)) * static_cast<double>(x(t, j));
        }
        double& entry = h[static_cast<std::size_t>(i * kCols + j)];
        entry = entry * share + 2.0 / static_cast<double>(n + 1) * dot;
      }
    }
  }
  const auto norms = statistics.square_norms();
  for (std::int64_t i = 0; i < kCols; ++i) {
    const double diagonal = h[static_cast<std::size_t>(i * kCols + i)];
    // f64 sums rounded once to f32: half a unit in the last place, 2^-24 of the value.
    EXPECT_NEAR(norms[static_cast<std::size_t>(i)], diagonal / 2.0, 6e-8 * diagonal);
    for (std::int64_t j = i; j < kCols; ++j) {
      // A sum of 200 f32 products: at most 200 roundings of 2^-24 of √(H_ii·H_jj), in practice far fewer.
      const double scale = std::sqrt(diagonal * h[static_cast<std::size_t>(j * kCols + j)]);
      EXPECT_NEAR(statistics.gram_sum()(i, j) * statistics.gram_scale(), h[static_cast<std::size_t>(i * kCols + j)],
                  1.2e-5 * scale);
    }
  }
}

TEST(InputStatistics, GramAndNormAccumulatorsGiveTheSameNorms) {
  const auto x = correlated_inputs(300, 33, 5);
  const auto norms = statistics_of(x, StatisticsNeed::column_norms, 3).square_norms();
  const auto gram = statistics_of(x, StatisticsNeed::gram, 3);
  EXPECT_EQ(gram.square_norms(), norms);
  for (std::int64_t c = 0; c < 33; ++c) {
    const double half = gram.gram_sum()(c, c) * gram.gram_scale() / 2.0;
    EXPECT_NEAR(half, norms[static_cast<std::size_t>(c)], 1.8e-5 * half);  // 300 f32 roundings
  }
}

TEST(InputStatistics, NormsDoNotDependOnThreadsOrBatching) {
  const auto x = correlated_inputs(64, 200, 8);
  const auto one_by_one = statistics_of(x, StatisticsNeed::column_norms, 4).square_norms();
  const int threads = thread_count();
  set_thread_count(3);
  InputStatistics batched(StatisticsNeed::column_norms, 200);
  batched.add_sequences(x.view(), 4);
  set_thread_count(threads);
  EXPECT_EQ(batched.square_norms(), one_by_one);
  EXPECT_EQ(batched.sequences(), 4);
}

TEST(InputStatistics, StateChangesWithEveryAdd) {
  const auto x = correlated_inputs(4, 3, 1);
  InputStatistics a(StatisticsNeed::none, 3);
  const InputStatistics b(StatisticsNeed::none, 3);
  EXPECT_NE(a.state(), b.state());
  const auto before = a.state();
  a.add_sequence(x.view());
  EXPECT_NE(a.state(), before);
}

TEST(InputStatistics, WrongWidthIsRefused) {
  const auto x = correlated_inputs(4, 3, 1);
  InputStatistics statistics(StatisticsNeed::gram, 4);
  EXPECT_THROW(statistics.add_sequence(x.view()), Error);
}

}  // namespace
}  // namespace lacuna
