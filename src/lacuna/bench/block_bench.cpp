#include "lacuna/bench/block_bench.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "lacuna/bench/beside_dense.hpp"
#include "lacuna/bench/packed_copies.hpp"
#include "lacuna/bench/product_check.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/core/random.hpp"
#include "lacuna/sparse/block_matrix.hpp"

namespace lacuna {
namespace {

std::vector<BlockMatrix> block_copies(BlockMatrix matrix, std::size_t rotated_bytes) {
  std::vector<BlockMatrix> copies;
  copies.push_back(std::move(matrix));
  const std::int64_t count = copies_to_rotate(copies[0].bytes(), rotated_bytes);
  copies.reserve(static_cast<std::size_t>(count));
  while (std::ssize(copies) < count) copies.push_back(copies[0].copy());
  return copies;
}

// Of kernels/block_gemv: partial sums of at most 1/16 of a row, and the last additions.
double block_roundings(std::int64_t cols) { return static_cast<double>(cols + 7) / 32.0 + 16.0; }

KernelTiming measure_blocks(const KernelBench& request, const Copies& dense, double skipped,
                            const RunContext& context) {
  const BenchShape shape = request.shape;
  const auto x = random_input(shape.cols, request.seed + 1);
  std::vector<float> y(static_cast<std::size_t>(shape.rows));
  const auto weights = random_block_weights(request.dtype, shape, skipped, request.seed + 2);
  const auto copies = block_copies(
      BlockMatrix(make_tensor_view(request.dtype, {shape.rows, shape.cols}, weights.data())), request.rotated_bytes);
  copies[0].multiply(x.data(), y.data());
  check_product("blocks", y, reference_product(request.dtype, shape, weights.data(), x.data()),
                block_roundings(shape.cols));
  const auto product = [&](std::int64_t turn) {
    copies[static_cast<std::size_t>(turn) % copies.size()].multiply(x.data(), y.data());
  };
  return time_beside_dense(request, dense, x, y,
                           {skipped, block_form(), static_cast<double>(copies[0].bytes()), product}, context);
}

}  // namespace

std::string block_form() { return fmt::format("blocks of {}", kernels::kBlockFeatures); }
AlignedBuffer<std::byte> random_block_weights(DType dtype, BenchShape shape, double skipped, std::uint64_t seed) {
  auto weights = random_weights(dtype, shape, 0.0, seed);
  Random random(seed + 1);
  const std::size_t width = dtype_bytes(dtype);
  for (std::int64_t r = 0; r < shape.rows; ++r) {
    for (std::int64_t c = 0; c < shape.cols; c += kernels::kBlockFeatures) {
      if (random.uniform() >= skipped) continue;
      const std::int64_t n = std::min(kernels::kBlockFeatures, shape.cols - c);
      std::byte* at = weights.data() + static_cast<std::size_t>(r * shape.cols + c) * width;
      std::fill_n(at, static_cast<std::size_t>(n) * width, std::byte{0});
    }
  }
  return weights;
}

void require_bench_matrix(const TensorView& weights) {
  if (weights.shape.size() != 2) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("weights: expected a matrix, got {}", shape_text(weights.shape)));
  }
  check_request(weights.dtype, {weights.shape[0], weights.shape[1]}, {});
}

std::vector<KernelTiming> bench_block_sparsity(const KernelBench& request, const RunContext& context) {
  check_request(request.dtype, request.shape, request.sparsities);
  const auto weights = random_weights(request.dtype, request.shape, 0.0, request.seed);
  const Copies dense(weights.span(), request.rotated_bytes);
  std::vector<KernelTiming> timings;
  for (const double skipped : request.sparsities) {
    timings.push_back(measure_blocks(request, dense, skipped, context));
    context.report({"bench mmm", fmt::format("{:g} % of the blocks", 100.0 * skipped), "shares", timings.size(),
                    request.sparsities.size(), 0.0});
  }
  return timings;
}

std::vector<OrderTiming> bench_orders(const TensorView& weights, std::span<const BlockOrder> orders, std::uint64_t seed,
                                      std::size_t rotated_bytes, const TimingOptions& timing,
                                      const RunContext& context) {
  require_bench_matrix(weights);
  const BenchShape shape = {weights.shape[0], weights.shape[1]};
  AlignedBuffer<std::byte> stored(weights.bytes());
  copy_contiguous(weights, stored.data());
  const Copies dense(stored.span(), rotated_bytes);
  const PackedCopies packed(weights.dtype, shape, stored.span(), rotated_bytes);
  const auto x = random_input(shape.cols, seed);
  std::vector<float> y(static_cast<std::size_t>(shape.rows));
  const auto expected = reference_product(weights.dtype, shape, stored.data(), x.data());
  packed.multiply(0, x.data(), y.data());
  check_product("packed", y, expected, packed.roundings());
  std::vector<OrderTiming> timings;
  for (const auto& order : orders) {
    const auto copies = block_copies(BlockMatrix(weights, order.columns), rotated_bytes);
    copies[0].multiply(x.data(), y.data());
    check_product(order.name, y, expected, block_roundings(shape.cols));
    const TimedCall calls[] = {
        [&](std::int64_t turn) { dense_gemv(weights.dtype, shape, dense.at(turn).data(), x.data(), y.data()); },
        [&](std::int64_t turn) { packed.multiply(turn, x.data(), y.data()); },
        [&](std::int64_t turn) {
          copies[static_cast<std::size_t>(turn) % copies.size()].multiply(x.data(), y.data());
        }};
    const auto times = time_in_turns(calls, timing, context);
    const double skipped = copies[0].skipped();
    timings.push_back({order.name, skipped, predicted_block_speedup(skipped, weights.dtype), times[2], times[0],
                       times[1], packed.form(), weights.dtype});
    context.report({"bench mmm", order.name, "orders", timings.size(), orders.size(), 0.0});
  }
  return timings;
}

}  // namespace lacuna
