// From what the algorithms return to the records of analyses (analysis_records.hpp).
//
// Distances become shares of the rows of W.
#pragma once

#include <span>

#include "lacuna/activations/profile.hpp"
#include "lacuna/cluster/group_metrics.hpp"
#include "lacuna/cluster/neighbourhood_clusters.hpp"
#include "lacuna/cluster/pairs.hpp"
#include "lacuna/cluster/tsne.hpp"
#include "lacuna/study/analyses/analysis_records.hpp"
#include "lacuna/study/analyses/matrix_origin.hpp"
#include "lacuna/study/analyses/threshold_run.hpp"

namespace lacuna {

std::vector<ClusterRunRecord> cluster_records(std::span<const ClusterRun> runs);

std::vector<GroupRecord> group_records(std::span<const FeatureGroup> groups, std::span<const GroupMetrics> metrics,
                                       const WeightMatrix& matrix, const MatrixOrigin& origin);

// drawn_cdfs[d]: the shares of pairs at or below d rows, one per random mask; none: no band.
std::vector<PairDistanceRecord> pair_records(const PairDistances& pairs,
                                             std::span<const std::vector<double>> drawn_cdfs);

// Appends one feature's list, nearest first. distances are rows that differ, of `rows`.
template <typename Index>
void add_neighbours(std::int64_t feature, std::span<const Index> indices, std::span<const std::uint32_t> distances,
                    std::int64_t rows, std::vector<NeighbourRecord>& records) {
  for (std::size_t i = 0; i < indices.size(); ++i) {
    records.push_back({feature, static_cast<std::int64_t>(i), static_cast<std::int64_t>(indices[i]),
                       static_cast<double>(distances[i]) / static_cast<double>(rows > 0 ? rows : 1)});
  }
}

std::vector<EmbeddedPointRecord> point_records(std::span<const std::int64_t> features, const Embedding& embedding,
                                               std::span<const int> labels);

void add_profile(const ActivationProfile& profile, AnalysisResults& results);

std::vector<WeightThresholdRecord> weight_records(std::span<const ThresholdedMatrix> matrices);

}  // namespace lacuna
