// The driver of the CUDA device, as people and caches name it.
//
// Built only with LACUNA_CUDA, like device.hpp.
//
// Threads  safe from any thread.
// Errors   none: what cannot be found out is left out.
#pragma once

#include <string>

namespace lacuna::kernels {

// "580.159.04, CUDA 13.0": of the kernel module, where the system tells it, and the newest CUDA that it speaks.
std::string device_driver();

}  // namespace lacuna::kernels
