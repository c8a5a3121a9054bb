#include "lacuna/model/generate.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>

#include "lacuna/core/error.hpp"
#include "model/full_forward.hpp"
#include "model/tiny_model.hpp"

namespace lacuna {
namespace {

class Generate : public testing::Test {
 protected:
  static Decoder tiny(const test::TempFolder& folder, const char* config = test::kTinyLlamaConfig) {
    test::write_tiny_model(folder, config);
    return Decoder::open(Checkpoint::open(folder.path().string()));
  }
  test::TempFolder folder_;
};

TEST_F(Generate, GreedyFollowsTheFullForward) {
  const Decoder decoder = tiny(folder_);
  Generator generator(decoder, Compute::f32);
  const std::vector<std::int32_t> prompt = {5, 9, 40};
  GenerateOptions options;
  options.max_new_tokens = 12;
  options.sampling.temperature = 0.0;
  options.stop_at_eos = false;
  const auto tokens = generator.run(prompt, options, {}, RunContext{});
  ASSERT_EQ(tokens.size(), 12U);
  std::vector<std::int32_t> sequence = prompt;
  for (const std::int32_t token : tokens) {
    const auto logits = test::full_logits(decoder, sequence, static_cast<std::int64_t>(sequence.size()));
    const float* last = logits.view().row(logits.rows() - 1);
    EXPECT_EQ(token, std::max_element(last, last + 61) - last);
    sequence.push_back(token);
  }
}

TEST_F(Generate, SeedsDecide) {
  const Decoder decoder = tiny(folder_);
  Generator generator(decoder, Compute::f32);
  GenerateOptions options;
  options.max_new_tokens = 30;
  options.stop_at_eos = false;
  options.seed = 1;
  const std::vector<std::int32_t> prompt = {5};
  const auto first = generator.run(prompt, options, {}, RunContext{});
  EXPECT_EQ(generator.run(prompt, options, {}, RunContext{}), first);
  options.seed = 2;
  EXPECT_NE(generator.run(prompt, options, {}, RunContext{}), first);
}

TEST_F(Generate, StreamsStopsAndReturnsTheStopToken) {
  const Decoder decoder = tiny(folder_);
  Generator generator(decoder, Compute::f32);
  GenerateOptions options;
  options.max_new_tokens = 50;
  options.stop_at_eos = false;
  const std::vector<std::int32_t> prompt = {5};
  std::vector<std::int32_t> streamed;
  const auto all = generator.run(
      prompt, options,
      [&](std::int32_t token) {
        streamed.push_back(token);
        return true;
      },
      RunContext{});
  EXPECT_EQ(streamed, all);
  EXPECT_EQ(generator.run(prompt, options, [](std::int32_t) { return false; }, RunContext{}).size(), 1U);
  options.stop_tokens = {all[10]};
  const auto stopped = generator.run(prompt, options, {}, RunContext{});
  const auto first_stop = std::find(all.begin(), all.end(), all[10]);
  EXPECT_EQ(stopped, std::vector<std::int32_t>(all.begin(), first_stop + 1));
}

TEST_F(Generate, AnEmptyPromptIsTheBosToken) {
  const Decoder decoder = tiny(folder_);
  Generator generator(decoder, Compute::f32);
  GenerateOptions options;
  options.max_new_tokens = 5;
  EXPECT_EQ(generator.run({}, options, {}, RunContext{}),
            generator.run(std::vector<std::int32_t>{1}, options, {}, RunContext{}));
  const test::TempFolder folder;
  const Decoder without_bos = tiny(folder, test::kTinyOptConfig);
  Generator other(without_bos, Compute::f32);
  EXPECT_THROW(other.run({}, options, {}, RunContext{}), Error);
}

TEST_F(Generate, LimitsAndStops) {
  const Decoder opt = tiny(folder_, test::kTinyOptConfig);
  Generator generator(opt, Compute::f32);
  GenerateOptions options;
  options.max_new_tokens = 64;
  const std::vector<std::int32_t> prompt = {5};
  EXPECT_THROW(generator.run(prompt, options, {}, RunContext{}), Error);  // 65 positions of 64
  options.max_new_tokens = -1;
  EXPECT_THROW(generator.run(prompt, options, {}, RunContext{}), Error);
  options.max_new_tokens = 0;
  EXPECT_TRUE(generator.run(prompt, options, {}, RunContext{}).empty());
  std::atomic<bool> stop{true};
  RunContext context;
  context.stop = &stop;
  options.max_new_tokens = 3;
  EXPECT_THROW(generator.run(prompt, options, {}, context), Error);
}

}  // namespace
}  // namespace lacuna
