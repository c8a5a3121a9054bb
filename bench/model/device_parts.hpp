// The launches of a decoding step on a CUDA device, each kind alone.
#pragma once

#include "lacuna/model/device_weights.hpp"

namespace lacuna::bench {

// Prints microseconds a launch of each product and of attention, inputs and outputs as in a step, in a recorded chain
// of one launch a layer. Of columns half are read, and the fastest ways to launch them are listed too.
void print_parts(DeviceWeights& weights);

}  // namespace lacuna::bench
