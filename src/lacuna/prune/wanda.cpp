// Wanda: weights go by |W|·‖x‖, compared within each output row.
//
// Source   Sun et al., arXiv:2306.11695, eq. 1, and the authors' code: S_ij = |W_ij|·√s_j with s the mean over
//          sequences of ‖x_j‖² (so √s is ‖x_j‖₂ up to a factor common to all columns).
//   unstructured  per row the first int(cols·s) of a stable ascending sort: on ties the lower column goes first
//   N:M           the N smallest S of every M consecutive inputs; ties: the lower column goes first (the authors leave
//                 it open)
//   use_variant   appendix of the paper; wanda_variant.hpp
// The reported error is the one Wanda minimises: Σ S² over what went / Σ S² over all, that is ‖(W−Ŵ)X‖²/‖WX‖² with the
// correlations of the inputs left out.

#include <cmath>

#include "lacuna/kernels/select/select.hpp"
#include "lacuna/prune/builtin_methods.hpp"
#include "lacuna/prune/wanda_variant.hpp"

namespace lacuna::prune {
namespace {

std::vector<float> column_scales(const InputStatistics& statistics) {
  auto scales = checked_square_norms(statistics);
  for (auto& scale : scales) scale = std::sqrt(scale);
  return scales;
}

class Wanda final : public PruneMethod {
 public:
  explicit Wanda(bool use_variant) : use_variant_(use_variant) {}
  std::string_view name() const override { return "wanda"; }
  StatisticsNeed needs() const override { return StatisticsNeed::column_norms; }

  PruneReport prune(MatrixView<float> weights, const InputStatistics* statistics, const SparsityTarget& target,
                    const RunContext& context) override {
    check_weights(weights, target);
    const auto scales = column_scales(check_statistics(statistics, needs(), weights.cols));
    context.check_stop();
    PruneReport report;
    kernels::ScoreEnergy energy;
    if (nothing_to_prune(weights, target)) {
      report.relative_error = 0.0;
    } else if (target.structured()) {
      energy = kernels::zero_n_of_m(weights, scales, target.n, target.m);
    } else if (use_variant_) {
      const auto result = zero_by_cumulative_score(weights, scales, target.sparsity, context);
      energy = result.energy;
      report.alpha = result.alpha;
    } else {
      energy = kernels::zero_k_smallest(weights, scales, truncated_share(weights.cols, target.sparsity));
    }
    report.relative_error = energy.total > 0.0 ? energy.zeroed / energy.total : 0.0;
    report.sparsity = zero_share(weights);
    return report;
  }

 private:
  bool use_variant_;
};

}  // namespace

std::unique_ptr<PruneMethod> make_wanda(bool use_variant) { return std::make_unique<Wanda>(use_variant); }

}  // namespace lacuna::prune
