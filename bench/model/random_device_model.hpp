// Decoders with random f16 weights on a CUDA device, for timing.
#pragma once

#include <string>

#include "lacuna/model/device_decoder.hpp"

namespace lacuna::bench {

enum class WeightForm { dense, columns, bundles, two_four };

DecoderConfig shape_config(const std::string& name);  // 7b, 8b, 1b or tiny

// Every layer has the same weights, in memory of its own. `density`: of bundles.
DeviceWeights random_device_weights(const DecoderConfig& config, WeightForm form, double density);

// Thresholds that leave out `sparsity` of every product's input at one token; returns the share of weights read at the
// next.
double calibrate_thresholds(DeviceDecoder& decoder, double sparsity);

double copy_speed();  // bytes per second of a copy inside the device's memory, read and written ones

}  // namespace lacuna::bench
