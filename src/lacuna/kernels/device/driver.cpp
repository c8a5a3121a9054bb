#include "lacuna/kernels/device/driver.hpp"

#include <cuda_runtime_api.h>
#include <fmt/format.h>

#include <fstream>

namespace lacuna::kernels {
namespace {

// "NVRM version: NVIDIA UNIX … Kernel Module  580.159.04  Release Build": the first word that starts with a digit.
std::string module_version() {
  std::ifstream file("/proc/driver/nvidia/version");
  std::string label;
  std::string word;
  file >> label;
  while (label == "NVRM" && file >> word) {
    if (word.front() >= '0' && word.front() <= '9') return word;
  }
  return {};
}

}  // namespace

std::string device_driver() {
  std::string text = module_version();
  int version = 0;
  if (cudaDriverGetVersion(&version) != cudaSuccess || version == 0) return text;
  if (!text.empty()) text += ", ";
  return text + fmt::format("CUDA {}.{}", version / 1000, version % 1000 / 10);
}

}  // namespace lacuna::kernels
