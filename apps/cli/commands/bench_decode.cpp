#include "bench_decode.hpp"

#include <fmt/format.h>

#include "bench_output.hpp"
#include "lacuna/core/error.hpp"

namespace lacuna::cli {
namespace {

const char* format_name(DecodeFormat format) {
  switch (format) {
    case DecodeFormat::packed: return "packed";
    case DecodeFormat::two_four: return "2:4";
    case DecodeFormat::both: return "both";
    case DecodeFormat::activation: return "activation";
  }
  return "unknown";
}

Json timing_json(const DecodeTiming& timing) {
  const KernelTiming& t = timing.timing;
  return {{"format", format_name(timing.format)},
          {"sparsity", t.sparsity},
          {"tokens_per_second", 1.0 / t.time.median},
          {"dense_tokens_per_second", 1.0 / t.dense.median},
          {"speedup", t.speedup()},
          {"ideal_speedup", t.ideal_speedup()},
          {"bytes_per_token", t.bytes},
          {"share_of_ideal", t.share_of_ideal()},
          {"dense_share_of_ideal", t.dense_share_of_ideal()},
          {"head_us", timing.head_seconds > 0.0 ? Json(1e6 * timing.head_seconds) : Json(nullptr)},
          {"read_gb_per_s", 1e-9 * t.bandwidth}};
}

void print(const Session& session, const std::vector<DecodeTiming>& timings) {
  std::vector<std::vector<std::string>> rows = {
      {"format", "sparsity", "tokens/s", "of ideal", "speed-up", "ideal", "dense tokens/s", "of ideal", "head ms"}};
  for (const auto& timing : timings) {
    const KernelTiming& t = timing.timing;
    rows.push_back({format_name(timing.format), fmt::format("{:g} %", 100.0 * t.sparsity),
                    fmt::format("{:.2f}", 1.0 / t.time.median), fmt::format("{:.2f}", t.share_of_ideal()),
                    fmt::format("{:.2f}", t.speedup()), fmt::format("{:.2f}", t.ideal_speedup()),
                    fmt::format("{:.2f}", 1.0 / t.dense.median), fmt::format("{:.2f}", t.dense_share_of_ideal()),
                    timing.head_seconds > 0.0 ? fmt::format("{:.2f}", 1e3 * timing.head_seconds) : "–"});
  }
  session.print(text_table(rows));
}

// A model is no matrix: rows and cols are 0. The kernel is "decode", the format what was decoded.
BenchmarkRecord record_of(const DecodeTiming& timing, const DecodeBenchCommand& command, std::int64_t started_us) {
  const BenchResults run = {{"decode", ""}, command.place, command.request.dtype, {}, started_us};
  BenchmarkRecord record = bench_records(run, {{0, 0}, {timing.timing}}).front();
  record.format = format_name(timing.format);
  return record;
}

}  // namespace

ModelShape parse_model_shape(const std::string& text) {
  ModelShape s;
  char end = 0;
  if (std::sscanf(text.c_str(), "%ldx%ldx%ldx%ldx%ldx%ld%c", &s.layers, &s.hidden, &s.intermediate, &s.heads,
                  &s.kv_heads, &s.vocab, &end) == 6) {
    return s;
  }
  throw Error(
      ErrorCode::invalid_argument,
      fmt::format("model shape: expected LAYERSxHIDDENxINTERMEDIATExHEADSxKV_HEADSxVOCABULARY as in {}, got \"{}\"",
                  kDefaultModelShape, text));
}

void run_decode_bench(const Session& session, const DecodeBenchCommand& command, BenchStore& store) {
  DecodeBench request = command.request;
  request.shape = parse_model_shape(command.model_shape);
  const std::int64_t started_us = now_us();
  request.finished = [&](const DecodeTiming& timing) { store.keep({record_of(timing, command, started_us)}); };
  const auto timings = command.measure(request, session.context());
  session.finish_progress();
  session.print(fmt::format("{}: {}, {}", place_text(command.place), command.model_shape, dtype_name(request.dtype)));
  print(session, timings);
  Json list = Json::array();
  for (const auto& timing : timings) list.push_back(timing_json(timing));
  session.print_json({{"device", command.place.device},
                      {"threads", command.place.threads},
                      {"isa", command.place.isa},
                      {"model_shape", command.model_shape},
                      {"dtype", std::string(dtype_name(request.dtype))},
                      {"timings", list}});
}

}  // namespace lacuna::cli
