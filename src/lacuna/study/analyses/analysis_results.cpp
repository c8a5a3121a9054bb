#include "lacuna/study/analyses/analysis_results.hpp"

#include <algorithm>
#include <cmath>

namespace lacuna {
namespace {

constexpr double kBandLow = 0.025;  // of the random masks; 95 % lie between
constexpr double kBandHigh = 0.975;

void add_band(std::vector<double> shares, PairDistanceRecord& record) {
  std::ranges::sort(shares);
  const auto last = static_cast<double>(shares.size() - 1);
  record.null_low = shares[static_cast<std::size_t>(std::floor(kBandLow * last))];
  record.null_high = shares[static_cast<std::size_t>(std::ceil(kBandHigh * last))];
}

ActivationInputRecord input_record(const InputProfile& input) {
  ActivationInputRecord record;
  record.layer = input.layer;
  record.component = input.components.front();
  for (const auto& component : input.components) {
    record.components += (record.components.empty() ? "" : ",") + component;
  }
  record.features = input.features;
  record.values = input.values;
  record.zero_share = input.zero_share;
  record.largest = input.largest;
  record.histogram_top = input.histogram.top;
  record.histogram = input.histogram.shares;
  if (input.coactivation) {
    const auto& c = *input.coactivation;
    record.active_sparsity = c.sparsity;
    record.active_threshold = c.threshold;
    record.hot_80 = c.hot_80;
    record.always = c.always;
    record.never = c.never;
    record.overlap_neighbours = c.overlap_neighbours;
    record.overlap_prompts = c.overlap_prompts;
    record.overlap_independent = c.overlap_independent;
    record.frequencies = c.frequency_percentiles;
  }
  return record;
}

void add_thresholds(const InputProfile& input, std::vector<ActivationThresholdRecord>& records) {
  for (const auto& target : input.targets) {
    ActivationThresholdRecord record;
    record.layer = input.layer;
    record.component = input.components.front();
    record.target = target.sparsity;
    record.rule = "teal";
    record.threshold = target.teal;
    record.sparsity = target.teal_given;
    records.push_back(record);
    record.rule = "quantile";
    record.threshold = target.quantile;
    record.sparsity = target.given;
    record.energy_kept = target.energy_kept;
    records.push_back(std::move(record));
  }
}

void add_allocation(const LinearAllocation& linear, std::vector<ActivationThresholdRecord>& records) {
  for (const auto& target : linear.targets) {
    ActivationThresholdRecord record;
    record.layer = linear.layer;
    record.component = linear.component;
    record.rule = "greedy";
    record.target = target.target;
    record.threshold = target.threshold;
    record.sparsity = target.sparsity;
    record.block_sparsity = target.block_sparsity;
    record.block_error = target.block_error;
    record.uniform_error = target.uniform_error;
    records.push_back(std::move(record));
  }
}

}  // namespace

std::vector<ClusterRunRecord> cluster_records(std::span<const ClusterRun> runs) {
  std::vector<ClusterRunRecord> records;
  for (const auto& run : runs) {
    ClusterRunRecord record;
    record.seed = run.seed;
    record.feature = run.feature;
    record.k = run.clustering.k;
    record.inertia = run.clustering.inertia;
    record.iterations = run.clustering.iterations;
    record.sizes = cluster_sizes(run.clustering);
    record.indices = run.indices;
    record.labels = run.clustering.labels;
    record.hamming_within = run.hamming.within;
    record.hamming_between = run.hamming.between;
    record.hamming_separation = run.hamming.ratio();
    record.euclidean_within = run.euclidean.within;
    record.euclidean_between = run.euclidean.between;
    record.euclidean_separation = run.euclidean.ratio();
    records.push_back(std::move(record));
  }
  return records;
}

std::vector<GroupRecord> group_records(std::span<const FeatureGroup> groups, std::span<const GroupMetrics> metrics,
                                       const WeightMatrix& matrix, const MatrixOrigin& origin) {
  std::vector<GroupRecord> records;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    const auto& m = metrics[g];
    const auto dot = matrix.component.rfind('.');
    records.push_back({origin.method, origin.name, matrix.layer,
                       dot == std::string::npos ? matrix.component : matrix.component.substr(dot + 1),
                       groups[g].seed_feature, static_cast<std::int64_t>(groups[g].features.size()),
                       m.mean_pairwise_distance, m.zeros, m.ones, m.duplicates, m.total_dups, m.unique_rows,
                       m.density});
  }
  return records;
}

std::vector<PairDistanceRecord> pair_records(const PairDistances& pairs,
                                             std::span<const std::vector<double>> drawn_cdfs) {
  std::vector<PairDistanceRecord> records;
  std::uint64_t seen = 0;
  for (std::size_t d = 0; d < pairs.histogram.size(); ++d) {
    if (pairs.histogram[d] == 0) continue;
    seen += pairs.histogram[d];
    PairDistanceRecord record;
    record.distance = pairs.rows == 0 ? 0.0 : static_cast<double>(d) / static_cast<double>(pairs.rows);
    record.pairs = pairs.histogram[d];
    record.share = static_cast<double>(seen) / static_cast<double>(pairs.pairs());
    if (!drawn_cdfs.empty()) add_band(drawn_cdfs[d], record);
    records.push_back(record);
  }
  return records;
}

std::vector<EmbeddedPointRecord> point_records(std::span<const std::int64_t> features, const Embedding& embedding,
                                               std::span<const int> labels) {
  std::vector<EmbeddedPointRecord> records;
  for (std::size_t i = 0; i < features.size(); ++i)
    records.push_back({features[i], embedding.x[i], embedding.y[i], labels[i]});
  return records;
}

void add_profile(const ActivationProfile& profile, AnalysisResults& results) {
  for (const auto& input : profile.inputs) {
    results.inputs.push_back(input_record(input));
    for (const auto& [q, magnitude] : input.quantiles)
      results.quantiles.push_back({input.layer, input.components.front(), q, magnitude});
    add_thresholds(input, results.thresholds);
  }
  for (const auto& linear : profile.allocations) add_allocation(linear, results.thresholds);
}

std::vector<WeightThresholdRecord> weight_records(std::span<const ThresholdedMatrix> matrices) {
  std::vector<WeightThresholdRecord> records;
  for (const auto& m : matrices) {
    auto& record = records.emplace_back(WeightThresholdRecord{m.layer,
                                                              m.component,
                                                              m.rows,
                                                              m.cols,
                                                              m.threshold,
                                                              m.sparsity_before,
                                                              m.sparsity,
                                                              m.energy_kept,
                                                              m.pattern,
                                                              m.output.string(),
                                                              {},
                                                              {},
                                                              {}});
    for (const auto& point : m.curve) {
      record.curve_sparsity.push_back(point.sparsity);
      record.curve_threshold.push_back(point.threshold);
      record.curve_energy.push_back(point.energy_kept);
    }
  }
  return records;
}

}  // namespace lacuna
