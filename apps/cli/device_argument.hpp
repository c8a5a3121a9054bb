// --device of commands that decode: the processor, or a CUDA device.
#pragma once

#include <memory>
#include <span>

#include "cli.hpp"
#include "lacuna/model/logit_source.hpp"
#include "lacuna/model/whole_forward.hpp"

namespace lacuna::cli {

void add_device_option(CLI::App& command, std::string& device);

// The decoder's weights on the CUDA device. Thresholds: of input entries that count as 0; none: everything is read.
// Errors: invalid_argument, in a build without CUDA, and where there is no device; those of model/device_decoder.hpp.
std::unique_ptr<LogitSource> open_on_cuda(const Decoder& decoder, std::span<const InputThreshold> thresholds,
                                          const Session& session);

// For `lacuna info`: whether the program has CUDA, and the device it would use; empty: none.
struct CudaState {
  bool built_in = false;
  std::string device;
};
CudaState cuda_state();

}  // namespace lacuna::cli
