// k-means: greedy k-means++ seeding, Lloyd's iterations, the best of several initialisations.
//
//   inertia = Σ_i ‖x_i − centre(label_i)‖²
//
// Seeding draws, for each further centre, 2 + ⌊ln k⌋ candidates with probability proportional to the squared distance
// to the nearest centre so far, and keeps the one that leaves the least inertia, as scikit-learn does. An
// initialisation takes the best of four seedings, judged by the inertia of their first assignment. Iterations end when
// no label changes. A cluster that loses its last point gets the point farthest from its own centre.
//
// Exact    determined by the Gram matrix and the seed: the same labels on every thread count, for patterns on every ISA
//          too. Ties go to the lower label and the lower point.
// Cost     n² additions an iteration and initialisation (point_gram.hpp).
// Threads  initialisations run in parallel; each has a random stream of its own.
// Errors   Error{invalid_argument}: k outside [1, n]; no initialisation; no iteration.
// Source   Lloyd 1982, IEEE Trans. Inf. Theory 28:129; Arthur and Vassilvitskii 2007 (k-means++), section 4: the greedy
//          variant.
#pragma once

#include <cstdint>
#include <vector>

#include "lacuna/cluster/point_gram.hpp"

namespace lacuna {

struct KMeansOptions {
  int k = 8;
  int initialisations = 10;
  int max_iterations = 300;
  std::uint64_t seed = 0;
};

struct Clustering {
  std::vector<int> labels;  // 0 … k − 1
  int k = 0;
  double inertia = 0.0;
  int iterations = 0;  // of the initialisation kept
};

Clustering kmeans(const PointGram& points, const KMeansOptions& options);

std::vector<std::int64_t> cluster_sizes(const Clustering& clustering);

}  // namespace lacuna
