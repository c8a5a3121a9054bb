// Which features are active at which token, as bits, and what such sets have in common.
//
//   active[t, j] = |x[t, j]| > threshold      tokens×features; a BitMatrix: every analysis of patterns runs on it
//
//   frequency        share of tokens at which a feature is active, features sorted from hot to cold
//   hot_share(a)     the smallest share of features that makes up share a of all activations
//   overlap          mean Jaccard |A ∩ B| / |A ∪ B| of the active sets of two tokens, 0 when both are empty:
//                    neighbours (t, t + 1) of one prompt; same position in different prompts; and what independent
//                    features with these frequencies give, Σ p² / Σ (2p − p²)
//
// Cost     one read of the bits each; overlaps between prompts take every pair of consecutive prompts.
// Exact    integers per pair of tokens, means in f64 in token order: the same on every ISA and thread count.
// Errors   Error{shape_mismatch}: rows beyond the matrix; widths differ; length does not divide the tokens.
#pragma once

#include <cstdint>
#include <vector>

#include "lacuna/bits/bit_matrix.hpp"
#include "lacuna/core/tensor.hpp"

namespace lacuna {

// Fills rows [first_row, first_row + x.rows) of `active`.
void set_active(MatrixView<const float> x, float threshold, std::int64_t first_row, BitMatrix& active);

struct FrequencyCurve {
  std::vector<double> frequencies;  // descending, one per feature
  double mean = 0.0;
  double always = 0.0;  // share of features active at every token
  double never = 0.0;   // and at none

  double hot_share(double activations) const;
};
FrequencyCurve activation_frequency(const BitMatrix& active);

struct ActiveOverlap {
  double neighbours = 0.0;   // 0 where prompts have one token
  double prompts = 0.0;      // 0 for a single prompt
  double independent = 0.0;  // chance
};
ActiveOverlap active_overlap(const BitMatrix& active, std::int64_t length);  // prompts of `length` tokens each

}  // namespace lacuna
