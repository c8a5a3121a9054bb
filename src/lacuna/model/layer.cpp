#include "lacuna/model/layer.hpp"

#include <fmt/format.h>

#include "lacuna/core/threads.hpp"
#include "lacuna/kernels/convert/convert.hpp"

namespace lacuna {

std::string_view input_group_name(InputGroup group) {
  switch (group) {
    case InputGroup::attention: return "attention";
    case InputGroup::attention_output: return "attention_output";
    case InputGroup::mlp: return "mlp";
    case InputGroup::mlp_output: return "mlp_output";
  }
  return "unknown";
}

std::vector<LinearSpec> layer_linears(const DecoderConfig& config, std::int64_t layer) {
  std::vector<LinearSpec> specs;
  const auto add = [&](LinearRole role, InputGroup group, const std::string& component, std::int64_t rows,
                       std::int64_t cols, bool bias) {
    const std::string base = fmt::format("{}.{}.{}", config.names.layers, layer, component);
    specs.push_back({role, group, component, base + ".weight", bias ? base + ".bias" : "", rows, cols});
  };
  const DecoderNames& names = config.names;
  const std::int64_t hidden = config.hidden_size;
  const std::int64_t inner = config.intermediate_size;
  add(LinearRole::query, InputGroup::attention, names.query, config.query_size(), hidden, config.qkv_bias);
  add(LinearRole::key, InputGroup::attention, names.key, config.kv_size(), hidden, config.qkv_bias);
  add(LinearRole::value, InputGroup::attention, names.value, config.kv_size(), hidden, config.qkv_bias);
  add(LinearRole::output, InputGroup::attention_output, names.output, hidden, config.query_size(), config.output_bias);
  if (config.gated_mlp()) add(LinearRole::gate, InputGroup::mlp, names.gate, inner, hidden, config.mlp_bias);
  add(LinearRole::up, InputGroup::mlp, names.up, inner, hidden, config.mlp_bias);
  add(LinearRole::down, InputGroup::mlp_output, names.down, hidden, inner, config.mlp_bias);
  return specs;
}

namespace {

std::shared_ptr<const kernels::ColumnPanels> make_panels(const Linear& linear) {
  const auto panels = [&](DType dtype, const std::byte* weights) {
    return std::make_shared<const kernels::ColumnPanels>(dtype, weights, linear.rows(), linear.cols(), thread_count());
  };
  if (linear.weights.data() != nullptr) {
    return panels(DType::f32, reinterpret_cast<const std::byte*>(linear.weights.data()));
  }
  if (linear.packed != nullptr) {
    AlignedBuffer<std::byte> dense(linear.packed->plan().dense_bytes());
    linear.packed->unpack(dense.data());
    return panels(linear.packed->plan().dtype, dense.data());
  }
  const TensorView& stored = linear.stored;
  const bool known = stored.dtype == DType::f32 || stored.dtype == DType::f16 || stored.dtype == DType::bf16;
  if (known && stored.is_contiguous() &&
      reinterpret_cast<std::uintptr_t>(stored.data) % dtype_bytes(stored.dtype) == 0) {
    return panels(stored.dtype, stored.data);
  }
  AlignedBuffer<float> wide(static_cast<std::size_t>(stored.numel()));
  kernels::to_f32(stored, wide.data());
  return panels(DType::f32, reinterpret_cast<const std::byte*>(wide.data()));
}

}  // namespace

void make_columns(Linear& linear) {
  const bool halves = linear.packed != nullptr && dtype_bytes(linear.packed->plan().dtype) == 2;
  if (halves && linear.weights.data() == nullptr) {
    linear.packed_columns = std::make_shared<const kernels::PackedColumns>(linear.packed->rows(), thread_count());
  } else {
    linear.columns = make_panels(linear);
  }
}

std::shared_ptr<const kernels::SlicedRows> make_slices(const Linear& linear) {
  if (linear.packed == nullptr || linear.weights.data() != nullptr) return nullptr;
  return kernels::make_slices_if_faster(linear.packed->rows());
}

const Linear* LayerWeights::find(LinearRole role) const {
  for (const auto& linear : linears) {
    if (linear.spec.role == role) return &linear;
  }
  return nullptr;
}

Linear* LayerWeights::find(std::string_view component) {
  for (auto& linear : linears) {
    if (linear.spec.component == component) return &linear;
  }
  return nullptr;
}

std::uint64_t LayerWeights::owned_bytes() const {
  std::uint64_t bytes = 0;
  for (const auto& linear : linears) bytes += static_cast<std::uint64_t>(linear.weights.numel()) * sizeof(float);
  return bytes;
}

}  // namespace lacuna
