#include "lacuna/bench/decode_bench.hpp"

#include <gtest/gtest.h>

#include "lacuna/core/error.hpp"

namespace lacuna {
namespace {

DecodeBench small_request() {
  DecodeBench request;
  request.shape = {2, 64, 96, 4, 2, 50};
  request.sparsities = {0.5};
  request.timing = {1, 0.0};
  return request;
}

// Weights of a layer: 2·64·64 of q and o, 2·32·64 of k and v, 3·96·64 of the MLP; two layers of bf16, and a head of
// 50·64.
TEST(DecodeBench, CountsTheBytesOfATokenAndMeasuresEachKind) {
  constexpr double kLinears = 2.0 * 2.0 * (2 * 64 * 64 + 2 * 32 * 64 + 3 * 96 * 64);
  constexpr double kHead = 2.0 * 50 * 64;
  const auto timings = bench_decode(small_request(), {});
  ASSERT_EQ(timings.size(), 3U);
  EXPECT_EQ(timings[0].format, DecodeFormat::packed);
  EXPECT_EQ(timings[1].format, DecodeFormat::both);
  EXPECT_EQ(timings[2].format, DecodeFormat::activation);
  for (const auto& t : timings) {
    EXPECT_DOUBLE_EQ(t.timing.dense_bytes, kLinears + kHead);
    EXPECT_GT(t.timing.time.median, 0.0);
    EXPECT_GT(t.head_seconds, 0.0);
  }
  EXPECT_NEAR(timings[0].timing.bytes, kHead + kLinears * (0.5 + 1.0 / 16), 0.02 * kLinears);  // values, and a bit each
  EXPECT_LT(timings[1].timing.bytes, timings[0].timing.bytes);
  EXPECT_NEAR(timings[2].timing.bytes, kHead + kLinears * 0.5, 0.2 * kLinears);  // thresholds of other tokens
}

TEST(DecodeBench, RefusesWhatIsNoModel) {
  auto request = small_request();
  request.shape.kv_heads = 3;
  EXPECT_THROW(bench_decode(request, {}), Error);
  request = small_request();
  request.shape.layers = 0;
  EXPECT_THROW(bench_decode(request, {}), Error);
  request = small_request();
  request.sparsities = {0.0};
  EXPECT_THROW(bench_decode(request, {}), Error);
}

}  // namespace
}  // namespace lacuna
