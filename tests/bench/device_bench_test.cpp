#include "lacuna/bench/device_bench.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

#include "lacuna/bench/device_block_bench.hpp"
#include "lacuna/bench/device_decode_bench.hpp"
#include "lacuna/bench/device_options.hpp"
#include "lacuna/bench/device_tuner.hpp"
#include "lacuna/core/error.hpp"

namespace lacuna {
namespace {

class DeviceBench : public testing::Test {
 protected:
  void SetUp() override {
    if (kernels::device_info()) return;
    ASSERT_EQ(std::getenv("LACUNA_REQUIRE_DEVICE"), nullptr) << "there is no CUDA device";
    GTEST_SKIP() << "no CUDA device";
  }
};

KernelBench small_request(DType dtype) {
  KernelBench request;
  request.shape = {136, 264};
  request.dtype = dtype;
  request.sparsities = {0.0, 0.5, 0.9};
  request.rotated_bytes = 1 << 20;
  request.timing = {3, 0.0};
  return request;
}

TEST_F(DeviceBench, CountsTheBytesOfEachFormat) {
  for (const DType dtype : {DType::bf16, DType::f16}) {
    const auto activation = bench_activation_cuda(small_request(dtype), {});
    ASSERT_EQ(activation.size(), 3U);
    EXPECT_DOUBLE_EQ(activation[0].bytes, 136 * 264 * 2);
    EXPECT_DOUBLE_EQ(activation[1].bytes, 136 * 132 * 2);
    const auto packed = bench_packed_cuda(small_request(dtype), {});
    ASSERT_EQ(packed.size(), 3U);
    EXPECT_LT(packed[2].bytes, packed[1].bytes);
    EXPECT_EQ(activation[0].form, "columns");
    EXPECT_EQ(packed[0].form, "bundles");
    for (const auto& timing : packed) {
      EXPECT_GT(timing.time.median, 0.0);
      EXPECT_GT(timing.dense.median, 0.0);
      EXPECT_GT(timing.bandwidth, 1e9);
    }
  }
}

TEST_F(DeviceBench, CountsTheBlocksThatAreRead) {
  for (const DType dtype : {DType::bf16, DType::f16}) {
    const auto timings = bench_blocks_cuda(small_request(dtype), {});
    ASSERT_EQ(timings.size(), 3U);
    const double all = 136 * 264 / 8 * 17;
    EXPECT_GE(timings[0].bytes, all);
    EXPECT_GE(timings[1].bytes, 0.4 * all);
    EXPECT_LT(timings[2].bytes, timings[1].bytes);
    for (const auto& timing : timings) EXPECT_GT(timing.time.median, 0.0);
  }
}

// Columns 0, 2, 4, … of 64 rows are zeros: half of the blocks where these stand together, no block as stored.
TEST_F(DeviceBench, OrdersFindWhatTheirCoherencePredicts) {
  const std::int64_t rows = 64;
  const std::int64_t cols = 128;
  for (const DType dtype : {DType::f32, DType::f16}) {
    auto weights = random_weights(dtype, {rows, cols}, 0.0, 3);
    const std::size_t width = dtype_bytes(dtype);
    for (std::int64_t i = 0; i < rows * cols; i += 2) {
      std::fill_n(weights.data() + static_cast<std::size_t>(i) * width, width, std::byte{0});
    }
    std::vector<BlockOrder> orders = {{"stored", {}}, {"sorted", {}}};
    for (std::int64_t c = 0; c < cols; ++c) {
      orders[0].columns.push_back(c);
      orders[1].columns.push_back(c < cols / 2 ? 2 * c : 2 * (c - cols / 2) + 1);
    }
    const TensorView view = make_tensor_view(dtype, {rows, cols}, weights.data());
    const auto timings = bench_orders_cuda(view, orders, 1, 1 << 20, {3, 0.0}, {});
    ASSERT_EQ(timings.size(), 2U);
    EXPECT_EQ(timings[0].skipped, 0.0);
    EXPECT_EQ(timings[1].skipped, 0.5);
    EXPECT_DOUBLE_EQ(timings[1].predicted, 32.0 / 17.0);
    for (const auto& timing : timings) {
      EXPECT_GT(timing.time.median, 0.0);
      EXPECT_GT(timing.packed.median, 0.0);
      EXPECT_EQ(timing.dtype, dtype == DType::f32 ? DType::bf16 : dtype);
    }
  }
}

TEST_F(DeviceBench, RefusesTypesWithoutDenseProduct) {
  EXPECT_THROW(bench_packed_cuda(small_request(DType::f32), {}), Error);
  EXPECT_THROW(bench_blocks_cuda(small_request(DType::f32), {}), Error);
}

TEST_F(DeviceBench, EveryFormOfEveryProductIsMeasured) {
  TunerOptions options;
  options.timing.rounds = 3;
  options.rotated_bytes = 1 << 20;
  const TuningDevice device = cuda_tuning();
  EXPECT_EQ(device.name.rfind("cuda: ", 0), 0U);
  const std::pair<TunedProduct, std::size_t> expected[] = {{TunedProduct::packed, 2},
                                                           {TunedProduct::two_four, 2},
                                                           {TunedProduct::activation, 1 + all_sparse_options().size()},
                                                           {TunedProduct::gate, 1 + all_sparse_options().size()}};
  for (const auto& [product, count] : expected) {
    for (const DType dtype : {DType::bf16, DType::f16}) {
      const auto forms = device.measure(tuning_key(device.name, product, {512, 264}, dtype, 0.5), options, {});
      EXPECT_EQ(forms.candidates.size(), count) << product_name(product);
      EXPECT_EQ(forms.candidates.front().name, "dense");
      for (const auto& candidate : forms.candidates) EXPECT_GT(candidate.seconds, 0.0) << candidate.name;
    }
  }
}

TEST_F(DeviceBench, DecodesBothWays) {
  DecodeBench request;
  request.shape = {2, 256, 512, 4, 2, 300};
  request.dtype = DType::f16;
  request.sparsities = {0.5};
  request.timing.rounds = 1;
  const auto timings = bench_decode_cuda(request, {});
  ASSERT_EQ(timings.size(), 4U);
  EXPECT_EQ(timings[0].format, DecodeFormat::packed);
  EXPECT_EQ(timings[1].format, DecodeFormat::both);
  EXPECT_EQ(timings[2].format, DecodeFormat::two_four);
  EXPECT_EQ(timings[3].format, DecodeFormat::activation);
  // Bundles of so small matrices are filling.
  for (const std::size_t i : {2U, 3U}) EXPECT_LT(timings[i].timing.bytes, timings[i].timing.dense_bytes);
  EXPECT_EQ(timings[1].timing.bytes, timings[0].timing.bytes);  // read whole
  for (const auto& timing : timings) {
    EXPECT_GT(timing.head_seconds, 0.0);
    EXPECT_GT(timing.timing.time.median, 0.0);
  }
}

}  // namespace
}  // namespace lacuna
