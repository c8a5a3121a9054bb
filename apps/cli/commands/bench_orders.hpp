// `lacuna bench mmm --matrix-of`: block skipping on a real matrix, predicted and measured, under several orders.
#pragma once

#include "bench_output.hpp"
#include "bench_store.hpp"
#include "cli.hpp"
#include "lacuna/bench/block_bench.hpp"
#include "lacuna/sparse/block_matrix.hpp"
#include "matrix_argument.hpp"

namespace lacuna::cli {

struct OrderBenchCommand {
  MatrixArgument matrix;
  std::vector<std::string> orders = {"stored", "frequency", "kmeans", "balanced", "groups"};
  std::uint64_t seed = 0;
  TimingOptions timing;
  BenchPlace place;
  decltype(&bench_orders) measure = bench_orders;
  decltype(&block_break_even) break_even = block_break_even;
};

void run_order_bench(const Session& session, const OrderBenchCommand& command, BenchStore& store);

}  // namespace lacuna::cli
