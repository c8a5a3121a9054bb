// Frequencies of rotary position embedding, with the scaling variants of the Hugging Face models.
//
//   plain     f_i = θ^(−2i/d)
//   linear    f_i / factor
//   dynamic   θ grows with the length once it exceeds the trained one ("NTK-aware")
//   llama3    long wavelengths divided by factor, short ones kept, a ramp between
//   yarn      the same with another ramp, and cosines and sines times an attention factor
//   longrope  every frequency divided by a listed factor: one list up to the trained length, one beyond
//
// Accuracy  frequencies and angles are rounded to f32 as the reference does; cosines and sines are correctly rounded.
// Source    transformers modeling_rope_utils; arXiv:2309.00071 (yarn), arXiv:2402.13753 (longrope).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "lacuna/core/buffer.hpp"
#include "lacuna/kernels/rope/rope.hpp"

namespace lacuna {

enum class RopeScaling : std::uint8_t { none, linear, dynamic, llama3, yarn, longrope };

struct RopeConfig {
  double theta = 10000.0;
  RopeScaling scaling = RopeScaling::none;
  double factor = 1.0;
  std::int64_t trained_length = 0;     // before scaling: original_max_position_embeddings, or max_position_embeddings
  double low_frequency_factor = 1.0;   // llama3
  double high_frequency_factor = 4.0;  // llama3
  double beta_fast = 32.0;             // yarn
  double beta_slow = 1.0;              // yarn
  bool truncate = true;                // yarn: whole-numbered ramp ends
  double attention_factor = 1.0;       // yarn and longrope: multiplies cosines and sines
  std::vector<double> short_factors;   // longrope, head_dim/2 each
  std::vector<double> long_factors;
};

// The d/2 frequencies for sequences of `length` positions.
std::vector<float> rope_frequencies(const RopeConfig& config, std::int64_t head_dim, std::int64_t length);

// Cosines and sines of positions [0, length). Recomputed when asked for more, and, where frequencies depend on the
// length (dynamic, longrope), for every other length.
class RopeTables {
 public:
  RopeTables(RopeConfig config, std::int64_t head_dim) : config_(std::move(config)), head_dim_(head_dim) {}
  kernels::RopeTable for_length(std::int64_t length);

 private:
  RopeConfig config_;
  std::int64_t head_dim_;
  std::int64_t length_ = 0;
  Matrix<float> cosines_;
  Matrix<float> sines_;
};

}  // namespace lacuna
