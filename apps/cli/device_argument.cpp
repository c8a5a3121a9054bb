#include "device_argument.hpp"

#include "lacuna/core/error.hpp"
#ifdef LACUNA_HAS_CUDA
#include <fmt/format.h>

#include "lacuna/model/device_decoder.hpp"
#endif

namespace lacuna::cli {

void add_device_option(CLI::App& command, std::string& device) {
  command.add_option("--device", device, "cpu or cuda")->check(CLI::IsMember({"cpu", "cuda"}))->capture_default_str();
}

#ifdef LACUNA_HAS_CUDA
std::unique_ptr<LogitSource> open_on_cuda(const Decoder& decoder, std::span<const InputThreshold> thresholds,
                                          const Session& session) {
  const auto info = kernels::device_info();
  if (!info) {
    throw Error(ErrorCode::invalid_argument, "--device cuda: there is no CUDA device that this process can use")
        .hint("nvidia-smi lists the devices and the driver; without --device the processor decodes");
  }
  if (info->major < 9) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("--device cuda: {} has compute capability {}.{}, Lacuna's kernels need 9.0 or newer",
                            info->name, info->major, info->minor));
  }
  DeviceLoadOptions options;
  options.columns = !thresholds.empty();
  auto source = std::make_unique<DeviceDecoder>(load_device_weights(decoder, options, session.context()));
  session.finish_progress();
  source->set_thresholds(thresholds);
  return source;
}

CudaState cuda_state() {
  const auto info = kernels::device_info();
  if (!info) return {true, {}};
  return {true, fmt::format("{}, compute capability {}.{}", info->name, info->major, info->minor)};
}
#else
CudaState cuda_state() { return {}; }

std::unique_ptr<LogitSource> open_on_cuda(const Decoder&, std::span<const InputThreshold>, const Session&) {
  throw Error(ErrorCode::invalid_argument, "--device cuda: this program was built without CUDA")
      .hint("build it with `cmake --preset cuda` where nvcc is found, or leave --device out");
}
#endif

}  // namespace lacuna::cli
