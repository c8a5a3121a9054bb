// The one interface of every pruning method.
//
// A method states which statistics of a linear's inputs it needs, and turns weights + statistics + target into pruned
// weights. Nothing else differs between methods: the caller (study) captures inputs, accumulates statistics, calls
// prune() once per linear and goes on.
//
//   weights   out×in f32, as PyTorch stores a Linear; pruned in place: a pruned weight is exactly 0.0
//   gram      in×in f32, as accumulated by prune/input_statistics.hpp
//   norms²    in f32, its diagonal (Wanda's s)
//
// Threads  prune() is parallel inside; distinct linears may not be pruned concurrently by one method object.
// Errors   bad_pattern (columns not divisible by M), not_finite, not_positive_definite.
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
  double sparsity = 0.0;            // share of exact zeros afterwards
  double relative_error = -1.0;     // ‖(W−Ŵ)X‖²/‖WX‖² from the Gram; column-norm approximation without one; −1: unknown
  double damping = 0.0;             // SparseGPT: the share of mean(diag) that was added in the end
  int damping_raises = 0;           // how often it had to be raised
  int dead_columns = 0;
  double alpha = 0.0;               // Wanda's use_variant
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
