// How well clusters are apart: within and between distances, all pairs.
//
//   Hamming      within[c] = mean Hamming distance over the pairs inside c, 0 for a singleton; within = mean over
//                clusters. between = mean over c < d of the mean distance over pairs across c and d.
//   Euclidean    within = mean over points of the distance to their centre; between = mean distance of two centres.
//   separation   between / within; absent where within is 0 or there is one cluster
//
// For patterns; Hamming distances are shares of rows. For numbers only the Euclidean part has a meaning.
//
// Exact    patterns: integers, divided once. Cost O(n²). Empty clusters are left out.
// Errors   Error{invalid_argument}: labels that do not fit the points.
#pragma once

#include <optional>
#include <string_view>

#include "lacuna/cluster/kmeans.hpp"

namespace lacuna {

struct Separation {
  double within = 0.0;
  double between = 0.0;
  std::optional<double> ratio() const {
    if (!(within > 0.0) || !(between > 0.0)) return std::nullopt;
    return between / within;
  }
};

Separation hamming_separation(const PointGram& patterns, const Clustering& clustering);
Separation euclidean_separation(const PointGram& points, const Clustering& clustering);

// > 2 excellent, > 1 good, > 0.5 moderate, else poor: the scripts' words for a Euclidean ratio.
std::string_view separation_level(double ratio);

}  // namespace lacuna
