#include <fmt/format.h>

#include "lacuna/bench/beside_dense.hpp"
#include "lacuna/bench/kernel_bench.hpp"
#include "lacuna/bench/packed_copies.hpp"
#include "lacuna/bench/product_check.hpp"

namespace lacuna {
namespace {

KernelTiming measure(const KernelBench& request, const Copies& dense, double sparsity, const RunContext& context) {
  const BenchShape shape = request.shape;
  const auto x = random_input(shape.cols, request.seed + 1);
  std::vector<float> y(static_cast<std::size_t>(shape.rows));
  const auto sparse = random_weights(request.dtype, shape, sparsity, request.seed + 2);
  const PackedCopies packed(request.dtype, shape, sparse.span(), request.rotated_bytes);
  packed.multiply(0, x.data(), y.data());
  check_product("packed", y, reference_product(request.dtype, shape, sparse.data(), x.data()), packed.roundings());
  const auto product = [&](std::int64_t turn) { packed.multiply(turn, x.data(), y.data()); };
  return time_beside_dense(request, dense, x, y,
                           {sparsity, packed.form(), static_cast<double>(packed.bytes()), product}, context);
}

}  // namespace

std::vector<KernelTiming> bench_packed(const KernelBench& request, const RunContext& context) {
  check_request(request.dtype, request.shape, request.sparsities);
  const auto weights = random_weights(request.dtype, request.shape, 0.0, request.seed);
  const Copies dense(weights.span(), request.rotated_bytes);
  {
    const auto x = random_input(request.shape.cols, request.seed + 1);
    std::vector<float> y(static_cast<std::size_t>(request.shape.rows));
    dense_gemv(request.dtype, request.shape, weights.data(), x.data(), y.data());
    check_product("dense", y, reference_product(request.dtype, request.shape, weights.data(), x.data()),
                  dense_roundings(request.shape));
  }
  std::vector<KernelTiming> timings;
  for (const double sparsity : request.sparsities) {
    timings.push_back(measure(request, dense, sparsity, context));
    context.report({"bench packed", fmt::format("{:g} %", 100.0 * sparsity), "sparsities", timings.size(),
                    request.sparsities.size(), 0.0});
  }
  return timings;
}

}  // namespace lacuna
