#include "bench_orders.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "lacuna/cluster/feature_patterns.hpp"
#include "order_argument.hpp"

namespace lacuna::cli {
namespace {

std::vector<BlockOrder> make_orders(const OrderBenchCommand& command, const FeaturePatterns& patterns) {
  std::vector<BlockOrder> orders;
  for (const auto& name : command.orders) {
    OrderArgument argument;
    argument.order = name;
    argument.k = static_cast<int>(std::clamp<std::int64_t>(patterns.count() / 8, 1, 64));
    orders.push_back({name, order_maker(argument, kernels::kBlockFeatures)(patterns, command.seed)});
  }
  return orders;
}

// What the numbers say, and from which coherence on they would say otherwise.
std::string verdict(const OrderBenchCommand& command, const std::vector<OrderTiming>& timings,
                    const TensorView& weights) {
  const auto best = std::min_element(timings.begin(), timings.end(),
                                     [](const auto& a, const auto& b) { return a.speedup() > b.speedup(); });
  const std::string break_even = fmt::format(
      "By bytes it pays from a coherence of {:.2g} % on; lacuna bench mmm --shape {}x{} measures from which",
      100.0 * command.break_even(weights.dtype), weights.shape[0], weights.shape[1]);
  if (best->speedup() <= 1.03) {
    return fmt::format(
        "Skipping blocks does not pay here: {:.2f} times dense at best ({}, {:.2g} % of the blocks empty). {}.",
        best->speedup(), best->order, 100.0 * best->skipped, break_even);
  }
  const std::string gain =
      fmt::format("Skipping blocks pays: {:.2f} times dense in the order {}", best->speedup(), best->order);
  if (best->packed_speedup() > best->speedup()) {
    return fmt::format("{}, but packed rows, which skip every zero, give {:.2f}. {}.", gain, best->packed_speedup(),
                       break_even);
  }
  return fmt::format("{}, and packed rows {:.2f}. {}.", gain, best->packed_speedup(), break_even);
}

void print_orders(const Session& session, const std::vector<OrderTiming>& timings) {
  std::vector<std::vector<std::string>> table = {{"order", "empty blocks", "predicted", "measured", "rounds",
                                                  fmt::format("packed rows ({})", timings.front().packed_form)}};
  for (const auto& t : timings) {
    table.push_back({t.order, fmt::format("{:.2f} %", 100.0 * t.skipped), fmt::format("{:.2f}", t.predicted),
                     fmt::format("{:.2f}", t.speedup()),
                     fmt::format("{:.2f}–{:.2f}", t.dense.median / t.time.slowest, t.dense.median / t.time.fastest),
                     fmt::format("{:.2f}", t.packed_speedup())});
  }
  session.print(text_table(table));
  session.print("Speeds are times that of the dense product, in the same rounds.");
}

Json orders_json(const std::vector<OrderTiming>& timings) {
  Json json = Json::array();
  for (const auto& t : timings) {
    json.push_back({{"order", t.order},
                    {"coherence", t.skipped},
                    {"predicted_speedup", t.predicted},
                    {"measured_speedup", t.speedup()},
                    {"packed_speedup", t.packed_speedup()},
                    {"packed_format", t.packed_form},
                    {"seconds", t.time.median},
                    {"dense_seconds", t.dense.median},
                    {"packed_seconds", t.packed.median}});
  }
  return json;
}

// Of every order its blocks, and one packed and one dense product for all of them. What blocks read is not recorded.
std::vector<BenchmarkRecord> order_records(const OrderBenchCommand& command, const std::vector<OrderTiming>& timings,
                                           const WeightMatrix& matrix, double zeros, std::int64_t started_us) {
  BenchmarkRecord common = bench_record(command.place, timings.front().dtype, started_us);
  common.rows = matrix.view.shape[0];
  common.cols = matrix.view.shape[1];
  std::vector<double> dense;
  std::vector<double> packed;
  for (const auto& t : timings) {
    dense.push_back(t.dense.median);
    packed.push_back(t.packed.median);
  }
  const double dense_seconds = median(dense);
  std::vector<BenchmarkRecord> records;
  const auto add = [&](const char* kernel, std::string format, double sparsity, double seconds, double beside) {
    BenchmarkRecord record = common;
    record.kernel = kernel;
    record.format = std::move(format);
    record.sparsity = sparsity;
    record.median_us = 1e6 * seconds;
    if (record.format != "dense") {
      record.dense_us = 1e6 * beside;
      record.speedup = beside / seconds;
    }
    records.push_back(std::move(record));
  };
  for (const auto& t : timings) {
    add("mmm", fmt::format("{}, {}", block_form(), t.order), t.skipped, t.time.median, t.dense.median);
  }
  add("packed", timings.front().packed_form, zeros, median(packed), dense_seconds);
  add("gemv", "dense", 0.0, dense_seconds, dense_seconds);
  return records;
}

}  // namespace

void run_order_bench(const Session& session, const OrderBenchCommand& command, BenchStore& store) {
  const MatrixSet set = MatrixSet::open(command.matrix.what);
  const WeightMatrix& matrix = choose_matrix(set, command.matrix.matrix);
  const auto patterns = FeaturePatterns::columns(matrix.view);
  const auto orders = make_orders(command, patterns);
  const std::int64_t started_us = now_us();
  const auto timings =
      command.measure(matrix.view, orders, command.seed, kRotatedBytes, command.timing, session.context());
  session.finish_progress();
  store.keep(order_records(command, timings, matrix, 1.0 - patterns.density(), started_us));
  session.print(fmt::format("{}, {:.1f} % zeros, blocks of {} columns", matrix_title(set, matrix),
                            100.0 * (1.0 - patterns.density()), kernels::kBlockFeatures));
  print_orders(session, timings);
  session.print(verdict(command, timings, matrix.view));
  Json document = matrix_json(set, matrix);
  document["block"] = kernels::kBlockFeatures;
  document["seed"] = command.seed;
  document["break_even_coherence"] = command.break_even(matrix.view.dtype);
  document["orders"] = orders_json(timings);
  document["verdict"] = verdict(command, timings, matrix.view);
  session.print_json(document);
}

}  // namespace lacuna::cli
