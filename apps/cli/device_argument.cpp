#include "device_argument.hpp"

#include "lacuna/core/error.hpp"
#ifdef LACUNA_HAS_CUDA
#include <fmt/format.h>

#include "lacuna/bench/device_tuner.hpp"
#endif

namespace lacuna::cli {

void add_device_option(CLI::App& command, std::string& device) {
  command.add_option("--device", device, "cpu or cuda")->check(CLI::IsMember({"cpu", "cuda"}))->capture_default_str();
}

#ifdef LACUNA_HAS_CUDA
CudaDevice require_cuda() {
  const auto info = kernels::device_info();
  if (!info) {
    throw Error(ErrorCode::invalid_argument, "--device cuda: there is no CUDA device that this process can use")
        .hint("nvidia-smi lists the devices and the driver; without --device the processor does the work");
  }
  if (info->major < 9) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("--device cuda: {} has compute capability {}.{}, Lacuna's kernels need 9.0 or newer",
                            info->name, info->major, info->minor));
  }
  return {info->name, fmt::format("sm_{}{}", info->major, info->minor)};
}

TunedDevice tuned_device(const std::string& device) {
  if (device == "cpu") return {cpu_tuning(), model_matrices};
  require_cuda();
  return {cuda_tuning(), device_model_matrices};
}

CudaState cuda_state() {
  const auto info = kernels::device_info();
  if (!info) return {true, {}};
  return {true, fmt::format("{}, compute capability {}.{}", info->name, info->major, info->minor)};
}
#else
CudaState cuda_state() { return {}; }

TunedDevice tuned_device(const std::string& device) {
  if (device != "cpu") require_cuda();
  return {cpu_tuning(), model_matrices};
}

CudaDevice require_cuda() {
  throw Error(ErrorCode::invalid_argument, "--device cuda: this program was built without CUDA")
      .hint("build it with `cmake --preset cuda` where nvcc is found, or leave --device out");
}
#endif

}  // namespace lacuna::cli
