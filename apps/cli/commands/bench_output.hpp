// Timings of kernels as a table, as JSON and as records.
#pragma once

#include <string>
#include <vector>

#include "cli.hpp"
#include "lacuna/bench/kernel_bench.hpp"
#include "lacuna/study/records.hpp"

namespace lacuna::cli {

struct BenchLabels {
  const char* kernel;   // "packed"
  const char* explain;  // for people
};

struct ShapeTimings {
  BenchShape shape;
  std::vector<KernelTiming> timings;
};

// Where everything was measured.
struct BenchPlace {
  std::string device;  // "AMD EPYC 9B45", "NVIDIA H100 80GB HBM3"
  std::string isa;     // "AVX3_ZEN4", "sm_90"
  int threads = 0;     // 0 on a GPU
};
BenchPlace processor_place();                     // of this process
std::string place_text(const BenchPlace& place);  // for people

struct BenchResults {
  BenchLabels labels;
  BenchPlace place;
  DType dtype = DType::bf16;
  std::vector<ShapeTimings> shapes;
  std::int64_t started_us = 0;
};

std::int64_t now_us();
std::string shape_name(BenchShape shape);  // "11008×4096"
void print_timings(const Session& session, const ShapeTimings& shape);
Json bench_json(const BenchResults& results);
// A row of the database's `benchmarks` without kernel, format, shape and times.
BenchmarkRecord bench_record(const BenchPlace& place, DType dtype, std::int64_t started_us);
// Of one shape of the run: one a timing, and one for its dense product.
std::vector<BenchmarkRecord> bench_records(const BenchResults& run, const ShapeTimings& shape);

}  // namespace lacuna::cli
