// `lacuna bench`: what sparsity buys on this machine.
#include <fmt/format.h>

#include "bench_decode.hpp"
#include "bench_orders.hpp"
#include "bench_output.hpp"
#include "bench_store.hpp"
#include "commands.hpp"
#include "device_argument.hpp"
#include "lacuna/bench/block_bench.hpp"
#include "lacuna/bench/kernel_bench.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/render/chart_export.hpp"
#include "lacuna/study/figures/figures.hpp"
#include "sparsity_argument.hpp"
#ifdef LACUNA_HAS_CUDA
#include "lacuna/bench/device_bench.hpp"
#include "lacuna/bench/device_block_bench.hpp"
#include "lacuna/bench/device_decode_bench.hpp"
#endif

namespace lacuna::cli {
namespace {

struct BenchCommand {
  std::string kind;
  std::string device = "cpu";
  std::vector<std::string> shapes = {"4096x4096", "11008x4096", "4096x11008"};
  std::string sparsities;  // empty: what is usual for the kind
  std::string dtype = "bf16";
  std::uint64_t seed = 0;
  int rounds = TimingOptions().rounds;
  std::string model_shape = kDefaultModelShape;
  std::string database;
  std::string out;
  OrderBenchCommand orders;
};

// One product that can be measured, on one device.
struct KernelKind {
  const char* kind;
  BenchLabels labels;
  std::vector<KernelTiming> (*measure)(const KernelBench&, const RunContext&);
};

#ifdef LACUNA_HAS_CUDA
const KernelKind kCudaKernels[] = {
    {"gemv", {"activation", "inputs of 0: columns not read"}, bench_activation_cuda},
    {"pack", {"packed", "weights of 0: packed rows as bundles"}, bench_packed_cuda},
    {"mmm", {"mmm", "blocks of eight columns of 0: skipped"}, bench_blocks_cuda},
};
#else
constexpr std::span<const KernelKind> kCudaKernels;
#endif

const KernelKind kKernels[] = {
    {"gemv", {"activation", "inputs of 0: columns not read"}, bench_activation},
    {"pack", {"packed", "weights of 0: packed rows"}, bench_packed},
    {"mmm", {"mmm", "blocks of eight columns of 0: skipped"}, bench_block_sparsity},
};

const KernelKind& find_kernel(const BenchCommand& command) {
  const auto kernels = command.device == "cuda" ? std::span<const KernelKind>(kCudaKernels) : std::span(kKernels);
  for (const auto& kernel : kernels) {
    if (command.kind == kernel.kind) return kernel;
  }
  throw Error(ErrorCode::internal, fmt::format("bench {}: no kernel on device {}", command.kind, command.device));
}

// Options that not every kind has are refused where they would do nothing.
void refuse_idle_options(const CLI::App& given, const BenchCommand& command) {
  const bool decode = command.kind == "decode";
  const bool matrix = !command.orders.matrix.what.empty();
  struct Scope {
    const char* option;
    bool fits;
    const char* expected;
  };
  const Scope scopes[] = {
      {"--matrix-of", command.kind == "mmm", "is for bench mmm"},
      {"--matrix", matrix, "needs --matrix-of"},
      {"--order", matrix, "needs --matrix-of"},
      {"--shape", !decode && !matrix, decode ? "is not for bench decode, --model-shape is" : "not with --matrix-of"},
      {"--sparsity", !matrix, "not with --matrix-of"},
      {"--dtype", !matrix, "not with --matrix-of"},
      {"--model-shape", decode, "is for bench decode"},
      {"--out", !decode && !matrix, decode ? "is not for bench decode" : "not with --matrix-of"},
  };
  for (const Scope& scope : scopes) {
    if (scope.fits || given[scope.option]->count() == 0) continue;
    throw Error(ErrorCode::invalid_argument, fmt::format("bench {}: {} {}", command.kind, scope.option, scope.expected))
        .hint("lacuna help bench");
  }
}

BenchPlace place_of(const std::string& device) {
  if (device == "cpu") return processor_place();
  const CudaDevice cuda = require_cuda();
  return {cuda.name, cuda.isa, 0};
}

BenchShape parse_shape(const std::string& text) {
  BenchShape shape;
  char end = 0;
  if (std::sscanf(text.c_str(), "%ldx%ld%c", &shape.rows, &shape.cols, &end) == 2 && shape.rows > 0 && shape.cols > 0 &&
      shape.rows <= (1 << 20) && shape.cols <= (1 << 20)) {
    return shape;
  }
  throw Error(ErrorCode::invalid_argument,
              fmt::format("shape: expected ROWSxCOLS, each from 1 to 1048576, got \"{}\"", text));
}

DType parse_dtype(const std::string& name) {
  if (name == "f32") return DType::f32;
  return name == "f16" ? DType::f16 : DType::bf16;
}

DecodeBenchCommand decode_command(const BenchCommand& command, const BenchPlace& place) {
  DecodeBenchCommand decode;
  decode.request.sparsities = parse_sparsities(command.sparsities.empty() ? "0.5,0.7,0.9" : command.sparsities);
  decode.request.dtype = parse_dtype(command.dtype);
  decode.request.seed = command.seed;
  decode.request.timing.rounds = command.rounds;
  decode.model_shape = command.model_shape;
  decode.place = place;
#ifdef LACUNA_HAS_CUDA
  if (command.device == "cuda") decode.measure = bench_decode_cuda;
#endif
  return decode;
}

KernelBench kernel_request(const BenchCommand& command) {
  KernelBench request;
  request.sparsities = parse_sparsities(command.sparsities.empty() ? "0:0.9:0.1" : command.sparsities);
  request.dtype = parse_dtype(command.dtype);
  request.seed = command.seed;
  request.timing.rounds = command.rounds;
  return request;
}

void run_orders(const Session& session, const BenchCommand& command, const BenchPlace& place, BenchStore& store) {
  OrderBenchCommand orders = command.orders;
  orders.place = place;
#ifdef LACUNA_HAS_CUDA
  if (command.device == "cuda") {
    orders.measure = bench_orders_cuda;
    orders.break_even = device_block_break_even;
  }
#endif
  orders.seed = command.seed;
  orders.timing.rounds = command.rounds;
  run_order_bench(session, orders, store);
}

// What is left to do after `done` shapes.
std::string rest_text(const BenchCommand& command, std::size_t done) {
  std::string text;
  for (std::size_t i = done; i < command.shapes.size(); ++i) text += (text.empty() ? "" : ",") + command.shapes[i];
  if (!text.empty()) text = fmt::format("; --shape {} measures the rest", text);
  if (!command.out.empty()) text += fmt::format("; lacuna plot speed --db {} draws what is there", command.database);
  return text;
}

void write_speed_chart(const Session& session, const BenchCommand& command, const Json& document) {
  if (command.out.empty()) return;
  write_chart(command.out, draw_figure("speed", {{"bench", document.dump()}}, {}), {}, session.context());
}

// One shape after the other, each recorded before the next begins.
void run_shapes(const Session& session, const BenchCommand& command, const BenchPlace& place, BenchStore& store) {
  const KernelKind& kernel = find_kernel(command);
  KernelBench request = kernel_request(command);
  std::vector<BenchShape> shapes;
  shapes.reserve(command.shapes.size());
  for (const auto& text : command.shapes) shapes.push_back(parse_shape(text));
  BenchResults results = {kernel.labels, place, request.dtype, {}, now_us()};
  session.print(fmt::format("{}: {}, {}", place_text(place), kernel.labels.explain, dtype_name(request.dtype)));
  try {
    for (const auto shape : shapes) {
      session.context().check_stop();
      request.shape = shape;
      results.shapes.push_back({shape, kernel.measure(request, session.context())});
      session.finish_progress();
      store.keep(bench_records(results, results.shapes.back()));
      print_timings(session, results.shapes.back());
    }
    write_speed_chart(session, command, bench_json(results));
  } catch (Error& error) {
    store.end_early(error, "shape", shapes.size(), rest_text(command, store.kept()));
    throw;
  }
  session.print_json(bench_json(results));
}

void run_bench(const Session& session, const BenchCommand& command) {
  if (!command.out.empty()) picture_format(command.out);  // a wrong name is told before any work
  BenchStore store(command.database);
  const BenchPlace place = place_of(command.device);
  if (!command.orders.matrix.what.empty()) return run_orders(session, command, place, store);
  if (command.kind != "decode") return run_shapes(session, command, place, store);
  try {
    run_decode_bench(session, decode_command(command, place), store);
  } catch (Error& error) {
    store.end_early(error, "timing", 0, "");
    throw;
  }
}

// What is measured.
void add_size_options(CLI::App& command, BenchCommand& options) {
  command
      .add_option(
          "kind", options.kind,
          "gemv: inputs of 0; pack: weights of 0; mmm: blocks of eight columns of 0;\ndecode: tokens of a random model")
      ->required()
      ->check(CLI::IsMember({"gemv", "pack", "mmm", "decode"}));
  add_device_option(command, options.device);
  command.add_option("--shape", options.shapes, "outputs × inputs of the matrices (default: those of a 7B model)")
      ->delimiter(',')
      ->type_name("RxC,…");
  command
      .add_option("--sparsity", options.sparsities,
                  "FIRST:LAST:STEP, or a list (default: 0:0.9:0.1; decode: 0.5,0.7,0.9)")
      ->type_name("S");
  command.add_option("--model-shape", options.model_shape, "decode: layers, hidden, MLP, heads, key heads, vocabulary")
      ->capture_default_str()
      ->type_name("LxHxMxAxKxV");
  command.add_option("--dtype", options.dtype, "of the weights")
      ->capture_default_str()
      ->check(CLI::IsMember({"bf16", "f16", "f32"}));
  command
      .add_option("--matrix-of", options.orders.matrix.what, "mmm: measure a matrix of this model or file, by --order")
      ->type_name("WHAT");
  command.add_option("--matrix", options.orders.matrix.matrix, "which one: 0.mlp.down_proj")->type_name("NAME");
  command.add_option("--order", options.orders.orders, "orders of its columns, as `lacuna coherence` takes them")
      ->delimiter(',')
      ->type_name("ORDER,…")
      ->capture_default_str();
}

// How often, and where the results go.
void add_run_options(CLI::App& command, BenchCommand& options) {
  command.add_option("--rounds", options.rounds, "times that everything is measured; medians are reported")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  command.add_option("--seed", options.seed, "of the random weights")->capture_default_str();
  command.add_option("--db", options.database, "also record the times in this database")->type_name("FILE");
  command.add_option("-o,--out", options.out, "a chart of speed against sparsity: .svg, .pdf, .png, .html, .json")
      ->type_name("FILE");
}

}  // namespace

void add_bench(Application& app) {
  auto& command = app.command("Measure", "bench", "Measure what sparsity buys on this machine");
  auto options = std::make_shared<BenchCommand>();
  add_size_options(command, *options);
  add_run_options(command, *options);
  command.footer(
      "Every product is checked before it is timed. Data comes from memory, not from cache; every sparsity is timed\n"
      "in turns with the dense product. `of ideal` is the time that the bytes would take at the speed of a plain\n"
      "read, over the time taken. With --db each shape is recorded as soon as it is done. On a CUDA device: graphs\n"
      "of launches as a decoder makes them, f16 or bf16, dense by Lacuna's own kernel, ideal at the speed of a copy.\n"
      "Example: lacuna bench gemv --shape 11008x4096 --sparsity 0:0.9:0.1\n"
      "Also: --json, --quiet, --progress MODE, --threads T (see `lacuna help`).");
  app.on_run(command, [options, given = &command](const Session& session) {
    refuse_idle_options(*given, *options);
    run_bench(session, *options);
  });
}

}  // namespace lacuna::cli
