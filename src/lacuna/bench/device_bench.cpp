#include "lacuna/bench/device_bench.hpp"

#include <fmt/format.h>

#include "lacuna/bench/device_beside_dense.hpp"
#include "lacuna/bench/device_check.hpp"
#include "lacuna/bench/sparse_inputs.hpp"
#include "lacuna/core/error.hpp"

namespace lacuna {
namespace {

using kernels::DeviceBuffer;
using Inputs = std::vector<DeviceBuffer>;
using Products = std::vector<DeviceProduct>;

void set_threshold(Products& products, float threshold) {
  for (auto& product : products) {
    for (std::size_t part = 0; part < product.parts(); ++part) product.set_threshold(part, threshold);
  }
}

KernelTiming measure_activation(DeviceDenseSide& dense, const Products& columns, double sparsity,
                                const RunContext& context) {
  const KernelBench& request = dense.request;
  const auto sparse = sparse_inputs(request.shape.cols, sparsity, request.seed + 1);
  Inputs inputs;
  for (const auto& x : sparse.sets) inputs.push_back(upload_input(request.dtype, x));
  const auto x = rounded_to(request.dtype, sparse.sets[0]);
  const auto expected = reference_product(request.dtype, request.shape, dense.weights.data(), x.data());
  check_chain("dense", {&dense.products, &inputs}, dense.matrix, expected, dense_roundings(request.shape));
  check_chain("activation", {&columns, &inputs}, dense.matrix, expected, column_roundings(sparse.active));
  const double share = static_cast<double>(sparse.active) / static_cast<double>(request.shape.cols);
  const double bytes = share * static_cast<double>(dense.weights.size());
  return time_beside_dense(dense, inputs, {sparsity, "columns", bytes, dense.call({&columns, &inputs}, bytes)},
                           context);
}

KernelTiming measure_packed(DeviceDenseSide& dense, const Inputs& inputs, std::span<const float> x, double sparsity,
                            const RunContext& context) {
  const KernelBench& request = dense.request;
  const auto weights = random_weights(request.dtype, request.shape, sparsity, request.seed + 2);
  const auto packed = rotated_products(DeviceForm::bundles, dense.matrix, weights.span(), request.rotated_bytes);
  const auto expected = reference_product(request.dtype, request.shape, weights.data(), x.data());
  check_chain("packed", {&packed, &inputs}, dense.matrix, expected, dense_roundings(request.shape));
  const auto bytes = static_cast<double>(packed.front().bytes());
  return time_beside_dense(dense, inputs, {sparsity, "bundles", bytes, dense.call({&packed, &inputs}, bytes)}, context);
}

void check_asked(const KernelBench& request) {
  check_request(request.dtype, request.shape, request.sparsities);
  check_device_type(request.dtype);
}

void report(const char* what, double sparsity, std::size_t done, std::size_t all, const RunContext& context) {
  context.report({what, fmt::format("{:g} %", 100.0 * sparsity), "sparsities", done, all, 0.0});
}

}  // namespace

void check_device_type(DType dtype) {
  if (dtype == DType::f16 || dtype == DType::bf16) return;
  throw Error(ErrorCode::invalid_argument,
              fmt::format("type on the CUDA device: expected f16 or bf16, got {}", dtype_name(dtype)));
}

std::vector<KernelTiming> bench_activation_cuda(const KernelBench& request, const RunContext& context) {
  check_asked(request);
  DeviceDenseSide dense(request);
  auto columns = rotated_products(DeviceForm::columns, dense.matrix, dense.weights.span(), request.rotated_bytes);
  set_threshold(columns, 0.0F);
  std::vector<KernelTiming> timings;
  for (const double sparsity : request.sparsities) {
    timings.push_back(measure_activation(dense, columns, sparsity, context));
    report("bench activation", sparsity, timings.size(), request.sparsities.size(), context);
  }
  return timings;
}

std::vector<KernelTiming> bench_packed_cuda(const KernelBench& request, const RunContext& context) {
  check_asked(request);
  DeviceDenseSide dense(request);
  const auto given = random_input(request.shape.cols, request.seed + 1);
  Inputs inputs;
  inputs.push_back(upload_input(request.dtype, given));
  const auto x = rounded_to(request.dtype, given);
  check_chain("dense", {&dense.products, &inputs}, dense.matrix,
              reference_product(request.dtype, request.shape, dense.weights.data(), x.data()),
              dense_roundings(request.shape));
  std::vector<KernelTiming> timings;
  for (const double sparsity : request.sparsities) {
    timings.push_back(measure_packed(dense, inputs, x, sparsity, context));
    report("bench packed", sparsity, timings.size(), request.sparsities.size(), context);
  }
  return timings;
}

}  // namespace lacuna
