// What the CUDA kernels need from the driver: is there a device, memory on it, a stream.
//
// Built only with LACUNA_CUDA (cmake finds nvcc); a build without it has none of these symbols. No CUDA header is
// included here: a stream is its handle, cudaStream_t, as an opaque pointer; nullptr is the default stream.
//
// Threads  safe on distinct buffers; all calls use the calling thread's current device.
// Errors   Error{io_failed}: the driver refused; the message holds its words. Error{out_of_memory}: no memory
//          there.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>

namespace lacuna::kernels {

using DeviceStream = void*;

struct DeviceInfo {
  std::string name;
  int major = 0;  // compute capability
  int minor = 0;
  int multiprocessors = 0;
  std::size_t shared_bytes = 0;  // the most one block may use
  std::size_t memory_bytes = 0;
};
std::optional<DeviceInfo> device_info();  // absent: no driver, or no device that it can use
int device_multiprocessors();             // of the device at the first call, asked for once; 1 where there is none

// Bytes of device memory, aligned to 256, uninitialised. Move-only.
class DeviceBuffer {
 public:
  DeviceBuffer() = default;
  explicit DeviceBuffer(std::size_t bytes);
  DeviceBuffer(const void* host, std::size_t bytes);
  ~DeviceBuffer();
  DeviceBuffer(DeviceBuffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  DeviceBuffer& operator=(DeviceBuffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }

  std::byte* data() { return data_; }
  const std::byte* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }
  void upload(const void* host, std::size_t bytes, std::size_t offset = 0);  // both wait until the copy is done
  void download(void* host, std::size_t bytes, std::size_t offset = 0) const;
  void fill(int byte);

 private:
  std::byte* data_ = nullptr;
  std::size_t bytes_ = 0;
};

void synchronize_device();  // waits for everything launched, and reports what failed

}  // namespace lacuna::kernels
