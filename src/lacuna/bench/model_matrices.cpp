#include "lacuna/bench/model_matrices.hpp"

#include <fmt/format.h>

#include "lacuna/bits/pattern.hpp"
#include "lacuna/sparse/layout.hpp"

namespace lacuna {
namespace {

bool is_two_of_four(const PackedLayout& layout) {
  return (layout.group == 4 && layout.kept <= 2) || (layout.group == 2 && layout.kept == 1);
}

AdviceMatrix packed_matrix(std::string name, const PackingPlan& plan) {
  const double elements = static_cast<double>(plan.rows) * static_cast<double>(plan.cols);
  return {.name = std::move(name),
          .shape = {plan.rows, plan.cols},
          .dtype = plan.dtype,
          .sparsity = 1.0 - static_cast<double>(plan.stored) / elements,
          .dense_bytes = plan.dense_bytes(),
          .packed_bytes = plan.packed_bytes(),
          .packed_product = is_two_of_four(plan.layout) ? TunedProduct::two_four : TunedProduct::packed};
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
  if (const auto plan = plan_packing(view)) {
    matrix.packed_bytes = plan->packed_bytes();
    if (is_two_of_four(plan->layout)) matrix.packed_product = TunedProduct::two_four;
  }
  return matrix;
}

AdviceMatrix linear_matrix(std::string name, const Linear& linear) {
  return linear.packed != nullptr ? packed_matrix(std::move(name), linear.packed->plan())
                                  : dense_matrix(std::move(name), linear.stored, true);
}

// Calls visit(layer, linear, its matrix) for every linear.
template <typename Visit>
void visit_linears(const Decoder& decoder, const RunContext& context, const Visit& visit) {
  const std::int64_t layers = decoder.config().n_layers;
  for (std::int64_t i = 0; i < layers; ++i) {
    context.check_stop();
    const LayerWeights layer = decoder.load_layer(i, WeightStorage::mapped);
    for (const Linear& linear : layer.linears) {
      visit(i, linear, linear_matrix(fmt::format("{}.{}", i, linear.spec.component), linear));
    }
    context.report({"read weights", fmt::format("layer {}", i), "layers", static_cast<std::uint64_t>(i + 1),
                    static_cast<std::uint64_t>(layers), 0.0});
  }
}

DType device_type(DType dtype) { return dtype == DType::f16 ? DType::f16 : DType::bf16; }

bool packs(const AdviceMatrix& matrix) { return matrix.packed_bytes < matrix.dense_bytes; }

// One product of two that share their input.
void stack(AdviceMatrix& product, const AdviceMatrix& next) {
  const auto above = static_cast<double>(product.shape.rows);
  const auto below = static_cast<double>(next.shape.rows);
  product.sparsity = (product.sparsity * above + next.sparsity * below) / (above + below);
  product.shape.rows += next.shape.rows;
  const bool both = packs(product) && packs(next);
  product.dense_bytes += next.dense_bytes;
  product.packed_bytes = both ? product.packed_bytes + next.packed_bytes : product.dense_bytes;
  if (next.packed_product == TunedProduct::packed) product.packed_product = TunedProduct::packed;
}

}  // namespace

std::vector<AdviceMatrix> model_matrices(const Decoder& decoder, const RunContext& context) {
  std::vector<AdviceMatrix> matrices;
  visit_linears(decoder, context, [&](std::int64_t, const Linear&, AdviceMatrix matrix) {
    matrix.packed_product = TunedProduct::packed;  // the processor has one kernel for all layouts
    matrix.both = true;
    matrices.push_back(std::move(matrix));
  });
  matrices.push_back(dense_matrix("head", decoder.head(), false));
  return matrices;
}

std::vector<AdviceMatrix> device_model_matrices(const Decoder& decoder, const RunContext& context) {
  std::vector<AdviceMatrix> products;
  visit_linears(decoder, context, [&](std::int64_t layer, const Linear& linear, AdviceMatrix matrix) {
    matrix.name = fmt::format("{}.{}", layer, input_group_name(linear.spec.group));
    matrix.dtype = device_type(matrix.dtype);
    if (linear.spec.group == InputGroup::mlp && decoder.config().gated_mlp()) {
      matrix.activation_product = TunedProduct::gate;
    }
    if (!products.empty() && products.back().name == matrix.name) return stack(products.back(), matrix);
    products.push_back(std::move(matrix));
  });
  products.push_back(dense_matrix("head", decoder.head(), false));
  products.back().dtype = device_type(products.back().dtype);
  return products;
}

}  // namespace lacuna
