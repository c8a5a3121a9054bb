#include "lacuna/kernels/device/check.cuh"
#include "lacuna/kernels/device/device.hpp"

namespace lacuna::kernels {

std::optional<DeviceInfo> device_info() {
  int count = 0;
  int device = 0;
  cudaDeviceProp properties{};
  if (cudaGetDeviceCount(&count) != cudaSuccess || count == 0 || cudaGetDevice(&device) != cudaSuccess ||
      cudaGetDeviceProperties(&properties, device) != cudaSuccess) {
    (void)cudaGetLastError();
    return std::nullopt;
  }
  return DeviceInfo{properties.name,
                    properties.major,
                    properties.minor,
                    properties.multiProcessorCount,
                    properties.sharedMemPerBlockOptin,
                    properties.totalGlobalMem};
}

int device_multiprocessors() {
  static const int count = [] {
    const auto info = device_info();
    return info ? info->multiprocessors : 1;
  }();
  return count;
}

DeviceBuffer::DeviceBuffer(std::size_t bytes) : bytes_(bytes) {
  void* data = nullptr;
  if (bytes != 0) check_cuda(cudaMalloc(&data, bytes), "allocate device memory");
  data_ = static_cast<std::byte*>(data);
}

DeviceBuffer::DeviceBuffer(const void* host, std::size_t bytes) : DeviceBuffer(bytes) { upload(host, bytes); }

DeviceBuffer::~DeviceBuffer() {
  if (data_ != nullptr) (void)cudaFree(data_);
}

void DeviceBuffer::upload(const void* host, std::size_t bytes, std::size_t offset) {
  LACUNA_ASSERT(offset + bytes <= bytes_);
  if (bytes != 0) check_cuda(cudaMemcpy(data_ + offset, host, bytes, cudaMemcpyHostToDevice), "copy to the device");
}

void DeviceBuffer::download(void* host, std::size_t bytes, std::size_t offset) const {
  LACUNA_ASSERT(offset + bytes <= bytes_);
  if (bytes != 0) check_cuda(cudaMemcpy(host, data_ + offset, bytes, cudaMemcpyDeviceToHost), "copy from the device");
}

void DeviceBuffer::fill(int byte) {
  if (bytes_ != 0) check_cuda(cudaMemset(data_, byte, bytes_), "fill device memory");
}

void synchronize_device() { check_cuda(cudaDeviceSynchronize(), "run kernels"); }

}  // namespace lacuna::kernels
