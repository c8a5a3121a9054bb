-- Version 3 -> 4: runs of single analyses with what they found, and benchmarks.
ALTER TABLE nearest_neighbor_metrics ADD COLUMN analysis_id VARCHAR;
CREATE TABLE analyses (
  analysis_id VARCHAR PRIMARY KEY,
  command VARCHAR NOT NULL,
  source VARCHAR NOT NULL,
  run_id VARCHAR,
  layer INTEGER NOT NULL,
  component VARCHAR NOT NULL,
  "rows" BIGINT NOT NULL,
  cols BIGINT NOT NULL,
  axis VARCHAR,
  options VARCHAR NOT NULL,
  seed UBIGINT NOT NULL,
  threads INTEGER NOT NULL,
  lacuna_version VARCHAR NOT NULL,
  lacuna_commit VARCHAR NOT NULL,
  started TIMESTAMP NOT NULL,
  elapsed_seconds DOUBLE NOT NULL
);
CREATE TABLE analysis_statistics (
  analysis_id VARCHAR NOT NULL,
  statistic VARCHAR NOT NULL,
  value DOUBLE NOT NULL,
  null_model VARCHAR,
  draws BIGINT NOT NULL,
  null_mean DOUBLE,
  null_std DOUBLE,
  z DOUBLE,
  p DOUBLE,
  p_holm DOUBLE
);
CREATE TABLE cluster_runs (
  analysis_id VARCHAR NOT NULL,
  seed UBIGINT NOT NULL,
  feature BIGINT NOT NULL,
  k INTEGER NOT NULL,
  inertia DOUBLE NOT NULL,
  iterations INTEGER NOT NULL,
  sizes VARCHAR NOT NULL,
  indices VARCHAR NOT NULL,
  labels VARCHAR NOT NULL,
  hamming_within DOUBLE NOT NULL,
  hamming_between DOUBLE NOT NULL,
  hamming_separation DOUBLE,
  euclidean_within DOUBLE NOT NULL,
  euclidean_between DOUBLE NOT NULL,
  euclidean_separation DOUBLE
);
CREATE TABLE coherence_groups (
  analysis_id VARCHAR NOT NULL,
  "group" BIGINT NOT NULL,
  coherence DOUBLE NOT NULL
);
CREATE TABLE pair_distances (
  analysis_id VARCHAR NOT NULL,
  distance DOUBLE NOT NULL,
  pairs UBIGINT NOT NULL,
  share DOUBLE NOT NULL,
  null_low DOUBLE,
  null_high DOUBLE
);
CREATE TABLE neighbour_lists (
  analysis_id VARCHAR NOT NULL,
  feature BIGINT NOT NULL,
  rank BIGINT NOT NULL,
  neighbour BIGINT NOT NULL,
  distance DOUBLE NOT NULL
);
CREATE TABLE embedding_points (
  analysis_id VARCHAR NOT NULL,
  feature BIGINT NOT NULL,
  x DOUBLE NOT NULL,
  y DOUBLE NOT NULL,
  "cluster" INTEGER NOT NULL
);
CREATE TABLE activation_inputs (
  analysis_id VARCHAR NOT NULL,
  layer INTEGER NOT NULL,
  component VARCHAR NOT NULL,
  components VARCHAR NOT NULL,
  features BIGINT NOT NULL,
  "values" BIGINT NOT NULL,
  zero_share DOUBLE NOT NULL,
  largest DOUBLE NOT NULL,
  histogram_top DOUBLE NOT NULL,
  histogram VARCHAR NOT NULL,
  active_sparsity DOUBLE,
  active_threshold DOUBLE,
  hot_80 DOUBLE,
  always DOUBLE,
  never DOUBLE,
  overlap_neighbours DOUBLE,
  overlap_prompts DOUBLE,
  overlap_independent DOUBLE,
  frequencies VARCHAR NOT NULL
);
CREATE TABLE activation_quantiles (
  analysis_id VARCHAR NOT NULL,
  layer INTEGER NOT NULL,
  component VARCHAR NOT NULL,
  q DOUBLE NOT NULL,
  magnitude DOUBLE NOT NULL
);
CREATE TABLE activation_thresholds (
  analysis_id VARCHAR NOT NULL,
  layer INTEGER NOT NULL,
  component VARCHAR NOT NULL,
  rule VARCHAR NOT NULL,
  target DOUBLE NOT NULL,
  threshold DOUBLE NOT NULL,
  sparsity DOUBLE NOT NULL,
  energy_kept DOUBLE,
  block_sparsity DOUBLE,
  block_error DOUBLE,
  uniform_error DOUBLE
);
CREATE TABLE weight_thresholds (
  analysis_id VARCHAR NOT NULL,
  layer INTEGER NOT NULL,
  component VARCHAR NOT NULL,
  "rows" BIGINT NOT NULL,
  cols BIGINT NOT NULL,
  threshold DOUBLE NOT NULL,
  sparsity_before DOUBLE NOT NULL,
  sparsity DOUBLE NOT NULL,
  energy_kept DOUBLE NOT NULL,
  pattern VARCHAR NOT NULL,
  output VARCHAR
);
CREATE TABLE benchmarks (
  device VARCHAR NOT NULL,
  kernel VARCHAR NOT NULL,
  format VARCHAR NOT NULL,
  "rows" BIGINT NOT NULL,
  cols BIGINT NOT NULL,
  batch BIGINT NOT NULL,
  dtype VARCHAR NOT NULL,
  sparsity DOUBLE NOT NULL,
  median_us DOUBLE NOT NULL,
  gb_per_s DOUBLE,
  share_of_ideal DOUBLE,
  dense_us DOUBLE,
  speedup DOUBLE,
  checked BOOLEAN NOT NULL,
  threads INTEGER NOT NULL,
  isa VARCHAR NOT NULL,
  lacuna_version VARCHAR NOT NULL,
  lacuna_commit VARCHAR NOT NULL,
  started TIMESTAMP NOT NULL
);
