#include "lacuna/bench/device_bench.hpp"

#include <fmt/format.h>

#include "lacuna/bench/device_check.hpp"
#include "lacuna/bench/sparse_inputs.hpp"
#include "lacuna/core/error.hpp"

namespace lacuna {
namespace {

using kernels::DeviceBuffer;
using Inputs = std::vector<DeviceBuffer>;
using Products = std::vector<DeviceProduct>;

// The dense weights of a benchmark, on both sides.
struct DenseSide {
  const KernelBench& request;
  DeviceMatrix matrix;
  AlignedBuffer<std::byte> weights;
  Products products;
  DeviceCopy copy;
  kernels::DeviceQueue queue;

  explicit DenseSide(const KernelBench& asked)
      : request(asked),
        matrix{asked.dtype, asked.shape, {}, false},
        weights(random_weights(asked.dtype, asked.shape, 0.0, asked.seed)),
        products(rotated_products(DeviceForm::dense, matrix, weights.span(), asked.rotated_bytes)) {}
};

struct SparseSide {
  double sparsity = 0.0;
  const char* form = "";
  double bytes = 0.0;
  const Products& products;
};

KernelTiming time_beside_dense(DenseSide& dense, const SparseSide& sparse, const Inputs& inputs,
                               const RunContext& context) {
  const KernelBench& request = dense.request;
  DeviceBuffer y(static_cast<std::size_t>(request.shape.rows) * 4);
  const DeviceChain chains[] = {{&dense.products, &inputs}, {&sparse.products, &inputs}};
  const double dense_bytes = static_cast<double>(dense.weights.size());
  const double bytes[] = {dense_bytes, sparse.bytes};
  std::vector<DeviceCall> calls = {dense.copy.call(dense.queue)};
  for (int i = 0; i < 2; ++i) {
    calls.push_back({chains[i].calls(static_cast<std::size_t>(bytes[i]), request.rotated_bytes),
                     [&, i](std::int64_t turn) { chains[i].launch(turn, dense.queue, y); }});
  }
  const auto times = time_on_device(calls, dense.queue, request.timing.rounds, context);
  KernelTiming timing;
  timing.sparsity = sparse.sparsity;
  timing.form = sparse.form;
  timing.dense = times[1];
  timing.time = times[2];
  timing.dense_bytes = dense_bytes;
  timing.bytes = sparse.bytes;
  timing.bandwidth = static_cast<double>(kDeviceCopyBytes) / times[0].median;
  return timing;
}

void set_threshold(Products& products, float threshold) {
  for (auto& product : products) {
    for (std::size_t part = 0; part < product.parts(); ++part) product.set_threshold(part, threshold);
  }
}

KernelTiming measure_activation(DenseSide& dense, const Products& columns, double sparsity, const RunContext& context) {
  const KernelBench& request = dense.request;
  const auto sparse = sparse_inputs(request.shape.cols, sparsity, request.seed + 1);
  Inputs inputs;
  for (const auto& x : sparse.sets) inputs.push_back(upload_input(request.dtype, x));
  const auto x = rounded_to(request.dtype, sparse.sets[0]);
  const auto expected = reference_product(request.dtype, request.shape, dense.weights.data(), x.data());
  check_chain("dense", {&dense.products, &inputs}, dense.matrix, expected, dense_roundings(request.shape));
  check_chain("activation", {&columns, &inputs}, dense.matrix, expected, column_roundings(sparse.active));
  const double share = static_cast<double>(sparse.active) / static_cast<double>(request.shape.cols);
  return time_beside_dense(dense, {sparsity, "columns", share * static_cast<double>(dense.weights.size()), columns},
                           inputs, context);
}

KernelTiming measure_packed(DenseSide& dense, const Inputs& inputs, std::span<const float> x, double sparsity,
                            const RunContext& context) {
  const KernelBench& request = dense.request;
  const auto weights = random_weights(request.dtype, request.shape, sparsity, request.seed + 2);
  const auto packed = rotated_products(DeviceForm::bundles, dense.matrix, weights.span(), request.rotated_bytes);
  const auto expected = reference_product(request.dtype, request.shape, weights.data(), x.data());
  check_chain("packed", {&packed, &inputs}, dense.matrix, expected, dense_roundings(request.shape));
  return time_beside_dense(dense, {sparsity, "bundles", static_cast<double>(packed.front().bytes()), packed}, inputs,
                           context);
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
  DenseSide dense(request);
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
  DenseSide dense(request);
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
