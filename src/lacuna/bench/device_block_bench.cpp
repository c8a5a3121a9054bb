#include "lacuna/bench/device_block_bench.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "lacuna/bench/device_bench.hpp"
#include "lacuna/bench/device_beside_dense.hpp"
#include "lacuna/bench/device_check.hpp"
#include "lacuna/bench/sparse_inputs.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/kernels/block_gemv/cuda.hpp"
#include "lacuna/kernels/convert/convert.hpp"
#include "lacuna/sparse/block_matrix.hpp"

namespace lacuna {
namespace {

using kernels::DeviceBlockBundles;
using kernels::DeviceBuffer;

// A matrix in blocks, as often as leaves the L2 cache.
class BlockCopies {
 public:
  BlockCopies(const BlockMatrix& matrix, std::size_t rotated_bytes) {
    const auto info = kernels::device_info();
    if (!info) throw Error(ErrorCode::io_failed, "blocks on CUDA: there is no device");
    const auto bundles = kernels::make_block_bundles(matrix.view(), info->multiprocessors);
    const auto order = matrix.is_as_stored() ? std::span<const std::int64_t>() : matrix.order();
    copies_.emplace_back(bundles, matrix.cols(), order);
    const std::int64_t count = copies_to_rotate(copies_[0].bytes(), rotated_bytes);
    while (std::ssize(copies_) < count) copies_.emplace_back(bundles, matrix.cols(), order);
  }

  std::size_t bytes() const { return copies_[0].bytes(); }

  void launch(std::int64_t turn, const DeviceBuffer& x, const kernels::DeviceQueue& queue, DeviceBuffer& y) const {
    const DeviceBlockBundles& copy = copies_[static_cast<std::size_t>(turn % std::ssize(copies_))];
    const auto overlap = copy.fits_two() ? kernels::Overlap::two : kernels::Overlap::one;
    copy.multiply({x.data()}, {y.data(), kernels::OutputKind::store_f32}, queue.stream(), overlap);
  }
  DeviceCall call(const DeviceBuffer& x, const kernels::DeviceQueue& queue, DeviceBuffer& y) const {
    return {device_calls(std::ssize(copies_)), [&, this](std::int64_t turn) { launch(turn, x, queue, y); }};
  }

 private:
  std::vector<DeviceBlockBundles> copies_;
};

// Bound: kernels/block_gemv/cuda.hpp.
void check_blocks(std::string_view name, const BlockCopies& blocks, const DeviceBuffer& x,
                  const ReferenceProduct& expected, std::int64_t cols) {
  std::vector<float> found(expected.sums.size());
  DeviceBuffer y(found.size() * sizeof(float));
  y.fill(0xff);  // NaN: what is not written shows
  const kernels::DeviceQueue queue;
  kernels::synchronize_device();
  blocks.launch(0, x, queue, y);
  queue.wait();
  y.download(found.data(), y.bytes());
  check_product(name, found, expected, static_cast<double>(cols) / 8.0 + 8.0);
}

KernelTiming measure_blocks(DeviceDenseSide& dense, const std::vector<DeviceBuffer>& inputs, std::span<const float> x,
                            double skipped, const RunContext& context) {
  const KernelBench& request = dense.request;
  const BenchShape shape = request.shape;
  const auto weights = random_block_weights(request.dtype, shape, skipped, request.seed + 2);
  const BlockMatrix matrix(make_tensor_view(request.dtype, {shape.rows, shape.cols}, weights.data()));
  const BlockCopies blocks(matrix, request.rotated_bytes);
  check_blocks("blocks", blocks, inputs[0], reference_product(request.dtype, shape, weights.data(), x.data()),
               shape.cols);
  return time_beside_dense(
      dense, inputs,
      {skipped, block_form(), static_cast<double>(blocks.bytes()), blocks.call(inputs[0], dense.queue, dense.y)},
      context);
}

// A matrix as the device has it: f32 rounded to bf16.
struct DeviceWeights16 {
  DType dtype;
  AlignedBuffer<std::byte> bytes;

  explicit DeviceWeights16(const TensorView& weights)
      : dtype(weights.dtype == DType::f32 ? DType::bf16 : weights.dtype), bytes(weights.bytes()) {
    copy_contiguous(weights, bytes.data());
    if (weights.dtype != DType::f32) return;
    const AlignedBuffer<std::byte> wide = std::move(bytes);
    bytes = AlignedBuffer<std::byte>(wide.size() / 2);
    kernels::from_f32(reinterpret_cast<const float*>(wide.data()), weights.numel(), dtype, bytes.data());
  }
};

}  // namespace

double device_block_break_even(DType) { return 1.0 / 17.0; }

double predicted_device_block_speedup(double skipped) { return 16.0 / (17.0 * (1.0 - skipped)); }

std::vector<KernelTiming> bench_blocks_cuda(const KernelBench& request, const RunContext& context) {
  check_request(request.dtype, request.shape, request.sparsities);
  check_device_type(request.dtype);
  DeviceDenseSide dense(request);
  const auto given = random_input(request.shape.cols, request.seed + 1);
  std::vector<DeviceBuffer> inputs;
  inputs.push_back(upload_input(request.dtype, given));
  const auto x = rounded_to(request.dtype, given);
  std::vector<KernelTiming> timings;
  for (const double skipped : request.sparsities) {
    timings.push_back(measure_blocks(dense, inputs, x, skipped, context));
    context.report({"bench mmm", fmt::format("{:g} % of the blocks", 100.0 * skipped), "shares", timings.size(),
                    request.sparsities.size(), 0.0});
  }
  return timings;
}

std::vector<OrderTiming> bench_orders_cuda(const TensorView& weights, std::span<const BlockOrder> orders,
                                           std::uint64_t seed, std::size_t rotated_bytes, const TimingOptions& timing,
                                           const RunContext& context) {
  require_bench_matrix(weights);
  const BenchShape shape = {weights.shape[0], weights.shape[1]};
  const DeviceWeights16 narrow(weights);
  const TensorView view = make_tensor_view(narrow.dtype, weights.shape, narrow.bytes.data());
  const DeviceMatrix matrix = {narrow.dtype, shape, {}, false};
  const auto given = random_input(shape.cols, seed);
  std::vector<DeviceBuffer> inputs;
  inputs.push_back(upload_input(narrow.dtype, given));
  const auto expected =
      reference_product(narrow.dtype, shape, narrow.bytes.data(), rounded_to(narrow.dtype, given).data());
  std::vector<DeviceProduct> products[2];
  for (const auto form : {DeviceForm::dense, DeviceForm::bundles}) {
    auto& made = products[form == DeviceForm::bundles];
    made = rotated_products(form, matrix, narrow.bytes.span(), rotated_bytes);
    check_chain(form == DeviceForm::dense ? "dense" : "packed", {&made, &inputs}, matrix, expected,
                dense_roundings(shape));
  }
  const kernels::DeviceQueue queue;
  DeviceBuffer y(static_cast<std::size_t>(shape.rows) * 4);
  std::vector<OrderTiming> timings;
  for (const auto& order : orders) {
    const BlockMatrix in_blocks(view, order.columns);
    const BlockCopies blocks(in_blocks, rotated_bytes);
    check_blocks(order.name, blocks, inputs[0], expected, shape.cols);
    std::vector<DeviceCall> calls;
    for (const auto& made : products) {
      const DeviceChain chain = {&made, &inputs};
      calls.push_back({chain.calls(made.front().bytes(), rotated_bytes),
                       [&, chain](std::int64_t turn) { chain.launch(turn, queue, y); }});
    }
    calls.push_back(blocks.call(inputs[0], queue, y));
    const auto times = time_on_device(calls, queue, timing.rounds, context);
    const double skipped = in_blocks.skipped();
    timings.push_back({order.name, skipped, predicted_device_block_speedup(skipped), times[2], times[0], times[1],
                       "bundles", narrow.dtype});
    context.report({"bench mmm", order.name, "orders", timings.size(), orders.size(), 0.0});
  }
  return timings;
}

}  // namespace lacuna
