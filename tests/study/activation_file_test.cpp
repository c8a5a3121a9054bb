#include "lacuna/study/analyses/activation_file.hpp"

#include <gtest/gtest.h>

#include "lacuna/core/atomic_file.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/study/analyses/activation_run.hpp"
#include "support/temp_folder.hpp"

namespace lacuna {
namespace {

ActivationProfile example() {
  ActivationProfile profile;
  profile.model = "m";
  profile.calibration = "wiki.txt";
  profile.samples = 2;
  profile.seqlen = 8;
  profile.targets = {0.25, 0.1 + 0.2};
  InputProfile input;
  input.layer = 3;
  input.components = {"mlp.gate_proj", "mlp.up_proj"};
  input.features = 4;
  input.values = 64;
  input.largest = 7.5;
  input.quantiles = {{0.5, 0.1}};
  input.histogram = {1.0, {0.75, 0.25}};
  input.targets = {{0.25, 0.1, 0.11, 0.25, 0.26, 0.99}, {0.1 + 0.2, 1.0 / 3, 0.35, 0.3, 0.31, 0.9}};
  input.coactivation = CoActivation{0.25, 0.1, {1.0, 0.5}, 0.4, 0.1, 0.2, 0.6, 0.5, 0.4};
  profile.inputs = {input};
  profile.allocations = {{3, "mlp.up_proj", 16, {{0.25, 0.2, 0.05, 0.25, 0.01, 0.02}, {0.3, 0.3, 0.3, 0.3, 0.1, 0.2}}}};
  return profile;
}

TEST(ActivationFile, ReadsBackWhatWasWritten) {
  const test::TempFolder folder;
  write_activation_profile(folder / "p.json", example());
  const auto read = read_activation_profile(folder / "p.json");
  EXPECT_EQ(activation_profile_json(read), activation_profile_json(example()));
  EXPECT_EQ(read.inputs[0].targets[1].quantile, 1.0 / 3);  // to the last bit
  EXPECT_EQ(read.targets[1], 0.1 + 0.2);
}

TEST(ActivationFile, ThresholdsFollowTheRule) {
  const auto by_quantile = profile_thresholds(example(), 0.25, ThresholdRule::quantile);
  ASSERT_EQ(by_quantile.size(), 2U);
  EXPECT_EQ(by_quantile[1].component, "mlp.up_proj");
  EXPECT_EQ(by_quantile[1].threshold, 0.1F);
  EXPECT_EQ(profile_thresholds(example(), 0.25, ThresholdRule::teal)[0].threshold, 0.11F);
  const auto greedy = profile_thresholds(example(), 0.25, ThresholdRule::greedy);
  ASSERT_EQ(greedy.size(), 1U);
  EXPECT_EQ(greedy[0].threshold, 0.05F);
  EXPECT_THROW(profile_thresholds(example(), 0.5, ThresholdRule::quantile), Error);
  auto uniform = example();
  uniform.allocations.clear();
  EXPECT_THROW(profile_thresholds(uniform, 0.25, ThresholdRule::greedy), Error);
}

ErrorCode code_of(const test::TempFolder& folder, const std::string& text) {
  try {
    read_activation_profile(folder.write("p.json", text));
  } catch (const Error& error) {
    EXPECT_EQ(error.path(), folder / "p.json");
    return error.code();
  }
  return ErrorCode::internal;  // accepted
}

// What a damaged or hostile profile may hold, one change at a time.
TEST(ActivationFile, RefusesEveryFieldThatIsWrong) {
  const test::TempFolder folder;
  const std::string good = activation_profile_json(example());
  const auto with = [&](const std::string& from, const std::string& to) {
    const auto at = good.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return good.substr(0, at) + to + good.substr(at + from.size());
  };
  EXPECT_EQ(code_of(folder, with("\"quantile\": 0.1", "\"quantile\": -0.1")), ErrorCode::corrupt_file);
  EXPECT_EQ(code_of(folder, with("\"quantile\": 0.1", "\"quantile\": 1e39")), ErrorCode::corrupt_file);
  EXPECT_EQ(code_of(folder, with("\"quantile\": 0.1", "\"quantile\": null")), ErrorCode::corrupt_file);
  EXPECT_EQ(code_of(folder, with("\"quantile\": 0.1", "\"quantile\": \"0.1\"")), ErrorCode::corrupt_file);
  EXPECT_EQ(code_of(folder, with("\"quantile\": 0.1", "\"other\": 0.1")), ErrorCode::corrupt_file);
  EXPECT_EQ(code_of(folder, with("\"layer\": 3", "\"layer\": -3")), ErrorCode::corrupt_file);
  EXPECT_EQ(code_of(folder, with("\"layer\": 3", "\"layer\": 18446744073709551615")), ErrorCode::corrupt_file);
  EXPECT_EQ(code_of(folder, with("\"mlp.gate_proj\"", "\"mlp.up_proj\"")), ErrorCode::corrupt_file);  // twice
  EXPECT_EQ(code_of(folder, with("\"mlp.gate_proj\"", "7")), ErrorCode::corrupt_file);
  EXPECT_EQ(code_of(folder, with("0.30000000000000004\n ]", "0.3,\n 0.5]")),
            ErrorCode::corrupt_file);  // one target more
  EXPECT_EQ(code_of(folder, with("\"version\": 1", "\"version\": 2")), ErrorCode::unsupported_format);
  EXPECT_EQ(code_of(folder, with("lacuna activations", "something")), ErrorCode::unsupported_format);
  EXPECT_EQ(code_of(folder, good.substr(0, good.size() / 2)), ErrorCode::corrupt_file);
  EXPECT_EQ(code_of(folder, "[1, 2]"), ErrorCode::corrupt_file);
  EXPECT_EQ(code_of(folder, ""), ErrorCode::corrupt_file);
  EXPECT_EQ(code_of(folder, std::string(100000, '[')), ErrorCode::corrupt_file);
  EXPECT_EQ(code_of(folder, good), ErrorCode::internal);
}

}  // namespace
}  // namespace lacuna
