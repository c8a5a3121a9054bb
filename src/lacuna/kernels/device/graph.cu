#include "lacuna/kernels/device/check.cuh"
#include "lacuna/kernels/device/graph.hpp"

namespace lacuna::kernels {
namespace {

cudaStream_t handle(const DeviceQueue& queue) { return static_cast<cudaStream_t>(queue.stream()); }

struct Event {
  cudaEvent_t event = nullptr;

  Event() { check_cuda(cudaEventCreate(&event), "create an event"); }
  ~Event() { (void)cudaEventDestroy(event); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
};

}  // namespace

DeviceQueue::DeviceQueue() {
  cudaStream_t stream = nullptr;
  check_cuda(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "create a stream");
  stream_ = stream;
}

DeviceQueue::~DeviceQueue() { (void)cudaStreamDestroy(static_cast<cudaStream_t>(stream_)); }

void DeviceQueue::wait() const { check_cuda(cudaStreamSynchronize(handle(*this)), "run kernels"); }

void DeviceQueue::upload(void* device, const void* host, std::size_t bytes) const {
  check_cuda(cudaMemcpyAsync(device, host, bytes, cudaMemcpyHostToDevice, handle(*this)), "copy to the device");
}

void DeviceQueue::download(void* host, const void* device, std::size_t bytes) const {
  check_cuda(cudaMemcpyAsync(host, device, bytes, cudaMemcpyDeviceToHost, handle(*this)), "copy from the device");
}

void DeviceQueue::copy(void* to, const void* from, std::size_t bytes) const {
  check_cuda(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, handle(*this)), "copy on the device");
}

DeviceGraph DeviceGraph::record(const DeviceQueue& queue, const std::function<void()>& launches) {
  cudaGraph_t recorded = nullptr;
  check_cuda(cudaStreamBeginCapture(handle(queue), cudaStreamCaptureModeThreadLocal), "begin to record launches");
  try {
    launches();
  } catch (...) {
    (void)cudaStreamEndCapture(handle(queue), &recorded);
    if (recorded != nullptr) (void)cudaGraphDestroy(recorded);
    (void)cudaGetLastError();
    throw;
  }
  check_cuda(cudaStreamEndCapture(handle(queue), &recorded), "record launches");
  cudaGraphExec_t executable = nullptr;
  const cudaError_t status = cudaGraphInstantiate(&executable, recorded, 0);
  (void)cudaGraphDestroy(recorded);
  check_cuda(status, "prepare recorded launches");
  DeviceGraph graph;
  graph.graph_ = executable;
  return graph;
}

DeviceGraph::~DeviceGraph() {
  if (graph_ != nullptr) (void)cudaGraphExecDestroy(static_cast<cudaGraphExec_t>(graph_));
}

void DeviceGraph::launch(const DeviceQueue& queue) const {
  check_cuda(cudaGraphLaunch(static_cast<cudaGraphExec_t>(graph_), handle(queue)), "launch recorded kernels");
}

HostBuffer::HostBuffer(std::size_t bytes) {
  void* data = nullptr;
  if (bytes != 0) check_cuda(cudaMallocHost(&data, bytes), "allocate host memory for the device");
  data_ = static_cast<std::byte*>(data);
}

HostBuffer::~HostBuffer() {
  if (data_ != nullptr) (void)cudaFreeHost(data_);
}

double device_seconds(const DeviceQueue& queue, const std::function<void()>& launches) {
  const Event start;
  const Event end;
  check_cuda(cudaEventRecord(start.event, handle(queue)), "record an event");
  launches();
  check_cuda(cudaEventRecord(end.event, handle(queue)), "record an event");
  check_cuda(cudaEventSynchronize(end.event), "run kernels");
  float milliseconds = 0.0F;
  check_cuda(cudaEventElapsedTime(&milliseconds, start.event, end.event), "time kernels");
  return static_cast<double>(milliseconds) * 1e-3;
}

}  // namespace lacuna::kernels
