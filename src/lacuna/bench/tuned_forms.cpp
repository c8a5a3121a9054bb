#include "lacuna/bench/tuned_forms.hpp"

#include <optional>

namespace lacuna {
namespace {

double sparsity_of_weights(const PackingPlan& plan) {
  return 1.0 - static_cast<double>(plan.stored) / (static_cast<double>(plan.rows) * static_cast<double>(plan.cols));
}

// Seconds of reading every column and of reading those that count.
struct WholeOrColumns {
  double whole = 0.0;
  double columns = 0.0;
};

// Nothing: the entry lacks one of them.
std::optional<WholeOrColumns> best_of_both(const TuningEntry& entry) {
  std::vector<TunedCandidate> whole;
  std::vector<TunedCandidate> columns;
  for (const auto& candidate : entry.candidates) {
    (candidate.name.ends_with("columns") ? columns : whole).push_back(candidate);
  }
  if (whole.empty() || columns.empty()) return std::nullopt;
  return WholeOrColumns{choose_candidate(whole).seconds, choose_candidate(columns).seconds};
}

}  // namespace

const TuningEntry* TunedForms::find(TunedProduct product, BenchShape shape, DType dtype, double sparsity,
                                    double input_sparsity) const {
  const TuningEntry* entry = cache_->find(tuning_key(device_, product, shape, dtype, sparsity, input_sparsity));
  return entry != nullptr && entry->steady ? entry : nullptr;
}

const TuningEntry* TunedForms::find_both(const Linear& packed, double input_sparsity) const {
  const PackingPlan& plan = packed.packed->plan();
  return find(TunedProduct::both, {plan.rows, plan.cols}, plan.dtype, sparsity_of_weights(plan), input_sparsity);
}

bool TunedForms::dense_is_faster(const Linear& packed) const {
  if (packed.packed == nullptr) return false;
  const PackingPlan& plan = packed.packed->plan();
  const TuningEntry* entry = find(TunedProduct::packed, {plan.rows, plan.cols}, plan.dtype, sparsity_of_weights(plan));
  return entry != nullptr && entry->choice == "dense";
}

bool TunedForms::dense_is_faster(const Linear& packed, double input_sparsity) const {
  if (packed.packed == nullptr) return false;
  const TuningEntry* entry = find_both(packed, input_sparsity);
  if (entry == nullptr) return dense_is_faster(packed);
  return entry->choice == "dense" || entry->choice == "columns";
}

bool TunedForms::reads_all_columns(const LayerWeights& layer, const Linear& linear,
                                   const SparsityOf& sparsity_of) const {
  std::vector<TunedCandidate> forms = {{"dense", 0.0}, {"columns", 0.0}};
  for (const Linear& other : layer.linears) {
    if (other.spec.group != linear.spec.group || other.input_threshold < 0.0F) continue;
    const double sparsity = sparsity_of(layer.index, other.spec.component);
    const TuningEntry* entry = other.packed != nullptr ? find_both(other, sparsity)
                                                       : find(TunedProduct::activation, {other.rows(), other.cols()},
                                                              other.stored.dtype, sparsity);
    if (entry == nullptr) return false;
    if (other.packed != nullptr) {
      const auto best = best_of_both(*entry);
      if (!best) return false;
      forms[0].seconds += best->whole;
      forms[1].seconds += best->columns;
    } else {
      forms[0].seconds += candidate_seconds(*entry, "dense");
      forms[1].seconds += sparse_candidate(*entry).seconds;
    }
  }
  return choose_candidate(forms).name == "dense";
}

}  // namespace lacuna
