// As record_fields.hpp, for what analyses find and for benchmarks. Internal to store.
//
// Further calls of a visitor: visitor.list(name, vector), JSON text in the table; visitor.flag(name, bool). Records
// that belong to an analysis leave out their first column, analysis_id (record_io.hpp).
#pragma once

#include "lacuna/study/analyses/analysis_records.hpp"

namespace lacuna {

template <typename Visitor>
void visit_fields(AnalysisRecord& r, Visitor& v) {
  v.key("analysis_id", r.analysis_id);
  v.key("command", r.command);
  v.key("source", r.source);
  v.optional_text("run_id", r.run_id);
  v.number("layer", r.layer);
  v.key("component", r.component);
  v.number("rows", r.rows);
  v.number("cols", r.cols);
  v.optional_text("axis", r.axis);
  v.key("options", r.options_json);
  v.number("seed", r.seed);
  v.number("threads", r.threads);
  v.key("lacuna_version", r.lacuna_version);
  v.key("lacuna_commit", r.lacuna_commit);
  v.timestamp("started", r.started_us);
  v.number("elapsed_seconds", r.elapsed_seconds);
}

template <typename Visitor>
void visit_fields(StatisticRecord& r, Visitor& v) {
  v.key("statistic", r.statistic);
  v.number("value", r.value);
  v.optional_text("null_model", r.null_model);
  v.number("draws", r.draws);
  v.number("null_mean", r.null_mean);
  v.number("null_std", r.null_std);
  v.number("z", r.z);
  v.number("p", r.p);
  v.number("p_holm", r.p_holm);
}

template <typename Visitor>
void visit_fields(ClusterRunRecord& r, Visitor& v) {
  v.number("seed", r.seed);
  v.number("feature", r.feature);
  v.number("k", r.k);
  v.number("inertia", r.inertia);
  v.number("iterations", r.iterations);
  v.list("sizes", r.sizes);
  v.list("indices", r.indices);
  v.list("labels", r.labels);
  v.number("hamming_within", r.hamming_within);
  v.number("hamming_between", r.hamming_between);
  v.number("hamming_separation", r.hamming_separation);
  v.number("euclidean_within", r.euclidean_within);
  v.number("euclidean_between", r.euclidean_between);
  v.number("euclidean_separation", r.euclidean_separation);
}

// One entry of AnalysisResults::coherence, with its place.
struct StoredCoherence {
  std::int64_t group = 0;
  double coherence = 0.0;
};

template <typename Visitor>
void visit_fields(StoredCoherence& r, Visitor& v) {
  v.number("group", r.group);
  v.number("coherence", r.coherence);
}

// A group as nearest_neighbor_metrics has it: with a number of its own, and what the analysis knows.
struct StoredGroup {
  std::int64_t id = 0;
  std::string run_id;
  std::int64_t started_us = 0;
  GroupRecord record;
};

template <typename Visitor>
void visit_fields(StoredGroup& stored, Visitor& v) {
  GroupRecord& r = stored.record;
  v.number("id", stored.id);
  v.key("method", r.method);
  v.key("matrix_name", r.matrix_name);
  v.number("layer", r.layer);
  v.key("projection", r.projection);
  v.number("feature_idx", r.feature);
  v.number("n_neighbors", r.size);
  v.number("mean_pairwise_distance", r.mean_pairwise_distance);
  v.number("zeros", r.zeros);
  v.number("ones", r.ones);
  v.number("duplicates", r.duplicates);
  v.number("total_dups", r.total_dups);
  v.number("unique_rows", r.unique_rows);
  v.number("density", r.density);
  v.timestamp("timestamp", stored.started_us);
  v.optional_text("run_id", stored.run_id);
}

template <typename Visitor>
void visit_fields(PairDistanceRecord& r, Visitor& v) {
  v.number("distance", r.distance);
  v.number("pairs", r.pairs);
  v.number("share", r.share);
  v.number("null_low", r.null_low);
  v.number("null_high", r.null_high);
}

template <typename Visitor>
void visit_fields(NeighbourRecord& r, Visitor& v) {
  v.number("feature", r.feature);
  v.number("rank", r.rank);
  v.number("neighbour", r.neighbour);
  v.number("distance", r.distance);
}

template <typename Visitor>
void visit_fields(EmbeddedPointRecord& r, Visitor& v) {
  v.number("feature", r.feature);
  v.number("x", r.x);
  v.number("y", r.y);
  v.number("cluster", r.cluster);
}

template <typename Visitor>
void visit_fields(ActivationInputRecord& r, Visitor& v) {
  v.number("layer", r.layer);
  v.key("component", r.component);
  v.key("components", r.components);
  v.number("features", r.features);
  v.number("values", r.values);
  v.number("zero_share", r.zero_share);
  v.number("largest", r.largest);
  v.number("histogram_top", r.histogram_top);
  v.list("histogram", r.histogram);
  v.number("active_sparsity", r.active_sparsity);
  v.number("active_threshold", r.active_threshold);
  v.number("hot_80", r.hot_80);
  v.number("always", r.always);
  v.number("never", r.never);
  v.number("overlap_neighbours", r.overlap_neighbours);
  v.number("overlap_prompts", r.overlap_prompts);
  v.number("overlap_independent", r.overlap_independent);
  v.list("frequencies", r.frequencies);
}

template <typename Visitor>
void visit_fields(ActivationQuantileRecord& r, Visitor& v) {
  v.number("layer", r.layer);
  v.key("component", r.component);
  v.number("q", r.q);
  v.number("magnitude", r.magnitude);
}

template <typename Visitor>
void visit_fields(ActivationThresholdRecord& r, Visitor& v) {
  v.number("layer", r.layer);
  v.key("component", r.component);
  v.key("rule", r.rule);
  v.number("target", r.target);
  v.number("threshold", r.threshold);
  v.number("sparsity", r.sparsity);
  v.number("energy_kept", r.energy_kept);
  v.number("block_sparsity", r.block_sparsity);
  v.number("block_error", r.block_error);
  v.number("uniform_error", r.uniform_error);
}

template <typename Visitor>
void visit_fields(WeightThresholdRecord& r, Visitor& v) {
  v.number("layer", r.layer);
  v.key("component", r.component);
  v.number("rows", r.rows);
  v.number("cols", r.cols);
  v.number("threshold", r.threshold);
  v.number("sparsity_before", r.sparsity_before);
  v.number("sparsity", r.sparsity);
  v.number("energy_kept", r.energy_kept);
  v.key("pattern", r.pattern);
  v.optional_text("output", r.output);
  v.list("curve_sparsity", r.curve_sparsity);
  v.list("curve_threshold", r.curve_threshold);
  v.list("curve_energy", r.curve_energy);
}

template <typename Visitor>
void visit_fields(BenchmarkRecord& r, Visitor& v) {
  v.key("device", r.device);
  v.key("kernel", r.kernel);
  v.key("format", r.format);
  v.number("rows", r.rows);
  v.number("cols", r.cols);
  v.number("batch", r.batch);
  v.key("dtype", r.dtype);
  v.number("sparsity", r.sparsity);
  v.number("median_us", r.median_us);
  v.number("gb_per_s", r.gb_per_s);
  v.number("share_of_ideal", r.share_of_ideal);
  v.number("dense_us", r.dense_us);
  v.number("speedup", r.speedup);
  v.flag("checked", r.checked);
  v.number("threads", r.threads);
  v.key("isa", r.isa);
  v.key("lacuna_version", r.lacuna_version);
  v.key("lacuna_commit", r.lacuna_commit);
  v.timestamp("started", r.started_us);
}

}  // namespace lacuna
