#include "lacuna/bench/device_products.hpp"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "lacuna/core/error.hpp"
#include "lacuna/core/random.hpp"
#include "lacuna/core/threads.hpp"
#include "lacuna/kernels/convert/convert.hpp"

namespace lacuna {
namespace {

using kernels::DeviceBuffer;
using kernels::DeviceDense;

constexpr std::int64_t kLeastCalls = 64;  // in a graph, whose own start then is below half a per cent
constexpr std::int64_t kMostCalls = 2048;

MatrixView<const std::uint16_t> rows_of(const DeviceMatrix& matrix, std::span<const std::byte> weights) {
  return {reinterpret_cast<const std::uint16_t*>(weights.data()), matrix.shape.rows, matrix.shape.cols};
}

DeviceDense make_dense(const DeviceMatrix& matrix, MatrixView<const std::uint16_t> rows, bool interleaved) {
  DeviceDense dense(matrix.dtype, rows.rows, rows.cols, interleaved ? 2 : 1);
  if (!interleaved) {
    dense.upload(0, rows);
    return dense;
  }
  const std::int64_t half = rows.rows / 2;
  for (std::int64_t part = 0; part < 2; ++part) dense.upload(part, rows.block(part * half, half, 0, rows.cols), 2);
  return dense;
}

template <typename Make>
std::vector<DeviceProduct> repeat(std::int64_t count, const Make& make) {
  std::vector<DeviceProduct> products;
  products.reserve(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) products.emplace_back(make());
  return products;
}

kernels::RowBundles make_bundles(const DeviceMatrix& matrix, MatrixView<const std::uint16_t> rows) {
  const auto info = kernels::device_info();
  if (!info) throw Error(ErrorCode::io_failed, "packed weights on CUDA: there is no device");
  return kernels::make_row_bundles(rows, matrix.dtype, info->multiprocessors, matrix.gate);
}

}  // namespace

std::vector<std::int64_t> DeviceMatrix::part_rows() const {
  return parts.empty() ? std::vector<std::int64_t>{shape.rows} : parts;
}

DeviceDense make_device_dense(const DeviceMatrix& matrix, std::span<const std::byte> weights) {
  return make_dense(matrix, rows_of(matrix, weights), matrix.gate);
}

std::vector<DeviceProduct> make_device_products(DeviceForm form, const DeviceMatrix& matrix,
                                                std::span<const std::byte> weights, std::int64_t count) {
  const auto rows = rows_of(matrix, weights);
  if (form == DeviceForm::dense) return repeat(count, [&] { return make_dense(matrix, rows, matrix.gate); });
  if (form == DeviceForm::columns) {
    return repeat(count, [&] { return make_device_columns(make_dense(matrix, rows, false), matrix.part_rows()); });
  }
  if (form == DeviceForm::two_four) {
    const auto packed = kernels::make_two_four(rows, matrix.dtype);
    return repeat(count, [&] { return kernels::DeviceTwoFour(packed); });
  }
  const auto packed = make_bundles(matrix, rows);
  return repeat(count, [&] { return kernels::DeviceRowBundles(packed); });
}

void leave_two_of_four(AlignedBuffer<std::byte>& weights, BenchShape shape, std::uint64_t seed) {
  auto* values = reinterpret_cast<std::uint16_t*>(weights.data());
  parallel_for(shape.rows, 64, [&](std::int64_t begin, std::int64_t end) {
    for (auto r = begin; r < end; ++r) {
      Random random(seed * 0x9e3779b97f4a7c15U + static_cast<std::uint64_t>(r));
      for (std::int64_t c = 0; c < shape.cols; c += 4) {
        const std::int64_t first = static_cast<std::int64_t>(random.below(4));
        const std::int64_t second = (first + 1 + static_cast<std::int64_t>(random.below(3))) % 4;
        for (const std::int64_t at : {c + first, c + second}) {
          if (at < shape.cols) values[r * shape.cols + at] = 0;
        }
      }
    }
  });
}

std::vector<DeviceProduct> rotated_products(DeviceForm form, const DeviceMatrix& matrix,
                                            std::span<const std::byte> weights, std::size_t rotated_bytes) {
  auto products = make_device_products(form, matrix, weights, 1);
  const std::int64_t count = copies_to_rotate(products.front().bytes(), rotated_bytes);
  for (auto& more : make_device_products(form, matrix, weights, count - 1)) products.push_back(std::move(more));
  return products;
}

std::vector<float> rounded_to(DType dtype, std::span<const float> x) {
  std::vector<std::uint16_t> narrow(x.size());
  kernels::from_f32(x.data(), std::ssize(x), dtype, reinterpret_cast<std::byte*>(narrow.data()));
  std::vector<float> wide(x.size());
  const TensorView view = make_tensor_view(dtype, {std::ssize(x)}, reinterpret_cast<const std::byte*>(narrow.data()));
  kernels::to_f32(view, wide.data());
  return wide;
}

DeviceBuffer upload_input(DType dtype, std::span<const float> x) {
  std::vector<std::uint16_t> narrow(x.size());
  kernels::from_f32(x.data(), std::ssize(x), dtype, reinterpret_cast<std::byte*>(narrow.data()));
  return {narrow.data(), narrow.size() * 2};
}

std::int64_t device_calls(std::int64_t copies) { return std::clamp(copies, kLeastCalls, kMostCalls); }

std::int64_t DeviceChain::calls(std::size_t bytes_of_one, std::size_t rotated_bytes) const {
  const auto all = std::ssize(*products) * std::ssize(*inputs);
  const auto wanted = static_cast<std::int64_t>(rotated_bytes / std::max<std::size_t>(bytes_of_one, 1)) + 1;
  return device_calls(std::min(wanted, all));
}

void DeviceChain::launch(std::int64_t turn, const kernels::DeviceQueue& queue, DeviceBuffer& y) const {
  const auto copies = std::ssize(*products);
  const DeviceProduct& product = (*products)[static_cast<std::size_t>(turn % copies)];
  const DeviceBuffer& x = (*inputs)[static_cast<std::size_t>(turn / copies) % inputs->size()];
  const auto overlap = product.fits_two() ? kernels::Overlap::two : kernels::Overlap::one;
  const DeviceLaunch how = {queue.stream(), overlap};
  if (gate) return product.run_gate({x.data()}, nullptr, y.data(), how);
  product.run({x.data()}, {y.data(), kernels::OutputKind::store_f32}, how);
}

std::vector<std::byte> run_once(const DeviceChain& chain, const DeviceMatrix& matrix) {
  const auto rows = static_cast<std::size_t>(matrix.shape.rows);
  DeviceBuffer y(chain.gate ? rows / 2 * 2 : rows * 4);
  y.fill(0xff);  // NaN: what is not written shows
  const kernels::DeviceQueue queue;
  kernels::synchronize_device();
  chain.launch(0, queue, y);
  queue.wait();
  std::vector<std::byte> found(y.bytes());
  y.download(found.data(), found.size());
  return found;
}

std::vector<CallTime> time_on_device(std::span<const DeviceCall> calls, const kernels::DeviceQueue& queue, int rounds,
                                     const RunContext& context) {
  std::vector<std::function<void()>> replays;
  std::vector<kernels::DeviceGraph> graphs(calls.size());
  for (std::size_t i = 0; i < calls.size(); ++i) {
    const auto all = [&call = calls[i]] {
      for (std::int64_t turn = 0; turn < call.calls; ++turn) call.launch(turn);
    };
    calls[i].launch(0);  // the driver loads kernels when they are launched first
    queue.wait();
    if (calls[i].recorded) graphs[i] = kernels::DeviceGraph::record(queue, all);
    replays.emplace_back(calls[i].recorded ? std::function<void()>([&, i] { graphs[i].launch(queue); }) : all);
    replays.back()();
    queue.wait();
  }
  std::vector<std::vector<double>> seconds(calls.size());
  for (int round = 0; round < rounds; ++round) {
    context.check_stop();
    for (std::size_t i = 0; i < calls.size(); ++i) {
      seconds[i].push_back(kernels::device_seconds(queue, replays[i]) / static_cast<double>(calls[i].calls));
    }
  }
  std::vector<CallTime> times;
  times.reserve(seconds.size());
  for (const auto& of_call : seconds) times.push_back(call_time(of_call));
  return times;
}

DeviceCopy::DeviceCopy() : from_(kDeviceCopyBytes / 2), to_(kDeviceCopyBytes / 2) { from_.fill(0x35); }

DeviceCall DeviceCopy::call(const kernels::DeviceQueue& queue) {
  return {1, [this, &queue](std::int64_t) { queue.copy(to_.data(), from_.data(), kDeviceCopyBytes / 2); }, false};
}

double device_copy_bandwidth(int rounds, const RunContext& context) {
  const kernels::DeviceQueue queue;
  DeviceCopy copy;
  const DeviceCall call = copy.call(queue);
  return static_cast<double>(kDeviceCopyBytes) / time_on_device({&call, 1}, queue, rounds, context)[0].median;
}

}  // namespace lacuna
