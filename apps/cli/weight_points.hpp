// The weights of chosen features as points to cluster, for --on weights.
#pragma once

#include "lacuna/cluster/neighbourhood_clusters.hpp"
#include "lacuna/core/tensor.hpp"

namespace lacuna::cli {

PointMaker weight_points(const TensorView& weights, bool by_columns);  // the view must outlive the result

}  // namespace lacuna::cli
