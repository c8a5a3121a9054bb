// Forms and launch configurations of products on the CUDA device, measured for the tuner.
//
//   packed           dense, bundles: kernels/packed_gemv/row_bundles.hpp
//   packed 2:4       dense, two_four: kernels/packed_gemv/two_four.hpp
//   activation       dense, columns as the kernel chooses, columns in each configuration (device_options.hpp)
//   activation gate  the same for silu(gate)·up; rows of both
//
// Rows are those of all linears that share an input, as the device multiplies them (model/device_product.hpp).
//
// Checked  every form before it is timed, against sums in f64.
// Errors   those of device_bench.hpp. Built only with LACUNA_CUDA.
#pragma once

#include "lacuna/bench/tuned_forms.hpp"
#include "lacuna/bench/tuner.hpp"
#include "lacuna/model/device_weights.hpp"

namespace lacuna {

std::string cuda_tuning_device();  // "cuda: NVIDIA H100 80GB HBM3, driver 580.159.04, CUDA 13.0"
TuningDevice cuda_tuning();        // throws Error{io_failed} where there is no device

// Sets the launch configuration of every product of columns that the cache knows for its share of skipped inputs;
// returns how many. `sparsity_of` names linears by component.
int set_tuned_options(DeviceWeights& weights, const TunedForms& tuned, const SparsityOf& sparsity_of);

}  // namespace lacuna
