// The one interface of every pruning method.
//
// A method states which statistics of a linear's inputs it needs, and turns weights + statistics + target into pruned
// weights. Nothing else differs between methods: the caller (study) captures inputs, accumulates statistics, calls
// prune() once per linear and goes on.
//
//   weights     out×in f32, as PyTorch stores a Linear; pruned in place: a pruned weight is exactly 0.0
//   statistics  of the linear's inputs, at least of the kind needs() names; may be null for StatisticsNeed::none
//
// A method's result depends on weights, target, options and the statistics it needs only: pruning with several methods
// from one Gram accumulator equals running each alone.
//
// Threads  prune() is parallel inside; distinct linears may not be pruned concurrently by one method object.
// Errors   bad_pattern (target out of range, columns not divisible by M), not_finite (weights or statistics),
//          not_positive_definite, shape_mismatch, invalid_argument (statistics missing), interrupted. Weights are
//          untouched after any error but interrupted.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lacuna/core/run_context.hpp"
#include "lacuna/core/tensor.hpp"
#include "lacuna/prune/target.hpp"

namespace lacuna {

enum class StatisticsNeed { none, column_norms, gram };

class InputStatistics;

struct PruneReport {
  double sparsity = 0.0;         // share of exact zeros afterwards
  double relative_error = -1.0;  // ‖(W−Ŵ)X‖²/‖WX‖²: SparseGPT exactly, from the Gram; Wanda without the inputs'
                                 // correlations, from the column norms; −1: the method knows no inputs
  double damping = 0.0;          // SparseGPT: the share of mean(diag) that was added in the end
  int damping_raises = 0;        // how often it had to be raised
  int dead_columns = 0;          // SparseGPT: inputs that are always zero
  double alpha = 0.0;            // Wanda's use_variant
};

class PruneMethod {
 public:
  virtual ~PruneMethod() = default;
  virtual std::string_view name() const = 0;  // "wanda"
  virtual StatisticsNeed needs() const = 0;
  virtual PruneReport prune(MatrixView<float> weights, const InputStatistics* statistics, const SparsityTarget& target,
                            const RunContext& context) = 0;
};

struct PruneOptions {
  bool wanda_use_variant = false;
  int sparsegpt_block_size = 128;
  double sparsegpt_damping = 0.01;
};

std::vector<std::string> prune_method_names();  // "magnitude", "wanda", "sparsegpt"
std::unique_ptr<PruneMethod> make_prune_method(std::string_view name, const PruneOptions& options);

}  // namespace lacuna
