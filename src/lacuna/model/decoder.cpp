#include "lacuna/model/decoder.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "lacuna/core/error.hpp"
#include "lacuna/core/threads.hpp"
#include "lacuna/kernels/convert/convert.hpp"
#include "lacuna/kernels/gemm/gemm.hpp"
#include "lacuna/kernels/widen/widen.hpp"

namespace lacuna {
namespace {

void require_shape(const Checkpoint& checkpoint, const std::string& name, const Shape& found, const Shape& expected) {
  if (found == expected) return;
  throw Error(ErrorCode::shape_mismatch, fmt::format("{}: config.json asks for shape {}, the checkpoint holds {}", name,
                                                     shape_text(expected), shape_text(found)))
      .at(checkpoint.folder());
}

void check_tensor(const Checkpoint& checkpoint, const std::string& name, const Shape& expected) {
  const TensorView& tensor = checkpoint.get(name);
  require_shape(checkpoint, name, tensor.shape, expected);
  if (!is_floating(tensor.dtype)) {
    throw Error(ErrorCode::unsupported_dtype,
                fmt::format("{}: expected a floating type, found {}", name, dtype_name(tensor.dtype)))
        .at(checkpoint.folder());
  }
}

std::vector<float> load_vector(const TensorView& tensor) {
  std::vector<float> values(static_cast<std::size_t>(tensor.numel()));
  kernels::to_f32(tensor, values.data());
  return values;
}

// Row `row` of a [rows, cols] tensor of any type and strides.
void widen_row(const TensorView& tensor, std::int64_t row, float* out) {
  const auto width = static_cast<std::int64_t>(dtype_bytes(tensor.dtype));
  kernels::widen(tensor.dtype, tensor.data + row * tensor.strides[0] * width, tensor.strides[1], tensor.shape[1], out);
}

}  // namespace

Decoder::Decoder(Checkpoint checkpoint, DecoderConfig config)
    : checkpoint_(std::move(checkpoint)), config_(std::move(config)) {}

Decoder Decoder::open(Checkpoint checkpoint) {
  DecoderConfig config = read_config(checkpoint.config_path());
  Decoder decoder(std::move(checkpoint), std::move(config));
  decoder.packed_ = PackedSet::open(decoder.checkpoint_);
  decoder.strip_model_prefix();
  decoder.check_tensors();
  return decoder;
}

void Decoder::strip_model_prefix() {
  constexpr std::string_view kPrefix = "model.";
  DecoderNames& names = config_.names;
  const auto bare = [&](const std::string& name) { return name.substr(kPrefix.size()); };
  if (!names.embedding.starts_with(kPrefix) || checkpoint_.find(names.embedding) != nullptr ||
      checkpoint_.find(bare(names.embedding)) == nullptr) {
    return;
  }
  for (std::string* name :
       {&names.embedding, &names.positions, &names.project_in, &names.project_out, &names.final_norm, &names.layers}) {
    if (name->starts_with(kPrefix)) *name = bare(*name);
  }
}

void Decoder::check_tensors() const {
  const DecoderConfig& c = config_;
  const auto check = [&](const std::string& name, const Shape& shape) {
    if (!name.empty()) check_tensor(checkpoint_, name, shape);
  };
  const auto check_norm = [&](const std::string& base, std::int64_t size, bool affine, bool bias) {
    if (base.empty() || !affine) return;
    check(base + ".weight", {size});
    if (bias) check(base + ".bias", {size});
  };
  const bool norm_bias = c.norm == NormKind::layer;
  check(c.names.embedding, {c.vocab_size, c.embedding_size});
  if (c.positions == PositionKind::learned) {
    check(c.names.positions, {c.max_positions + c.position_offset, c.hidden_size});
  }
  check(c.names.project_in, {c.hidden_size, c.embedding_size});
  check(c.names.project_out, {c.embedding_size, c.hidden_size});
  check_norm(c.names.final_norm, c.hidden_size, c.norm_affine, norm_bias);
  if (!c.tied_head) check(c.names.head, {c.vocab_size, c.embedding_size});
  for (std::int64_t layer = 0; layer < c.n_layers; ++layer) {
    const std::string base = fmt::format("{}.{}.", c.names.layers, layer);
    for (const auto& spec : layer_linears(c, layer)) {
      check_linear(spec);
      check(spec.bias_tensor, {spec.rows});
    }
    check_norm(base + c.names.attention_norm, c.hidden_size, c.norm_affine, norm_bias);
    check_norm(base + c.names.mlp_norm, c.hidden_size, c.norm_affine, norm_bias);
    if (!c.names.query_norm.empty()) check_norm(base + c.names.query_norm, c.head_dim, true, false);
    if (!c.names.key_norm.empty()) check_norm(base + c.names.key_norm, c.head_dim, true, false);
  }
}

void Decoder::check_linear(const LinearSpec& spec) const {
  const Shape expected = {spec.rows, spec.cols};
  const PackedMatrixPtr packed = packed_.find(spec.tensor);
  if (packed == nullptr) return check_tensor(checkpoint_, spec.tensor, expected);
  require_shape(checkpoint_, spec.tensor, packed->shape(), expected);
}

Linear Decoder::load_linear(LinearSpec spec, WeightStorage storage) const {
  Linear linear;
  if (!spec.bias_tensor.empty()) linear.bias = load_vector(checkpoint_.get(spec.bias_tensor));
  const PackedMatrixPtr packed = packed_.find(spec.tensor);
  if (storage == WeightStorage::mapped) {
    linear.packed = packed;
    if (packed == nullptr) linear.stored = checkpoint_.get(spec.tensor);
  } else {
    linear.weights = Matrix<float>(spec.rows, spec.cols);
    if (packed != nullptr) {
      kernels::expand_rows_f32(packed->rows(), 0, spec.rows, linear.weights.data());
    } else {
      kernels::to_f32(checkpoint_.get(spec.tensor), linear.weights.data());
    }
  }
  linear.spec = std::move(spec);
  return linear;
}

NormWeights Decoder::load_norm(const std::string& base) const {
  NormWeights norm;
  norm.weight = load_vector(checkpoint_.get(base + ".weight"));
  if (config_.norm == NormKind::layer) norm.bias = load_vector(checkpoint_.get(base + ".bias"));
  return norm;
}

LayerWeights Decoder::load_layer(std::int64_t layer, WeightStorage storage) const {
  LACUNA_ASSERT(0 <= layer && layer < config_.n_layers);
  LayerWeights weights;
  weights.index = layer;
  for (auto& spec : layer_linears(config_, layer)) {
    weights.linears.push_back(load_linear(std::move(spec), storage));
  }
  const std::string base = fmt::format("{}.{}.", config_.names.layers, layer);
  if (config_.norm_affine) {
    weights.attention_norm = load_norm(base + config_.names.attention_norm);
    weights.mlp_norm = load_norm(base + config_.names.mlp_norm);
  }
  if (!config_.names.query_norm.empty()) weights.query_norm = load_norm(base + config_.names.query_norm);
  if (!config_.names.key_norm.empty()) weights.key_norm = load_norm(base + config_.names.key_norm);
  return weights;
}

void Decoder::check_tokens(std::span<const std::int32_t> tokens, std::int64_t length,
                           std::int64_t first_position) const {
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i] >= 0 && tokens[i] < config_.vocab_size) continue;
    throw Error(ErrorCode::bad_token, fmt::format("token {} of the input: expected an id from 0 to {}, found {}", i,
                                                  config_.vocab_size - 1, tokens[i]));
  }
  if (config_.positions == PositionKind::learned && first_position + length > config_.max_positions) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("sequence length: this model has {} learned positions, got {} tokens",
                            config_.max_positions, first_position + length));
  }
}

void Decoder::embed(std::span<const std::int32_t> tokens, std::int64_t length, MatrixView<float> hidden,
                    std::int64_t first_position) const {
  LACUNA_ASSERT(hidden.rows == static_cast<std::int64_t>(tokens.size()) && hidden.cols == config_.hidden_size);
  check_tokens(tokens, length, first_position);
  const TensorView& table = checkpoint_.get(config_.names.embedding);
  const bool projected = !config_.names.project_in.empty();
  Matrix<float> narrow(projected ? hidden.rows : 0, projected ? config_.embedding_size : 0);
  const MatrixView<float> target = projected ? narrow.view() : hidden;
  constexpr std::int64_t kRowsPerThread = 64;
  parallel_for(hidden.rows, kRowsPerThread, [&](std::int64_t begin, std::int64_t end) {
    for (auto r = begin; r < end; ++r) widen_row(table, tokens[static_cast<std::size_t>(r)], target.row(r));
  });
  if (projected) {
    Matrix<float> projection(config_.hidden_size, config_.embedding_size);
    kernels::to_f32(checkpoint_.get(config_.names.project_in), projection.data());
    kernels::gemm_nt(narrow.view(), projection.view(), hidden);
  }
  if (config_.positions != PositionKind::learned) return;
  const TensorView& positions = checkpoint_.get(config_.names.positions);
  std::vector<float> row(static_cast<std::size_t>(config_.hidden_size));
  for (std::int64_t p = 0; p < length; ++p) {
    widen_row(positions, config_.position_offset + first_position + p, row.data());
    for (std::int64_t r = p; r < hidden.rows; r += length) {
      for (std::int64_t c = 0; c < hidden.cols; ++c) hidden(r, c) += row[static_cast<std::size_t>(c)];
    }
  }
}

const TensorView& Decoder::head() const {
  return checkpoint_.get(config_.tied_head ? config_.names.embedding : config_.names.head);
}

NormWeights Decoder::load_final_norm() const {
  if (config_.names.final_norm.empty() || !config_.norm_affine) return {};
  return load_norm(config_.names.final_norm);
}

const TensorView* Decoder::project_out() const {
  return config_.names.project_out.empty() ? nullptr : &checkpoint_.get(config_.names.project_out);
}

}  // namespace lacuna
