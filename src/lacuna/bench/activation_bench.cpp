#include <fmt/format.h>

#include <cmath>

#include "lacuna/bench/beside_dense.hpp"
#include "lacuna/bench/kernel_bench.hpp"
#include "lacuna/bench/product_check.hpp"
#include "lacuna/bench/sparse_inputs.hpp"
#include "lacuna/core/threads.hpp"
#include "lacuna/kernels/sparse_gemv/column_panels.hpp"

namespace lacuna {
namespace {

struct ActivationCase {
  const KernelBench& request;
  Copies dense;
  std::vector<kernels::ColumnPanels> columns;

  void multiply_dense(std::int64_t turn, const float* x, float* y) const {
    dense_gemv(request.dtype, request.shape, dense.at(turn).data(), x, y);
  }
  void multiply_sparse(std::int64_t turn, const float* x, float* y) const {
    std::vector<kernels::ColumnPanels::Part> parts;
    columns[static_cast<std::size_t>(turn) % columns.size()].append(0.0F, nullptr, {y, 1, request.shape.rows}, false,
                                                                    parts);
    kernels::sparse_gemv({x, 1, request.shape.cols}, parts);
  }
};

void check(const ActivationCase& made, const SparseInputs& inputs) {
  const float* x = inputs.sets[0].data();
  const auto expected = reference_product(made.request.dtype, made.request.shape, made.dense.at(0).data(), x);
  std::vector<float> y(expected.sums.size());
  made.multiply_dense(0, x, y.data());
  check_product("dense", y, expected, dense_roundings(made.request.shape));
  made.multiply_sparse(0, x, y.data());
  check_product("activation", y, expected, static_cast<double>(inputs.active) + 2.0);
}

KernelTiming measure(const ActivationCase& made, double sparsity, const RunContext& context) {
  const KernelBench& request = made.request;
  const auto inputs = sparse_inputs(request.shape.cols, sparsity, request.seed + 1);
  check(made, inputs);
  std::vector<float> y(static_cast<std::size_t>(request.shape.rows));
  const auto input = [&](std::int64_t turn) {
    return inputs.sets[inputs.set_of(turn, static_cast<std::int64_t>(made.columns.size()))].data();
  };
  const auto product = [&](std::int64_t turn) { made.multiply_sparse(turn, input(turn), y.data()); };
  const double share = static_cast<double>(inputs.active) / static_cast<double>(request.shape.cols);
  const double bytes = share * static_cast<double>(made.dense.at(0).size());
  return time_beside_dense(request, made.dense, inputs.sets[0], y, {sparsity, "columns", bytes, product}, context);
}

}  // namespace

std::vector<KernelTiming> bench_activation(const KernelBench& request, const RunContext& context) {
  check_request(request.dtype, request.shape, request.sparsities);
  const auto weights = random_weights(request.dtype, request.shape, 0.0, request.seed);
  ActivationCase made = {request, Copies(weights.span(), request.rotated_bytes), {}};
  for (std::int64_t i = 0; i < made.dense.count(); ++i) {
    made.columns.emplace_back(request.dtype, weights.data(), request.shape.rows, request.shape.cols, thread_count());
  }
  std::vector<KernelTiming> timings;
  for (const double sparsity : request.sparsities) {
    timings.push_back(measure(made, sparsity, context));
    context.report({"bench activation", fmt::format("{:g} %", 100.0 * sparsity), "sparsities", timings.size(),
                    request.sparsities.size(), 0.0});
  }
  return timings;
}

std::optional<double> break_even(std::span<const KernelTiming> timings) {
  if (timings.empty() || timings.back().speedup() < 1.0) return std::nullopt;
  std::size_t first = timings.size() - 1;
  while (first > 0 && timings[first - 1].speedup() >= 1.0) --first;
  if (first == 0) return timings[0].sparsity;
  const KernelTiming& below = timings[first - 1];
  const KernelTiming& above = timings[first];
  const double part = std::log(below.speedup()) / std::log(below.speedup() / above.speedup());
  return below.sparsity + part * (above.sparsity - below.sparsity);
}

}  // namespace lacuna
