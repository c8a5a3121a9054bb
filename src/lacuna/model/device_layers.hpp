// A decoder's weights for a step whose layers are one launch (kernels/decode_layers).
//
// Built only with LACUNA_CUDA.
//
// Errors   Error{out_of_memory}, Error{io_failed}: the driver refused.
#pragma once

#include <cstdint>

#include "lacuna/kernels/decode_layers/cuda.hpp"
#include "lacuna/model/device_weights.hpp"

namespace lacuna {

// All products are columns, and the device can.
bool steps_in_one_launch(const DeviceWeights& weights);

// Where a step takes one launch, columns become stripes, one product at a time; what was chosen for the columns' own
// launches has no say then. Other weights stay as they are.
DeviceWeights with_stripes(DeviceWeights weights);

kernels::DecodeLayersShape layers_shape(const DeviceWeights& weights);

// Of weights that are stripes. The thresholds are those of now.
kernels::DecodeLayer layer_of_stripes(const DeviceWeights& weights, std::int64_t index,
                                      const kernels::DecodeAttention& attention);

}  // namespace lacuna
