// Clusters of equal size, as block kernels need them.
//
// Starts from random points and their nearest unused ones, then exchanges pairs of points between clusters as long as
// an exchange lowers Σ ‖x_i − centre‖². Every cluster has `size` points; where size does not divide n, the last label
// has what is left. Of several initialisations the best is kept.
//
// Exact    determined by the Gram matrix and the seed, whatever the thread count.
// Cost     n²/2 trials a pass, at most 50 passes; n²/size doubles of memory.
// Threads  initialisations run in parallel.
// Errors   Error{invalid_argument}: size < 1, no points, no initialisation.
#pragma once

#include "lacuna/cluster/kmeans.hpp"

namespace lacuna {

struct BalancedOptions {
  std::int64_t size = 8;
  int initialisations = 10;
  std::uint64_t seed = 0;
};

Clustering balanced_clusters(const PointGram& points, const BalancedOptions& options);

}  // namespace lacuna
