// Pruning one 4096×4096 linear from 4096 tokens, the same work as shared/peers/prune_peer.py: each timed call starts
// from the dense weights (the copy is timed), Wanda's includes the column norms, SparseGPT's the factorisation.
//
//   sparsegpt/…        factor and solve                      peer: sparsegpt-0.5, sparsegpt-2:4
//   sparsegpt_prune/…  the same through PruneMethod: with the checks and the exact error, which the peer does not make
//   wanda/…            norms and selection                   peer: wanda-0.5
//   gram/…             XᵀX as prune accumulates it           peer: gram; beside it gemm, the library alone on the shape
// Counters: GFLOP/s of the products counted once (Gram: t·c², by symmetry), weights a second elsewhere.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>

#include "lacuna/core/buffer.hpp"
#include "lacuna/core/random.hpp"
#include "lacuna/kernels/gemm/gemm.hpp"
#include "lacuna/prune/gram_energy.hpp"
#include "lacuna/prune/input_statistics.hpp"
#include "lacuna/prune/method.hpp"
#include "lacuna/prune/obs_factor.hpp"
#include "lacuna/prune/sparsegpt.hpp"

namespace lacuna {
namespace {

constexpr std::int64_t kSize = 4096;

Matrix<float> normals(std::uint64_t seed) {
  Matrix<float> m(kSize, kSize);
  Random random(seed);
  for (std::int64_t i = 0; i < m.numel(); ++i) m.data()[i] = static_cast<float>(random.normal());
  return m;
}

struct Problem {
  Matrix<float> weights = normals(1);
  Matrix<float> inputs = normals(2);
  InputStatistics gram{StatisticsNeed::gram, kSize};
  Matrix<float> pruned{kSize, kSize};

  Problem() { gram.add_sequence(inputs.view()); }
  void restore() { std::memcpy(pruned.data(), weights.data(), static_cast<std::size_t>(weights.numel()) * 4); }
};

Problem& problem() {
  static Problem instance;
  return instance;
}

SparsityTarget target_of(int n, int m) { return m == 0 ? unstructured(0.5) : n_of_m(n, m); }

void require(bool condition, const char* what) {
  if (!condition) throw std::logic_error(what);
}

double solve(Problem& p, const SparsityTarget& target) {
  p.restore();
  const auto factor = prune::make_obs_factor(p.gram, prune::sparsegpt_block_size(128, kSize, target), 0.01, {});
  return prune::sparsegpt_solve(p.pruned.view(), factor, target, {});
}

double zero_share(const Matrix<float>& m) {
  return static_cast<double>(std::count(m.data(), m.data() + m.numel(), 0.0F)) / static_cast<double>(m.numel());
}

// The solver's own account of the error is that of the weights it returned.
void check_solve(Problem& p, const SparsityTarget& target) {
  const double claimed = solve(p, target);
  require(std::abs(zero_share(p.pruned) - 0.5) < 1e-4, "sparsegpt: sparsity is not 50 %");
  for (std::int64_t i = 0; i < p.pruned.numel(); ++i) p.pruned.data()[i] -= p.weights.data()[i];
  const double actual = prune::gram_energy(p.pruned.view(), p.gram);
  require(std::abs(claimed - actual) < 1e-3 * actual, "sparsegpt: the error it reports is not the error it made");
}

void sparsegpt(benchmark::State& state, int n, int m) {
  auto& p = problem();
  const auto target = target_of(n, m);
  check_solve(p, target);
  for (auto _ : state) benchmark::DoNotOptimize(solve(p, target));
  state.SetItemsProcessed(state.iterations() * p.weights.numel());
}

void sparsegpt_prune(benchmark::State& state, int n, int m) {
  auto& p = problem();
  for (auto _ : state) {
    p.restore();
    const auto method = make_prune_method("sparsegpt", {});
    benchmark::DoNotOptimize(method->prune(p.pruned.view(), &p.gram, target_of(n, m), {}));
  }
  state.SetItemsProcessed(state.iterations() * p.weights.numel());
}

void wanda(benchmark::State& state, int n, int m) {
  auto& p = problem();
  const auto run = [&] {
    p.restore();
    InputStatistics norms(StatisticsNeed::column_norms, kSize);
    norms.add_sequence(p.inputs.view());
    return make_prune_method("wanda", {})->prune(p.pruned.view(), &norms, target_of(n, m), {});
  };
  require(run().sparsity == 0.5, "wanda: sparsity is not 50 %");
  for (auto _ : state) benchmark::DoNotOptimize(run());
  state.SetItemsProcessed(state.iterations() * p.weights.numel());
}

void magnitude(benchmark::State& state, int n, int m) {
  auto& p = problem();
  for (auto _ : state) {
    p.restore();
    benchmark::DoNotOptimize(make_prune_method("magnitude", {})->prune(p.pruned.view(), nullptr, target_of(n, m), {}));
  }
  state.SetItemsProcessed(state.iterations() * p.weights.numel());
}

void gram(benchmark::State& state) {
  auto& p = problem();
  for (auto _ : state) {
    InputStatistics statistics(StatisticsNeed::gram, kSize);
    statistics.add_sequence(p.inputs.view());
    benchmark::DoNotOptimize(statistics.gram_sum().data);
  }
  state.counters["GFLOP/s"] =
      benchmark::Counter(1e-9 * kSize * kSize * kSize, benchmark::Counter::kIsIterationInvariantRate);
}

void gemm(benchmark::State& state) {
  auto& p = problem();
  for (auto _ : state) kernels::gemm_nn(p.weights.view(), p.inputs.view(), p.pruned.view());
  state.counters["GFLOP/s"] =
      benchmark::Counter(2e-9 * kSize * kSize * kSize, benchmark::Counter::kIsIterationInvariantRate);
}

void add(const char* name, void (*function)(benchmark::State&, int, int), int n, int m) {
  benchmark::RegisterBenchmark(name, function, n, m)->Unit(benchmark::kMillisecond)->UseRealTime();
}

void add(const char* name, void (*function)(benchmark::State&)) {
  benchmark::RegisterBenchmark(name, function)->Unit(benchmark::kMillisecond)->UseRealTime();
}

const bool registered = [] {
  add("sparsegpt/50%/4096x4096", sparsegpt, 0, 0);
  add("sparsegpt/2:4/4096x4096", sparsegpt, 2, 4);
  add("sparsegpt_prune/50%/4096x4096", sparsegpt_prune, 0, 0);
  add("wanda/50%/4096x4096", wanda, 0, 0);
  add("wanda/2:4/4096x4096", wanda, 2, 4);
  add("magnitude/50%/4096x4096", magnitude, 0, 0);
  add("magnitude/2:4/4096x4096", magnitude, 2, 4);
  add("gram/4096x4096x4096", gram);
  add("gemm/4096x4096x4096", gemm);
  return true;
}();

}  // namespace
}  // namespace lacuna
