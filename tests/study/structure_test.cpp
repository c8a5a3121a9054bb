#include "lacuna/study/analyses/structure.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "lacuna/core/random.hpp"

namespace lacuna {
namespace {

constexpr std::int64_t kRows = 96;
constexpr std::int64_t kColumns = 64;

// Half of the entries are zero: independently, or column j as column j % 8, so that eight kinds of features exist.
std::vector<float> mask(bool planted) {
  std::vector<float> values(kRows * kColumns);
  Random random(5);
  for (auto& value : values) value = random.uniform() < 0.5 ? 0.0F : 1.0F;
  if (planted) {
    for (std::int64_t r = 0; r < kRows; ++r) {
      for (std::int64_t c = 8; c < kColumns; ++c) {
        values[static_cast<std::size_t>(r * kColumns + c)] = values[static_cast<std::size_t>(r * kColumns + c % 8)];
      }
    }
  }
  return values;
}

std::vector<StructureRecord> measure(const std::vector<float>& values, const std::string& method, int n = 0,
                                     int m = 0) {
  WeightMatrix matrix;
  matrix.layer = 3;
  matrix.component = "mlp.up_proj";
  matrix.view.dtype = DType::f32;
  matrix.view.shape = {kRows, kColumns};
  matrix.view.strides = {kColumns, 1};
  matrix.view.data = reinterpret_cast<const std::byte*>(values.data());
  RunRecord run;
  run.run_id = "r";
  run.method = method;
  run.n = n;
  run.m = m;
  StructureOptions options;
  options.draws = 39;
  return measure_structure(matrix, run, options, {});
}

const StructureRecord& find(const std::vector<StructureRecord>& records, const std::string& statistic) {
  return *std::find_if(records.begin(), records.end(), [&](const auto& r) { return r.statistic == statistic; });
}

TEST(Structure, PlantedKindsOfFeaturesAreFound) {
  const auto records = measure(mask(true), "magnitude");
  ASSERT_EQ(records.size(), 5U);
  EXPECT_EQ(find(records, "nearest_distance").value, 0.0);
  for (const char* statistic : {"nearest_distance", "coherence_grouped"}) {
    EXPECT_EQ(find(records, statistic).p, 1.0 / 40) << statistic;  // no draw reaches it
    EXPECT_GT(std::abs(find(records, statistic).z.value()), 10.0) << statistic;
  }
  // Groups of eight equal features: as many all-zero rows as a feature has zeros.
  EXPECT_NEAR(find(records, "coherence_grouped").value, 0.5, 0.1);
  EXPECT_NE(structure_verdict(records).find("has something to skip"), std::string::npos);
}

TEST(Structure, IndependentEntriesAreNot) {
  const auto records = measure(mask(false), "magnitude");
  for (const double p : adjusted_p(records)) EXPECT_GT(p, 0.05);
  EXPECT_NE(structure_verdict(records).find("None of 5 tests"), std::string::npos);
}

TEST(Structure, ChanceKeepsWhatTheMethodFixes) {
  EXPECT_EQ(measure(mask(false), "magnitude").front().null_model, "margins");
  EXPECT_EQ(measure(mask(false), "wanda").front().null_model, "margins");
  EXPECT_EQ(measure(mask(false), "sparsegpt", 2, 4).front().null_model, "pattern");
}

TEST(Structure, ASeedGivesTheSameRecords) {
  const auto a = measure(mask(false), "wanda");
  const auto b = measure(mask(false), "wanda");
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].value, b[i].value);
    EXPECT_EQ(a[i].null_mean, b[i].null_mean);
    EXPECT_EQ(a[i].p, b[i].p);
  }
}

}  // namespace
}  // namespace lacuna
