// What a pruning run would need. Memory and bytes are counted; time is flops over this machine's measured GEMM speed.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>

#include "lacuna/kernels/gemm/gemm.hpp"
#include "lacuna/model/forward.hpp"
#include "lacuna/study/pruning/prune_inputs.hpp"
#include "lacuna/study/pruning/prune_run.hpp"

namespace lacuna {
namespace {

using Clock = std::chrono::steady_clock;

// Flops per second of a product of the size a layer uses; best of three.
double measured_gemm_speed() {
  constexpr std::int64_t kSide = 512;
  const auto a = Matrix<float>::zeroed(kSide, kSide);
  const auto b = Matrix<float>::zeroed(kSide, kSide);
  Matrix<float> c(kSide, kSide);
  double best = 1e30;
  for (int i = 0; i < 4; ++i) {  // the first warms up
    const auto started = Clock::now();
    kernels::gemm_nt(a.view(), b.view(), c.view());
    const double seconds = std::chrono::duration<double>(Clock::now() - started).count();
    if (i > 0) best = std::min(best, seconds);
  }
  return 2.0 * kSide * kSide * kSide / best;
}

struct LayerCost {
  std::uint64_t weights_bytes = 0;
  std::map<InputGroup, std::int64_t> group_columns;
  double forward_flops_per_token = 0.0;
};

LayerCost layer_cost(const DecoderConfig& config, std::int64_t layer, std::int64_t seqlen) {
  LayerCost cost;
  for (const auto& linear : layer_linears(config, layer)) {
    cost.weights_bytes += static_cast<std::uint64_t>(linear.rows * linear.cols) * sizeof(float);
    cost.group_columns[linear.group] = linear.cols;
    cost.forward_flops_per_token += 2.0 * static_cast<double>(linear.rows * linear.cols);
  }
  cost.forward_flops_per_token += 2.0 * static_cast<double>(seqlen * config.query_size());  // causal half of QKᵀ and PV
  return cost;
}

// Statistics of one layer: f64 norms, and the Gram where one is needed.
std::uint64_t statistics_bytes(const LayerCost& cost, StatisticsNeed need) {
  std::uint64_t bytes = 0;
  for (const auto& [group, columns] : cost.group_columns) {
    const auto n = static_cast<std::uint64_t>(columns);
    if (need != StatisticsNeed::none) bytes += n * sizeof(double);
    if (need == StatisticsNeed::gram) bytes += n * n * sizeof(float);
  }
  return bytes;
}

// Two forwards, the statistics, and the solve of one job's layer.
double layer_flops(const LayerCost& cost, const std::vector<LinearSpec>& linears, StatisticsNeed need, double tokens) {
  double flops = 0.0;
  if (need == StatisticsNeed::none) return flops;
  flops += 2.0 * tokens * cost.forward_flops_per_token;
  if (need != StatisticsNeed::gram) return flops;
  for (const auto& [group, columns] : cost.group_columns) {
    const auto n = static_cast<double>(columns);
    flops += tokens * n * n + 2.0 / 3.0 * n * n * n;  // the symmetric product; Cholesky and triangular inverse
  }
  for (const auto& linear : linears) {
    flops += static_cast<double>(linear.rows) * static_cast<double>(linear.cols * linear.cols);  // trailing updates
    flops += 2.0 * static_cast<double>(linear.rows) * static_cast<double>(linear.cols * linear.cols);  // layer error
  }
  return flops;
}

std::uint64_t stored_bytes(const Checkpoint& model, const std::vector<LinearSpec>& linears) {
  std::uint64_t bytes = 0;
  for (const auto& linear : linears) bytes += model.get(linear.tensor).bytes();
  return bytes;
}

}  // namespace

PrunePlan plan_prune(const PruneRunOptions& options) {
  const PruneInputs inputs = open_prune_inputs(options, false);
  const auto& config = inputs.decoder.config();
  const auto& model = inputs.decoder.checkpoint();
  const auto seqlen = inputs.calibration.seqlen;
  const auto tokens = static_cast<double>(inputs.calibration.samples * seqlen);
  PrunePlan plan;
  for (const auto& shard : model.shards()) {
    for (const auto& tensor : shard.tensors) plan.parameters += tensor.view.numel();
  }
  for (const auto& job : inputs.jobs)
    plan.jobs.push_back(fmt::format("{} {}", job.recipe.method, job.recipe.target.label()));
  double flops = 0.0;
  std::uint64_t pruned_bytes = 0;
  std::uint64_t pruned_f32_bytes = 0;
  for (std::int64_t layer = 0; layer < config.n_layers; ++layer) {
    const auto linears = layer_linears(config, layer);
    const LayerCost cost = layer_cost(config, layer, seqlen);
    auto& rows = plan.layers.emplace_back();
    for (const auto& linear : linears) {
      rows.push_back({linear.component, linear.rows, linear.cols});
      plan.pruned_parameters += linear.rows * linear.cols;
    }
    plan.layer_bytes = std::max(plan.layer_bytes, cost.weights_bytes);
    plan.statistics_bytes = std::max(plan.statistics_bytes, statistics_bytes(cost, inputs.need));
    pruned_bytes += stored_bytes(model, linears);
    pruned_f32_bytes += cost.weights_bytes;
    for (const auto& job : inputs.jobs) {
      const auto need = make_prune_method(job.recipe.method, job.recipe.options)->needs();
      flops += layer_flops(cost, linears, need, tokens);
    }
  }
  if (inputs.need != StatisticsNeed::none) {
    plan.activations_bytes =
        static_cast<std::uint64_t>(tokens) * static_cast<std::uint64_t>(config.hidden_size) * sizeof(float);
  }
  const auto n_jobs = inputs.jobs.size();
  if (options.write_hf) plan.bytes_to_write += n_jobs * model.weight_bytes();
  if (options.write_pt) plan.bytes_to_write += n_jobs * pruned_bytes;
  plan.work_bytes = plan.bytes_to_write + n_jobs * std::max(pruned_bytes, pruned_f32_bytes);
  // Besides products: every byte of weights is read, widened, narrowed and written; 1 GB/s is what one disk gives.
  constexpr double kBytesPerSecond = 1e9;
  plan.estimated_seconds = flops / measured_gemm_speed() + static_cast<double>(plan.work_bytes) / kBytesPerSecond;
  return plan;
}

}  // namespace lacuna
