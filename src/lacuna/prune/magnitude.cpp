// Magnitude pruning: the weights nearest zero go.
//
// Source   the baseline of both reference scripts (Han et al., arXiv:1506.02626).
//   unstructured  one threshold for the matrix, the value at index int(numel·s) of the sorted |W|; prune |W| ≤ it: at
//                 least int(numel·s) + 1 weights go, and all ties of the threshold with them.
//   N:M           the N smallest |W| of every M consecutive inputs. The scripts leave the order of ties open (topk);
//                 here the lower column goes first.
// The inputs play no part: no statistics, and no error is reported.

#include "lacuna/kernels/select/select.hpp"
#include "lacuna/kernels/threshold/threshold.hpp"
#include "lacuna/prune/builtin_methods.hpp"

namespace lacuna::prune {
namespace {

class Magnitude final : public PruneMethod {
 public:
  std::string_view name() const override { return "magnitude"; }
  StatisticsNeed needs() const override { return StatisticsNeed::none; }

  PruneReport prune(MatrixView<float> weights, const InputStatistics* /*statistics*/, const SparsityTarget& target,
                    const RunContext& context) override {
    check_weights(weights, target);
    context.check_stop();
    if (!nothing_to_prune(weights, target)) {
      if (target.structured()) {
        kernels::zero_n_of_m(weights, {}, target.n, target.m);
      } else {
        const auto rank = truncated_share(weights.numel(), target.sparsity);
        kernels::zero_up_to_abs(weights, kernels::kth_smallest_abs(weights, rank));
      }
    }
    PruneReport report;
    report.sparsity = zero_share(weights);
    return report;
  }
};

}  // namespace

std::unique_ptr<PruneMethod> make_magnitude() { return std::make_unique<Magnitude>(); }

}  // namespace lacuna::prune
