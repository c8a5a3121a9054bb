// How many rows of a group are all zero by chance, in closed form, when each feature's pattern is shuffled
// independently (null model `columns`, the features of the group given).
//
// Feature by feature: of z rows still all zero among R, a feature with k non-zeros hits H ~ Hypergeometric(R, z, k).
//   E[Z]       = R · Π (R − kᵢ)/R
//   E[Z(Z−1)]  = R(R−1) · Π (R − kᵢ)(R − kᵢ − 1) / (R(R−1))
// The distribution follows by running the hypergeometric step through all features.
//
// Accuracy  moments in f64; the distribution drops states and steps below 1e-18; its sum is within 1e-12 of 1.
// Errors    Error{invalid_argument}: a feature with more non-zeros than rows.
// Source    docs/cluster.md.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace lacuna {

struct ZeroRowMoments {
  double mean = 0.0;
  double variance = 0.0;
};
ZeroRowMoments zero_row_moments(std::int64_t rows, std::span<const std::uint32_t> ones);

// P(Z = z) for z = 0 … rows.
std::vector<double> zero_row_distribution(std::int64_t rows, std::span<const std::uint32_t> ones);

}  // namespace lacuna
