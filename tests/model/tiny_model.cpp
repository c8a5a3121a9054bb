#include "model/tiny_model.hpp"

#include <algorithm>

#include "lacuna/core/random.hpp"
#include "lacuna/formats/safetensors_writer.hpp"
#include "lacuna/model/layer.hpp"

namespace lacuna::test {

std::vector<TinyTensor> tensors_of(const std::string& config_json) {
  const DecoderConfig c = parse_config(config_json);
  std::vector<TinyTensor> tensors;
  const auto add = [&](const std::string& name, std::vector<std::int64_t> shape) {
    if (!name.empty()) tensors.push_back({name, std::move(shape)});
  };
  const auto add_norm = [&](const std::string& base, std::int64_t size, bool bias) {
    add(base + ".weight", {size});
    if (bias) add(base + ".bias", {size});
  };
  const bool bias = c.norm == NormKind::layer;
  add(c.names.embedding, {c.vocab_size, c.embedding_size});
  add(c.names.positions, {c.max_positions + c.position_offset, c.hidden_size});
  add(c.names.project_in, {c.hidden_size, c.embedding_size});
  add(c.names.project_out, {c.embedding_size, c.hidden_size});
  if (!c.names.final_norm.empty()) add_norm(c.names.final_norm, c.hidden_size, bias);
  if (!c.tied_head) add(c.names.head, {c.vocab_size, c.embedding_size});
  for (std::int64_t layer = 0; layer < c.n_layers; ++layer) {
    for (const auto& spec : layer_linears(c, layer)) {
      add(spec.tensor, {spec.rows, spec.cols});
      add(spec.bias_tensor, {spec.rows});
    }
    const std::string base = c.names.layers + "." + std::to_string(layer) + ".";
    add_norm(base + c.names.attention_norm, c.hidden_size, bias);
    add_norm(base + c.names.mlp_norm, c.hidden_size, bias);
    if (!c.names.query_norm.empty()) add_norm(base + c.names.query_norm, c.head_dim, false);
    if (!c.names.key_norm.empty()) add_norm(base + c.names.key_norm, c.head_dim, false);
  }
  return tensors;
}

void write_tiny_model(const TempFolder& folder, const std::string& config_json,
                      const std::vector<std::string>& without) {
  folder.write("config.json", config_json);
  Random random(7);
  std::vector<std::vector<std::uint16_t>> values;
  std::vector<NamedTensor> tensors;
  for (const auto& [name, shape] : tensors_of(config_json)) {
    if (std::find(without.begin(), without.end(), name) != without.end()) continue;
    TensorView view = make_tensor_view(DType::bf16, shape, nullptr);
    auto& bits = values.emplace_back(static_cast<std::size_t>(view.numel()));
    const bool norm_weight = shape.size() == 1 && name.ends_with("weight");
    for (auto& bit : bits) bit = f32_to_bf16(static_cast<float>((norm_weight ? 1.0 : 0.0) + 0.25 * random.normal()));
    view.data = reinterpret_cast<const std::byte*>(bits.data());
    tensors.push_back({name, view});
  }
  write_safetensors(folder / "model.safetensors", tensors, {});
}

}  // namespace lacuna::test
