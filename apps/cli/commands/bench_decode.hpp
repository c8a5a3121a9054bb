// `lacuna bench decode`: tokens a second of a random model, dense, packed and with thresholds.
#pragma once

#include <string>

#include "bench_output.hpp"
#include "bench_store.hpp"
#include "cli.hpp"
#include "lacuna/bench/decode_bench.hpp"

namespace lacuna::cli {

inline constexpr const char* kDefaultModelShape = "22x2048x5632x32x4x32000";

// LAYERSxHIDDENxINTERMEDIATExHEADSxKV_HEADSxVOCABULARY. Throws Error{invalid_argument}.
ModelShape parse_model_shape(const std::string& text);

struct DecodeBenchCommand {
  DecodeBench request;
  std::string model_shape = kDefaultModelShape;
  BenchPlace place;
  std::vector<DecodeTiming> (*measure)(const DecodeBench&, const RunContext&) = bench_decode;
};
void run_decode_bench(const Session& session, const DecodeBenchCommand& command, BenchStore& store);

}  // namespace lacuna::cli
