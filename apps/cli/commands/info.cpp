#include <fmt/format.h>

#include "commands.hpp"
#include "device_argument.hpp"
#include "lacuna/core/cpu.hpp"
#include "lacuna/core/threads.hpp"
#include "lacuna/core/version.hpp"
#include "lacuna/kernels/gemm/gemm.hpp"
#include "lacuna/store/query.hpp"

namespace lacuna::cli {
namespace {

void run_info(const Session& session) {
  const CudaState cuda = cuda_state();
  const Json document = {
      {"version", version()},
      {"commit", commit()},
      {"features", build_features()},
      {"cpu",
       {{"model", cpu_model()},
        {"isa", isa_name(isa_level())},
        {"isa_detected", isa_name(detected_isa_level())},
        {"bf16", cpu_has_bf16()}}},
      {"threads", thread_count()},
      {"blas", kernels::linear_algebra_description()},
      {"duckdb", duckdb_version()},
      {"cuda", cuda.device.empty() ? Json(nullptr) : Json(cuda.device)},
  };
  session.print_json(document);
  session.print(text_table({
      {"lacuna", fmt::format("{} ({})", version(), commit())},
      {"features", fmt::format("{}", fmt::join(build_features(), " "))},
      {"cpu", cpu_model()},
      {"kernels", fmt::format("{} (processor: {}, bf16: {})", isa_name(isa_level()), isa_name(detected_isa_level()),
                              cpu_has_bf16() ? "yes" : "no")},
      {"threads", fmt::format("{} of {} available", thread_count(), available_threads())},
      {"blas", kernels::linear_algebra_description()},
      {"duckdb", duckdb_version()},
      {"cuda", !cuda.built_in        ? "not built in"
               : cuda.device.empty() ? "built in; no device"
                                     : cuda.device},
  }));
}

}  // namespace

void add_info(Application& app) {
  auto& command = app.command("Help", "info", "Show version, processor level, threads, BLAS, DuckDB and CUDA");
  app.on_run(command, run_info);
}

}  // namespace lacuna::cli
