-- Version 1 -> 2: what ran where, standard errors, whole-matrix similarity, neighbourhoods.
ALTER TABLE runs ADD COLUMN compute VARCHAR DEFAULT 'f32';
ALTER TABLE runs ADD COLUMN isa VARCHAR;
ALTER TABLE comparisons ADD COLUMN matrix_jaccard DOUBLE;
ALTER TABLE comparisons ADD COLUMN matrix_cosine DOUBLE;
ALTER TABLE comparisons ADD COLUMN matrix_hamming DOUBLE;
ALTER TABLE evaluations ADD COLUMN perplexity_stderr DOUBLE;
ALTER TABLE evaluations ADD COLUMN top1_stderr DOUBLE;
CREATE TABLE nearest_neighbor_metrics (
  id BIGINT PRIMARY KEY,
  method VARCHAR NOT NULL,
  matrix_name VARCHAR NOT NULL,
  layer INTEGER NOT NULL,
  projection VARCHAR NOT NULL,
  feature_idx INTEGER NOT NULL,
  n_neighbors INTEGER NOT NULL,
  mean_pairwise_distance DOUBLE,
  zeros BIGINT,
  ones BIGINT,
  duplicates BIGINT,
  total_dups BIGINT,
  unique_rows BIGINT,
  density DOUBLE,
  "timestamp" TIMESTAMP,
  run_id VARCHAR
);
