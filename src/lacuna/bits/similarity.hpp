// Similarity of two matrices of one shape: jaccard, cosine and hamming for each feature and for the whole pair.
//
// With A = (a ≠ 0), B = (b ≠ 0) for any flattened pair a, b:
//   jaccard = |A ∧ B| / |A ∨ B|        0 when the union is empty
//   cosine  = a·b / (‖a‖ ‖b‖)          0 when either norm is 0; NaN when a value is NaN or infinite
//   hamming = |A ≠ B| / len            0 when len is 0
// A feature is a row or a column; the scripts take rows of down_proj and columns of everything else (feature_axis).
// Derivation, a worked example: docs/comparison.md.
//
// Layout    any strides, any mix of element types; tiles are widened in the cache, never a whole matrix.
// Exact     jaccard and hamming come from integers: the same on every ISA and thread count.
// Accuracy  cosine from f64 sums (kernels/similarity): the same bits on every ISA and thread count, within
//           len·2⁻⁵² of the exact value relative to Σ|aᵢbᵢ| / (‖a‖ ‖b‖), which is ≤ 1. Squares of f64 values beyond
//           1e154 overflow to infinity, the cosine then is NaN.
// Threads   parallel inside over features; read-only inputs.
// Errors    Error{shape_mismatch}: shapes differ. Error{invalid_argument}: not rank 2. Error{limit_exceeded}: an extent
//           ≥ 2³². Error{interrupted}.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "lacuna/bits/bit_matrix.hpp"
#include "lacuna/core/run_context.hpp"
#include "lacuna/core/tensor.hpp"

namespace lacuna {

enum class FeatureAxis { rows, columns };
std::string_view feature_axis_name(FeatureAxis axis);  // "rows", "columns"

// rows for "…down_proj", columns for every other component (OPT's fc2 included: the definition names down_proj alone).
FeatureAxis feature_axis(std::string_view component);

struct MetricSummary {
  double mean = 0.0;
  double std = 0.0;  // population, ddof 0
};

struct Similarity {
  FeatureAxis axis = FeatureAxis::columns;
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::vector<double> jaccard;  // one value per feature
  std::vector<double> cosine;
  std::vector<double> hamming;
  MetricSummary jaccard_summary;  // over the features
  MetricSummary cosine_summary;
  MetricSummary hamming_summary;
  double matrix_jaccard = 0.0;  // the whole matrices as one flattened pair
  double matrix_cosine = 0.0;
  double matrix_hamming = 0.0;

  std::int64_t features() const { return axis == FeatureAxis::rows ? rows : cols; }
};

Similarity compare_matrices(const TensorView& a, const TensorView& b, FeatureAxis axis, const RunContext& context = {});

// The same for masks; the cosine is that of 0/1 values, |A ∧ B| / √(|A| |B|).
Similarity compare_masks(const BitMatrix& a, const BitMatrix& b, FeatureAxis axis);

}  // namespace lacuna
