// --device of commands that decode: the processor, or a CUDA device.
#pragma once

#include <string>

#include "cli.hpp"
#include "lacuna/bench/model_matrices.hpp"

namespace lacuna::cli {

void add_device_option(CLI::App& command, std::string& device);

// The CUDA device that this process would use, as the database and the tuner's cache name it.
struct CudaDevice {
  std::string name;  // "NVIDIA H100 80GB HBM3"
  std::string isa;   // "sm_90"
};
CudaDevice require_cuda();  // throws invalid_argument in a build without CUDA, and where no device can be used

// What the tuner measures on: the processor, or the CUDA device.
struct TunedDevice {
  TuningDevice tuning;
  std::vector<AdviceMatrix> (*matrices)(const Decoder&, const RunContext&);  // of a model, as they are multiplied there
};
TunedDevice tuned_device(const std::string& device);  // as require_cuda

// For `lacuna info`: whether the program has CUDA, and the device it would use; empty: none.
struct CudaState {
  bool built_in = false;
  std::string device;
};
CudaState cuda_state();

}  // namespace lacuna::cli
