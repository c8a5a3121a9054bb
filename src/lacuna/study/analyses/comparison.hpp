// Comparing two sets of matrices: pairs by layer and component, similarity of each pair, what has no partner.
//
// A set of one matrix without a layer (a bare tensor file) pairs with any other such set whatever the names are. A set
// compares as the mask of its non-zeros and, for the cosine, by its values (bits/similarity.hpp).
//
// Errors  shape_mismatch names both matrices and both shapes; nothing_to_compare: no pair at all; interrupted.
#pragma once

#include <string>
#include <vector>

#include "lacuna/core/run_context.hpp"
#include "lacuna/formats/matrix_set.hpp"
#include "lacuna/study/records.hpp"

namespace lacuna {

struct MatrixComparison {
  ComparisonRecord record;
  FeatureMetrics features;
};

struct UnpairedMatrix {
  std::string reference;  // the set that holds it
  int layer = kNoLayer;
  std::string component;
};

struct SetComparison {
  std::vector<MatrixComparison> matrices;  // by layer, then the order of a
  std::vector<UnpairedMatrix> unpaired;    // those of a, then those of b
};

SetComparison compare_sets(const MatrixSet& a, const MatrixSet& b, const RunContext& context);

}  // namespace lacuna
