// One product on a CUDA device timed in turns with the dense one and with a copy: what every kernel benchmark there
// shares.
//
// Internal to bench; built only with LACUNA_CUDA. Errors: those of time_on_device.
#pragma once

#include <string>

#include "lacuna/bench/device_products.hpp"
#include "lacuna/bench/kernel_bench.hpp"

namespace lacuna {

// The dense weights of a benchmark, on both sides, and what all its products share.
struct DeviceDenseSide {
  const KernelBench& request;
  DeviceMatrix matrix;
  AlignedBuffer<std::byte> weights;
  std::vector<DeviceProduct> products;
  DeviceCopy copy;
  kernels::DeviceQueue queue;
  kernels::DeviceBuffer y;  // an f32 a row

  explicit DeviceDenseSide(const KernelBench& asked);

  // A chain as one call after the other, which reads `bytes`.
  DeviceCall call(const DeviceChain& chain, double bytes);
};

struct MeasuredDeviceProduct {
  double sparsity = 0.0;
  std::string form;    // as in KernelTiming
  double bytes = 0.0;  // that it must read
  DeviceCall call;
};

// inputs: of the dense product.
KernelTiming time_beside_dense(DeviceDenseSide& dense, const std::vector<kernels::DeviceBuffer>& inputs,
                               const MeasuredDeviceProduct& product, const RunContext& context);

}  // namespace lacuna
