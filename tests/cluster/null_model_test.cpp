#include "lacuna/cluster/null_model.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "lacuna/core/error.hpp"
#include "lacuna/core/threads.hpp"
#include "random_patterns.hpp"

namespace lacuna {
namespace {

TEST(NullModel, ColumnsKeepTheCountOfEveryFeature) {
  const auto features = test::random_features(150, 333, 1, 0.3);
  const NullSampler sampler(features, NullModel::columns, 0, 5);
  const auto drawn = sampler.draw(0);
  EXPECT_EQ(drawn.row_counts(), features.row_counts());
  EXPECT_FALSE(drawn == features);
  EXPECT_FALSE(drawn == sampler.draw(1));
}

TEST(NullModel, MarginsKeepTheCountsOfFeaturesAndRows) {
  for (const double density : {0.02, 0.5, 0.9}) {
    const auto features = test::random_features(151, 130, 2, density);
    const NullSampler sampler(features, NullModel::margins, 0, 5);
    const auto drawn = sampler.draw(3);
    EXPECT_EQ(drawn.row_counts(), features.row_counts());
    EXPECT_EQ(drawn.column_counts(), features.column_counts());
    EXPECT_FALSE(drawn == features);
    EXPECT_FALSE(drawn == sampler.draw(4));
  }
}

TEST(NullModel, PatternKeepsTheCountOfEveryGroup) {
  for (const int m : {2, 4, 8, 16, 12, 300}) {
    const auto features = test::random_features(203, 70, 3, 0.4);
    const auto drawn = NullSampler(features, NullModel::pattern, m, 5).draw(0);
    for (std::int64_t r = 0; r < 70; ++r) {
      for (std::int64_t first = 0; first < 203; first += m) {
        int before = 0;
        int after = 0;
        for (auto f = first; f < std::min<std::int64_t>(203, first + m); ++f) {
          before += features.get(f, r) ? 1 : 0;
          after += drawn.get(f, r) ? 1 : 0;
        }
        ASSERT_EQ(after, before) << m << " " << r << " " << first;
      }
    }
    EXPECT_FALSE(drawn == features);
  }
}

TEST(NullModel, ThreadsDoNotMatterTheSeedDoes) {
  const auto features = test::random_features(300, 130, 4);
  const int threads_before = thread_count();
  for (const auto model : {NullModel::columns, NullModel::margins, NullModel::pattern}) {
    set_thread_count(1);
    const auto want = NullSampler(features, model, 4, 9).draw(2);
    set_thread_count(3);
    EXPECT_EQ(NullSampler(features, model, 4, 9).draw(2), want) << null_model_name(model);
    EXPECT_FALSE(NullSampler(features, model, 4, 10).draw(2) == want);
    EXPECT_EQ(parse_null_model(null_model_name(model)), model);
  }
  set_thread_count(threads_before);
  EXPECT_FALSE(parse_null_model("rows"));
  EXPECT_THROW(NullSampler(features, NullModel::pattern, 1, 0), Error);
}

// The 3×3 masks with one bit in every row and column are the 6 permutations; 3×3 margins (2,1,1)/(2,1,1) have 5 masks.
TEST(NullModel, MarginsReachEveryMaskAlike) {
  for (const auto& [features, masks] : {std::pair{test::features_of({"100", "010", "001"}), 6},
                                        std::pair{test::features_of({"110", "100", "001"}), 5}}) {
    std::map<std::string, int> seen;
    constexpr int kDraws = 3000;
    const NullSampler sampler(features, NullModel::margins, 0, 11);
    for (int i = 0; i < kDraws; ++i) {
      const auto drawn = sampler.draw(i);
      std::string key;
      for (int f = 0; f < 3; ++f) key += std::to_string(drawn.row(f)[0]);
      ++seen[key];
    }
    EXPECT_EQ(static_cast<int>(seen.size()), masks);
    const double expected = static_cast<double>(kDraws) / masks;
    // binomial, standard deviation below sqrt(expected); five of them
    for (const auto& [key, count] : seen) EXPECT_NEAR(count, expected, 5 * std::sqrt(expected)) << key;
  }
}

TEST(NullModel, EmptyAndFullMasksHaveOnlyThemselves) {
  for (const auto& features : {BitMatrix(0, 0), BitMatrix(5, 70), ~BitMatrix(5, 70), BitMatrix(1, 3)}) {
    for (const auto model : {NullModel::columns, NullModel::margins, NullModel::pattern}) {
      EXPECT_EQ(NullSampler(features, model, 2, 1).draw(0), features) << null_model_name(model);
    }
  }
}

}  // namespace
}  // namespace lacuna
