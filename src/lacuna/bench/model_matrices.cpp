#include "lacuna/bench/model_matrices.hpp"

#include <fmt/format.h>

#include "lacuna/bits/pattern.hpp"
#include "lacuna/sparse/layout.hpp"

namespace lacuna {
namespace {

AdviceMatrix packed_matrix(std::string name, const PackingPlan& plan) {
  const double elements = static_cast<double>(plan.rows) * static_cast<double>(plan.cols);
  return {.name = std::move(name),
          .shape = {plan.rows, plan.cols},
          .dtype = plan.dtype,
          .sparsity = 1.0 - static_cast<double>(plan.stored) / elements,
          .dense_bytes = plan.dense_bytes(),
          .packed_bytes = plan.packed_bytes()};
}

AdviceMatrix dense_matrix(std::string name, const TensorView& view, bool prunable) {
  AdviceMatrix matrix = {.name = std::move(name),
                         .shape = {view.shape[0], view.shape[1]},
                         .dtype = view.dtype,
                         .prunable = prunable,
                         .dense_bytes = view.bytes(),
                         .packed_bytes = view.bytes()};
  if (!prunable) return matrix;
  matrix.sparsity = summarize_pattern(view).sparsity();
  if (const auto plan = plan_packing(view)) matrix.packed_bytes = plan->packed_bytes();
  return matrix;
}

}  // namespace

std::vector<AdviceMatrix> model_matrices(const Decoder& decoder, const RunContext& context) {
  std::vector<AdviceMatrix> matrices;
  const std::int64_t layers = decoder.config().n_layers;
  for (std::int64_t i = 0; i < layers; ++i) {
    context.check_stop();
    const LayerWeights layer = decoder.load_layer(i, WeightStorage::mapped);
    for (const Linear& linear : layer.linears) {
      std::string name = fmt::format("{}.{}", i, linear.spec.component);
      matrices.push_back(linear.packed != nullptr ? packed_matrix(std::move(name), linear.packed->plan())
                                                  : dense_matrix(std::move(name), linear.stored, true));
    }
    context.report({"read weights", fmt::format("layer {}", i), "layers", static_cast<std::uint64_t>(i + 1),
                    static_cast<std::uint64_t>(layers), 0.0});
  }
  matrices.push_back(dense_matrix("head", decoder.head(), false));
  return matrices;
}

}  // namespace lacuna
