// SparseGPT: prune block after block of columns, and let the columns that follow make up for it.
//
// Source   Frantar & Alistarh, arXiv:2301.00774, algorithm 1, and the authors' code.
//   H            2/n Σ XᵀX, dead columns fixed, then damped; obs_factor.hpp
//   per block of 128 columns
//     unstructured  score w²/U_ii² on the weights as all earlier blocks left them; one threshold over all rows × the
//                   block's columns, the value at index int(numel·s); prune scores ≤ it
//     N:M           at each column i with i % M == 0, from the weights as updated up to i, the N lowest scores of the M
//                   columns from i on; ties: the lower column
//     columns in order: e = w/U_ii where pruned, else 0; w_j −= e·U_ij for the block's later columns; then w = 0
//   the rest of the matrix receives the block's errors through obs_factor.hpp's V
//
// Deviations: the update across blocks is the same sum in another order, gathered recursively so that it runs as few
// large matrix products; where M does not divide the block size, the block is shortened to whole groups (the authors'
// code would cut the last group of each block).
//
// The reported error is exact: D·R = E means tr(D·H·Dᵀ) = ‖E‖² − added·‖D‖², with the damping taken off again.

#include "lacuna/prune/sparsegpt.hpp"

#include <algorithm>
#include <optional>

#include "lacuna/core/error.hpp"
#include "lacuna/core/threads.hpp"
#include "lacuna/kernels/gemm/gemm.hpp"
#include "lacuna/kernels/obs/obs.hpp"
#include "lacuna/kernels/threshold/threshold.hpp"
#include "lacuna/prune/builtin_methods.hpp"
#include "lacuna/prune/gram_energy.hpp"

namespace lacuna::prune {
namespace {

class Solver {
 public:
  Solver(MatrixView<float> weights, const ObsFactor& factor, const SparsityTarget& target, const RunContext& context)
      : weights_(weights), factor_(factor), target_(target), context_(context), change_(weights.rows, weights.cols) {
    parallel_for(weights.rows, 16, [&](std::int64_t begin, std::int64_t end) {
      for (auto r = begin; r < end; ++r) {
        for (const auto dead : factor.dead_columns) weights_(r, dead) = 0.0F;
        std::copy_n(weights_.row(r), weights_.cols, change_.view().row(r));
      }
    });
    if (!target.structured())
      scores_ = AlignedBuffer<float>(static_cast<std::size_t>(weights.rows * factor.block_size));
  }

  kernels::ObsEnergy run() {
    if (weights_.cols > 0) prune_range(0, weights_.cols);
    return energy_;
  }

 private:
  // Columns [first, last), which have received the updates of all columns before them.
  void prune_range(std::int64_t first, std::int64_t last) {
    const auto block = factor_.block_size;
    const auto blocks = (last - first + block - 1) / block;
    if (blocks == 1) return prune_block(first, last - first);
    const auto middle = first + blocks / 2 * block;
    prune_range(first, middle);
    kernels::gemm_nn(change_.view().block(0, weights_.rows, first, middle - first),
                     factor_.matrix.view().block(first, middle - first, middle, last - middle),
                     weights_.block(0, weights_.rows, middle, last - middle), 1.0F, 1.0F);
    prune_range(middle, last);
  }

  void prune_block(std::int64_t first, std::int64_t width) {
    context_.check_stop();
    const auto w = weights_.block(0, weights_.rows, first, width);
    const auto change = change_.view().block(0, weights_.rows, first, width);
    const auto u = factor_.matrix.view().block(first, width, first, width);
    kernels::ObsEnergy energy;
    if (target_.structured()) {
      energy = kernels::obs_prune_pattern(w, change, u, target_.n, target_.m);
    } else {
      const MatrixView<float> scores(scores_.data(), w.rows, width);
      kernels::obs_scores(w, u, scores);
      const auto rank = truncated_share(scores.numel(), target_.sparsity);
      energy = kernels::obs_prune_threshold(w, change, u, kernels::kth_smallest_abs(scores, rank));
    }
    energy_.error += energy.error;
    energy_.change += energy.change;
  }

  MatrixView<float> weights_;
  const ObsFactor& factor_;
  const SparsityTarget& target_;
  const RunContext& context_;
  Matrix<float> change_;  // the original weights; from left to right they become originals − results
  AlignedBuffer<float> scores_;
  kernels::ObsEnergy energy_;
};

class SparseGpt final : public PruneMethod {
 public:
  SparseGpt(int block_size, double damping) : block_size_(block_size), damping_(damping) {
    if (block_size < 1) throw Error(ErrorCode::invalid_argument, "sparsegpt block size: expected at least 1 column");
    if (!(damping >= 0.0 && damping <= kLargestDamping)) {
      throw Error(ErrorCode::invalid_argument, "sparsegpt damping: expected 0 to 10");
    }
  }
  std::string_view name() const override { return "sparsegpt"; }
  StatisticsNeed needs() const override { return StatisticsNeed::gram; }

  PruneReport prune(MatrixView<float> weights, const InputStatistics* statistics, const SparsityTarget& target,
                    const RunContext& context) override {
    check_weights(weights, target);
    const auto& inputs = check_statistics(statistics, needs(), weights.cols);
    PruneReport report;
    report.relative_error = 0.0;
    if (!nothing_to_prune(weights, target)) {
      const auto& factor = factor_of(inputs, sparsegpt_block_size(block_size_, weights.cols, target), context);
      const double total = gram_energy(weights, inputs);
      const double lost = sparsegpt_solve(weights, factor, target, context);
      report.relative_error = total > 0.0 ? lost / total : 0.0;
      report.damping = factor.damping;
      report.damping_raises = factor.damping_raises;
      report.dead_columns = static_cast<int>(factor.dead_columns.size());
    }
    report.sparsity = zero_share(weights);
    return report;
  }

 private:
  // Linears that share their input (q, k and v; gate and up) come one after the other: their factor is made once.
  const ObsFactor& factor_of(const InputStatistics& inputs, std::int64_t block_size, const RunContext& context) {
    if (!factor_ || factor_state_ != inputs.state() || factor_->block_size != block_size) {
      factor_.reset();
      factor_ = make_obs_factor(inputs, block_size, damping_, context);
      factor_state_ = inputs.state();
    }
    return *factor_;
  }

  std::int64_t block_size_;
  double damping_;
  std::optional<ObsFactor> factor_;
  std::uint64_t factor_state_ = 0;
};

}  // namespace

std::int64_t sparsegpt_block_size(std::int64_t wanted, std::int64_t columns, const SparsityTarget& target) {
  const auto size = std::clamp<std::int64_t>(wanted, 1, std::max<std::int64_t>(columns, 1));
  return target.structured() ? std::max<std::int64_t>(size / target.m, 1) * target.m : size;
}

double sparsegpt_solve(MatrixView<float> weights, const ObsFactor& factor, const SparsityTarget& target,
                       const RunContext& context) {
  const auto energy = Solver(weights, factor, target, context).run();
  return std::max(0.0, energy.error - factor.added * energy.change);
}

std::unique_ptr<PruneMethod> make_sparsegpt(int block_size, double damping) {
  return std::make_unique<SparseGpt>(block_size, damping);
}

}  // namespace lacuna::prune
