#include "lacuna/bench/tuned_forms.hpp"

namespace lacuna {
namespace {

DType weight_type(const Linear& linear) {
  return linear.packed != nullptr ? linear.packed->plan().dtype : linear.stored.dtype;
}

}  // namespace

const TuningEntry* TunedForms::find(TunedProduct product, BenchShape shape, DType dtype, double sparsity) const {
  const TuningEntry* entry = cache_->find(tuning_key(device_, product, shape, dtype, sparsity));
  return entry != nullptr && entry->steady ? entry : nullptr;
}

bool TunedForms::dense_is_faster(const Linear& packed) const {
  if (packed.packed == nullptr) return false;
  const PackingPlan& plan = packed.packed->plan();
  const double elements = static_cast<double>(plan.rows) * static_cast<double>(plan.cols);
  const double sparsity = 1.0 - static_cast<double>(plan.stored) / elements;
  const TuningEntry* entry = find(TunedProduct::packed, {plan.rows, plan.cols}, plan.dtype, sparsity);
  return entry != nullptr && entry->choice == "dense";
}

bool TunedForms::reads_all_columns(const LayerWeights& layer, const Linear& linear,
                                   const SparsityOf& sparsity_of) const {
  std::vector<TunedCandidate> forms = {{"dense", 0.0}, {"columns", 0.0}};
  for (const Linear& other : layer.linears) {
    if (other.spec.group != linear.spec.group || other.input_threshold < 0.0F) continue;
    const double sparsity = sparsity_of(layer.index, other.spec.component);
    const TuningEntry* entry =
        find(TunedProduct::activation, {other.rows(), other.cols()}, weight_type(other), sparsity);
    if (entry == nullptr) return false;
    forms[0].seconds += candidate_seconds(*entry, "dense");
    forms[1].seconds += sparse_candidate(*entry).seconds;
  }
  return choose_candidate(forms).name == "dense";
}

}  // namespace lacuna
