// Launches on a stream, recorded once and replayed as one; memory that both sides reach; time between two points.
//
//   DeviceQueue queue;
//   const DeviceGraph graph = DeviceGraph::record(queue, [&] { product.multiply(…, queue.stream()); … });
//   graph.launch(queue);
//   queue.wait();
//
// Built only with LACUNA_CUDA, like device.hpp.
//
// Threads  one thread at a time per queue. A graph may be launched again before it has ended: launches follow each
//          other.
// Errors   Error{io_failed}: the driver refused; Error{out_of_memory}. What `record` throws leaves no recording behind.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <utility>

#include "lacuna/kernels/device/device.hpp"

namespace lacuna::kernels {

class DeviceQueue {
 public:
  DeviceQueue();
  ~DeviceQueue();
  DeviceQueue(const DeviceQueue&) = delete;
  DeviceQueue& operator=(const DeviceQueue&) = delete;

  DeviceStream stream() const { return stream_; }
  void wait() const;                                                     // until everything launched has ended
  void upload(void* device, const void* host, std::size_t bytes) const;  // asynchronous for memory of HostBuffer
  void download(void* host, const void* device, std::size_t bytes) const;
  void copy(void* to, const void* from, std::size_t bytes) const;  // both on the device

 private:
  DeviceStream stream_ = nullptr;
};

class DeviceGraph {
 public:
  DeviceGraph() = default;
  static DeviceGraph record(const DeviceQueue& queue, const std::function<void()>& launches);
  ~DeviceGraph();
  DeviceGraph(DeviceGraph&& other) noexcept : graph_(std::exchange(other.graph_, nullptr)) {}
  DeviceGraph& operator=(DeviceGraph&& other) noexcept {
    std::swap(graph_, other.graph_);
    return *this;
  }

  bool empty() const { return graph_ == nullptr; }
  void launch(const DeviceQueue& queue) const;

 private:
  void* graph_ = nullptr;  // cudaGraphExec_t
};

// Host memory that the device copies from and to by itself. Move-only.
class HostBuffer {
 public:
  HostBuffer() = default;
  explicit HostBuffer(std::size_t bytes);
  ~HostBuffer();
  HostBuffer(HostBuffer&& other) noexcept : data_(std::exchange(other.data_, nullptr)) {}
  HostBuffer& operator=(HostBuffer&& other) noexcept {
    std::swap(data_, other.data_);
    return *this;
  }

  std::byte* data() { return data_; }
  const std::byte* data() const { return data_; }

 private:
  std::byte* data_ = nullptr;
};

// Seconds on the device that launches take, from the first's start to the last's end.
double device_seconds(const DeviceQueue& queue, const std::function<void()>& launches);

}  // namespace lacuna::kernels
