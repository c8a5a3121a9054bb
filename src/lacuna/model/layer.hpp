// The linears and norms of one decoder layer.
//
// A Linear holds its weights in one of three ways: `weights`, an f32 matrix of its own that callers may change (pruning
// does), or, where that is empty, `packed`, a matrix of a packed checkpoint, or `stored`, a view of the checkpoint's
// mapped bytes; both are widened as they are used. Giving a mapped Linear a `weights` matrix replaces it.
//
// `columns` are the same weights once more, stored for kernels/sparse_gemv: where they are, few tokens at a time are
// multiplied by them. Whoever changes weights must drop or remake them. `packed_columns` likewise, with their zeros
// left out: of packed weights of 16 bits, in place of `columns`.
//
// `slices` are packed weights once more, as very sparse rows are multiplied one token at a time: where they are, they
// are used. They refer to `packed`.
//
// Linears come in the order in which the forward pass needs them. Those of one InputGroup read the same input.
//
// A Linear with an input_threshold t ≥ 0 reads its input with every entry |x| ≤ t taken as 0 (dynamic activation
// sparsity, as TEAL: the columns of W that meet a 0 need not be read).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lacuna/core/buffer.hpp"
#include "lacuna/core/tensor.hpp"
#include "lacuna/kernels/packed_gemv/sliced_rows.hpp"
#include "lacuna/kernels/sparse_gemv/column_panels.hpp"
#include "lacuna/kernels/sparse_gemv/packed_columns.hpp"
#include "lacuna/model/config.hpp"
#include "lacuna/sparse/packed_reader.hpp"

namespace lacuna {

enum class LinearRole : std::uint8_t { query, key, value, output, gate, up, down };

// attention: {q, k, v}; attention_output: {o}; mlp: {gate, up}; mlp_output: {down}. In the order of the forward pass.
enum class InputGroup : std::uint8_t { attention, attention_output, mlp, mlp_output };
inline constexpr int kInputGroups = 4;
std::string_view input_group_name(InputGroup group);

struct LinearSpec {
  LinearRole role = LinearRole::query;
  InputGroup group = InputGroup::attention;
  std::string component;    // "self_attn.q_proj"
  std::string tensor;       // "model.layers.0.self_attn.q_proj.weight"
  std::string bias_tensor;  // empty: no bias
  std::int64_t rows = 0;    // outputs
  std::int64_t cols = 0;    // inputs
};

// What one layer of this model holds; nothing is read.
std::vector<LinearSpec> layer_linears(const DecoderConfig& config, std::int64_t layer);

inline constexpr float kNoThreshold = -1.0F;

struct Linear {
  LinearSpec spec;
  Matrix<float> weights;                                         // rows×cols, or empty
  TensorView stored;                                             // any floating type and strides; shape [rows, cols]
  PackedMatrixPtr packed;                                        // or null
  std::shared_ptr<const kernels::SlicedRows> slices;             // or null
  std::vector<float> bias;                                       // rows, or empty
  std::shared_ptr<const kernels::ColumnPanels> columns;          // or null
  std::shared_ptr<const kernels::PackedColumns> packed_columns;  // or null
  float input_threshold = kNoThreshold;

  std::int64_t rows() const { return spec.rows; }
  std::int64_t cols() const { return spec.cols; }
  bool has_columns() const { return columns != nullptr || packed_columns != nullptr; }
};

// Sets `packed_columns` of packed weights of 16 bits and `columns` of others: their type where it is f32, f16 or bf16,
// else f32. Parallel inside; throws Error{out_of_memory}.
void make_columns(Linear& linear);
// Slices of packed weights where they are faster; null elsewhere. The same.
std::shared_ptr<const kernels::SlicedRows> make_slices(const Linear& linear);

struct NormWeights {
  std::vector<float> weight;
  std::vector<float> bias;  // LayerNorm only
};

struct LayerWeights {
  std::int64_t index = 0;
  std::vector<Linear> linears;
  NormWeights attention_norm;
  NormWeights mlp_norm;
  NormWeights query_norm;
  NormWeights key_norm;

  const Linear* find(LinearRole role) const;  // null: this model has none (gate)
  Linear* find(std::string_view component);   // null when absent
  std::uint64_t owned_bytes() const;          // of f32 matrices
};

}  // namespace lacuna
