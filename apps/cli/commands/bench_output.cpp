#include "bench_output.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "lacuna/core/cpu.hpp"
#include "lacuna/core/threads.hpp"
#include "lacuna/core/version.hpp"
#include "lacuna/kernels/dispatch/dispatch.hpp"

namespace lacuna::cli {
namespace {

std::string break_even_text(const std::vector<KernelTiming>& timings) {
  const auto from = break_even(timings);
  if (!from) {
    const bool somewhere =
        std::any_of(timings.begin(), timings.end(), [](const KernelTiming& t) { return t.speedup() >= 1.0; });
    return somewhere ? "faster than dense at some of these sparsities, but not at the highest"
                     : "never faster than dense within these sparsities";
  }
  if (*from <= timings.front().sparsity) return fmt::format("faster than dense from {:.3g} % on", 100.0 * *from);
  return fmt::format("break-even at {:.3g} %", 100.0 * *from);
}

std::string microseconds(double seconds) {
  return seconds < 1e-4 ? fmt::format("{:.1f}", 1e6 * seconds) : fmt::format("{:.0f}", 1e6 * seconds);
}

Json timing_json(const KernelTiming& t) {
  return {{"sparsity", t.sparsity},
          {"format", t.form},
          {"median_us", 1e6 * t.time.median},
          {"fastest_us", 1e6 * t.time.fastest},
          {"slowest_us", 1e6 * t.time.slowest},
          {"bytes", t.bytes},
          {"gb_per_s", 1e-9 * t.bytes_per_second()},
          {"share_of_ideal", t.share_of_ideal()},
          {"speedup", t.speedup()},
          {"ideal_speedup", t.ideal_speedup()},
          {"dense_us", 1e6 * t.dense.median},
          {"dense_share_of_ideal", t.dense_share_of_ideal()},
          {"read_gb_per_s", 1e-9 * t.bandwidth}};
}

}  // namespace

BenchPlace processor_place() { return {cpu_model(), std::string(kernels::dispatched_target()), thread_count()}; }

std::string place_text(const BenchPlace& place) {
  return place.threads == 0 ? fmt::format("{}, {}", place.device, place.isa)
                            : fmt::format("{}, {}, {} threads", place.device, place.isa, place.threads);
}

std::int64_t now_us() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

std::string shape_name(BenchShape shape) { return fmt::format("{}×{}", shape.rows, shape.cols); }

void print_timings(const Session& session, const ShapeTimings& shape) {
  std::vector<std::vector<std::string>> rows = {
      {"sparsity", "format", "µs", "GB/s", "of ideal", "speed-up", "ideal", "dense µs", "of ideal", "read GB/s"}};
  for (const auto& t : shape.timings) {
    rows.push_back({fmt::format("{:g} %", 100.0 * t.sparsity), t.form, microseconds(t.time.median),
                    fmt::format("{:.1f}", 1e-9 * t.bytes_per_second()), fmt::format("{:.2f}", t.share_of_ideal()),
                    fmt::format("{:.2f}", t.speedup()), fmt::format("{:.2f}", t.ideal_speedup()),
                    microseconds(t.dense.median), fmt::format("{:.2f}", t.dense_share_of_ideal()),
                    fmt::format("{:.1f}", 1e-9 * t.bandwidth)});
  }
  session.print(fmt::format("{}: {}", shape_name(shape.shape), break_even_text(shape.timings)));
  session.print(text_table(rows));
}

Json bench_json(const BenchResults& results) {
  Json shapes = Json::array();
  for (const auto& shape : results.shapes) {
    Json timings = Json::array();
    for (const auto& timing : shape.timings) timings.push_back(timing_json(timing));
    const auto from = break_even(shape.timings);
    shapes.push_back({{"rows", shape.shape.rows},
                      {"cols", shape.shape.cols},
                      {"break_even", from ? Json(*from) : Json(nullptr)},
                      {"timings", timings}});
  }
  return {{"device", results.place.device},
          {"threads", results.place.threads},
          {"isa", results.place.isa},
          {"kernel", results.labels.kernel},
          {"dtype", std::string(dtype_name(results.dtype))},
          {"shapes", shapes}};
}

BenchmarkRecord bench_record(const BenchPlace& place, DType dtype, std::int64_t started_us) {
  BenchmarkRecord record;
  record.device = place.device;
  record.dtype = dtype_name(dtype);
  record.checked = true;
  record.threads = place.threads;
  record.isa = place.isa;
  record.lacuna_version = version();
  record.lacuna_commit = commit();
  record.started_us = started_us;
  return record;
}

std::vector<BenchmarkRecord> bench_records(const BenchResults& run, const ShapeTimings& shape) {
  BenchmarkRecord common = bench_record(run.place, run.dtype, run.started_us);
  common.rows = shape.shape.rows;
  common.cols = shape.shape.cols;
  std::vector<BenchmarkRecord> records;
  std::vector<double> dense;
  for (const auto& t : shape.timings) {
    dense.push_back(t.dense.median);
    BenchmarkRecord record = common;
    record.kernel = run.labels.kernel;
    record.format = t.form;
    record.sparsity = t.sparsity;
    record.median_us = 1e6 * t.time.median;
    record.gb_per_s = 1e-9 * t.bytes_per_second();
    record.share_of_ideal = t.share_of_ideal();
    record.dense_us = 1e6 * t.dense.median;
    record.speedup = t.speedup();
    records.push_back(record);
  }
  if (dense.empty()) return records;
  const KernelTiming& first = shape.timings.front();
  const double seconds = median(dense);
  BenchmarkRecord record = common;
  record.kernel = "gemv";
  record.format = "dense";
  record.median_us = 1e6 * seconds;
  record.gb_per_s = 1e-9 * first.dense_bytes / seconds;
  record.share_of_ideal = first.dense_share_of_ideal();
  records.push_back(record);
  return records;
}

}  // namespace lacuna::cli
