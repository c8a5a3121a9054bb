// Products on a CUDA device for measurement: random weights in any of the device's forms, as many copies as leave the
// L2 cache, and chains of launches over them, timed inside graphs.
//
// Internal to bench; built only with LACUNA_CUDA.
//
// Launches  as a decoder makes them: each may start while the one before it ends (kernels/device/ends.hpp, Overlap).
// Errors    out_of_memory, of the device too; io_failed: the driver refused; those of the kernels' constructors.
// Threads   making is parallel inside; one call at a time per queue.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "lacuna/bench/timing.hpp"
#include "lacuna/bench/weight_copies.hpp"
#include "lacuna/kernels/device/graph.hpp"
#include "lacuna/model/device_product.hpp"

namespace lacuna {

enum class DeviceForm : std::uint8_t { dense, columns, bundles, two_four };

// `parts`: rows of the linears that share the input, for columns. Where gate, two of them, gate and up, whose rows lie
// interleaved in every other form.
struct DeviceMatrix {
  DType dtype = DType::f16;
  BenchShape shape;
  std::vector<std::int64_t> parts;  // empty: one
  bool gate = false;

  std::vector<std::int64_t> part_rows() const;
};

kernels::DeviceDense make_device_dense(const DeviceMatrix& matrix, std::span<const std::byte> weights);
// `count` products of the same weights, row-major as they are in `shape`, at addresses of their own.
std::vector<DeviceProduct> make_device_products(DeviceForm form, const DeviceMatrix& matrix,
                                                std::span<const std::byte> weights, std::int64_t count);
// Two random ones of every four consecutive 16-bit elements of a row become 0.
void leave_two_of_four(AlignedBuffer<std::byte>& weights, BenchShape shape, std::uint64_t seed);
// As many as rotate through `rotated_bytes`.
std::vector<DeviceProduct> rotated_products(DeviceForm form, const DeviceMatrix& matrix,
                                            std::span<const std::byte> weights, std::size_t rotated_bytes);

// Elements of the type, on the device.
kernels::DeviceBuffer upload_input(DType dtype, std::span<const float> x);
std::vector<float> rounded_to(DType dtype, std::span<const float> x);  // what the device then reads

// Launches in one graph that go through so many copies: all of them, but enough that the graph's own start does not
// show, and not too many.
std::int64_t device_calls(std::int64_t copies);

// Products one after the other, over all copies and inputs. Sums go to f32; of a gate, silu(gate)·up in the type.
struct DeviceChain {
  const std::vector<DeviceProduct>* products = nullptr;
  const std::vector<kernels::DeviceBuffer>* inputs = nullptr;
  bool gate = false;

  std::int64_t calls(std::size_t bytes_of_one, std::size_t rotated_bytes) const;
  void launch(std::int64_t turn, const kernels::DeviceQueue& queue, kernels::DeviceBuffer& y) const;
};

// The first product with the first input; an f32 a row, or for a gate half as many of the type.
std::vector<std::byte> run_once(const DeviceChain& chain, const DeviceMatrix& matrix);

struct DeviceCall {
  std::int64_t calls = 1;  // in one graph
  std::function<void(std::int64_t turn)> launch;
  bool recorded = true;  // false: launched as it is, as copies must be, which a graph leaves to slower copy engines
};
// Seconds of one call: every round replays each graph once, in turns; each was replayed once before.
std::vector<CallTime> time_on_device(std::span<const DeviceCall> calls, const kernels::DeviceQueue& queue, int rounds,
                                     const RunContext& context);

// A copy inside the device's memory, what it can move at best; a call moves kDeviceCopyBytes, read and written ones
// counted.
inline constexpr std::size_t kDeviceCopyBytes = std::size_t{1} << 32;
class DeviceCopy {
 public:
  DeviceCopy();
  DeviceCall call(const kernels::DeviceQueue& queue);

 private:
  kernels::DeviceBuffer from_;
  kernels::DeviceBuffer to_;
};
double device_copy_bandwidth(int rounds, const RunContext& context);  // bytes a second

}  // namespace lacuna
