#include "lacuna/bench/device_beside_dense.hpp"

#include "lacuna/bench/sparse_inputs.hpp"

namespace lacuna {

DeviceDenseSide::DeviceDenseSide(const KernelBench& asked)
    : request(asked),
      matrix{asked.dtype, asked.shape, {}, false},
      weights(random_weights(asked.dtype, asked.shape, 0.0, asked.seed)),
      products(rotated_products(DeviceForm::dense, matrix, weights.span(), asked.rotated_bytes)),
      y(static_cast<std::size_t>(asked.shape.rows) * 4) {}

DeviceCall DeviceDenseSide::call(const DeviceChain& chain, double bytes) {
  return {chain.calls(static_cast<std::size_t>(bytes), request.rotated_bytes),
          [this, chain](std::int64_t turn) { chain.launch(turn, queue, y); }};
}

KernelTiming time_beside_dense(DeviceDenseSide& dense, const std::vector<kernels::DeviceBuffer>& inputs,
                               const MeasuredDeviceProduct& product, const RunContext& context) {
  const auto dense_bytes = static_cast<double>(dense.weights.size());
  const std::vector<DeviceCall> calls = {dense.copy.call(dense.queue),
                                         dense.call({&dense.products, &inputs}, dense_bytes), product.call};
  const auto times = time_on_device(calls, dense.queue, dense.request.timing.rounds, context);
  KernelTiming timing;
  timing.sparsity = product.sparsity;
  timing.form = product.form;
  timing.dense = times[1];
  timing.time = times[2];
  timing.dense_bytes = dense_bytes;
  timing.bytes = product.bytes;
  timing.bandwidth = static_cast<double>(kDeviceCopyBytes) / times[0].median;
  return timing;
}

}  // namespace lacuna
