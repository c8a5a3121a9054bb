-- Lacuna's result store, schema version 5. docs/store.md explains it with a picture and example queries.
--
-- Conventions
--   * Shares (sparsity, jaccard, hamming, density, agreement) are fractions of 1, never percent. Times are UTC.
--   * NULL means not measured or not applicable. Key columns are never NULL; there '' means none.
--   * layer counts decoder layers from 0. component is the linear's name inside its layer: 'mlp.down_proj'.
--   * A record set (one run with its matrices, one comparison with its features, …) is written in one transaction.
--   * References (-> table.column) are kept by the program, not by constraints: DuckDB could otherwise not replace a
--     record and what belongs to it within one transaction.

-- One row per schema version this file has had; the highest is the current one.
CREATE TABLE lacuna_schema (
  version INTEGER PRIMARY KEY,
  lacuna_version VARCHAR NOT NULL,        -- the program that applied it
  applied TIMESTAMP NOT NULL
);

-- One pruning of one model with one method and target, or the model as it is (method 'dense').
CREATE TABLE runs (
  run_id VARCHAR PRIMARY KEY,             -- the same recipe gives the same id
  model VARCHAR NOT NULL,                 -- folder, or owner/name[@revision]
  method VARCHAR NOT NULL,                -- 'magnitude', 'wanda', 'sparsegpt', 'dense'
  sparsity DOUBLE NOT NULL,               -- target share of zeros; n/m for a pattern
  n INTEGER NOT NULL,                     -- N:M prunes N of every M consecutive weights of a row; 0:0 unstructured
  m INTEGER NOT NULL,
  options VARCHAR NOT NULL,               -- JSON object of every option that changes the result
  seed UBIGINT NOT NULL,
  calibration VARCHAR,                    -- file or name of the calibration data
  calibration_digest VARCHAR,             -- SHA-256 of its token ids, hexadecimal
  samples BIGINT NOT NULL,                -- calibration sequences
  seqlen BIGINT NOT NULL,                 -- tokens in each
  output VARCHAR,                         -- folder of the pruned model
  lacuna_version VARCHAR NOT NULL,
  lacuna_commit VARCHAR NOT NULL,
  started TIMESTAMP NOT NULL,
  elapsed_seconds DOUBLE NOT NULL,
  threads INTEGER NOT NULL,
  compute VARCHAR DEFAULT 'f32',          -- element type of the forward pass: 'f32' or 'bf16' (since version 2)
  isa VARCHAR                             -- 'scalar', 'avx2', 'avx512' (since version 2)
);

-- One weight matrix of a run.
CREATE TABLE matrices (
  run_id VARCHAR NOT NULL,                -- -> runs.run_id
  layer INTEGER NOT NULL,
  component VARCHAR NOT NULL,
  "rows" BIGINT NOT NULL,                 -- out_features
  cols BIGINT NOT NULL,                   -- in_features
  dtype VARCHAR NOT NULL,                 -- as stored: 'bf16'
  sparsity DOUBLE NOT NULL,               -- measured share of exact zeros
  relative_error DOUBLE,                  -- ‖(W−Ŵ)X‖² / ‖WX‖² over the calibration inputs
  l2 DOUBLE NOT NULL,                     -- Frobenius norm of the pruned weights
  pattern VARCHAR NOT NULL,               -- detected: '2:4', '4:8', 'unstructured', 'dense'
  damping DOUBLE NOT NULL,                -- SparseGPT: share of the mean diagonal added in the end
  damping_raises INTEGER NOT NULL,        -- how often it had to be raised
  dead_columns INTEGER NOT NULL,          -- inputs that were always zero
  elapsed_seconds DOUBLE,                 -- of this matrix
  PRIMARY KEY (run_id, layer, component)
);

-- Similarity of two matrices of one shape: mean and population standard deviation (ddof 0) over the features.
CREATE TABLE comparisons (
  comparison_id BIGINT NOT NULL,          -- unique; joins feature_metrics
  a VARCHAR NOT NULL,                     -- -> runs.run_id where stored, else the reference given (file, folder, model)
  b VARCHAR NOT NULL,
  layer INTEGER NOT NULL,
  component VARCHAR NOT NULL,
  axis VARCHAR NOT NULL,                  -- what a feature is: 'rows' (down_proj) or 'columns'
  "rows" BIGINT NOT NULL,
  cols BIGINT NOT NULL,
  features BIGINT NOT NULL,
  jaccard_mean DOUBLE NOT NULL,           -- |A ∧ B| / |A ∨ B| of the patterns
  jaccard_std DOUBLE NOT NULL,
  cosine_mean DOUBLE NOT NULL,            -- of the weights
  cosine_std DOUBLE NOT NULL,
  hamming_mean DOUBLE NOT NULL,           -- share of positions where the patterns differ
  hamming_std DOUBLE NOT NULL,
  matrix_jaccard DOUBLE,                  -- of the whole matrices as one flattened pair (since version 2)
  matrix_cosine DOUBLE,
  matrix_hamming DOUBLE,
  PRIMARY KEY (a, b, layer, component)
);

-- The per-feature values behind a comparison, in bulk. Key: comparison_id, feature.
CREATE TABLE feature_metrics (
  comparison_id BIGINT NOT NULL,          -- -> comparisons.comparison_id
  feature INTEGER NOT NULL,               -- row or column number, from 0
  jaccard DOUBLE NOT NULL,
  cosine DOUBLE NOT NULL,
  hamming DOUBLE NOT NULL
);

-- Perplexity of a model on a text, and its divergence from a dense model.
CREATE TABLE evaluations (
  model VARCHAR NOT NULL,                 -- what was evaluated: folder or id
  run_id VARCHAR NOT NULL,                -- -> runs.run_id; '': no stored run made it
  dataset VARCHAR NOT NULL,               -- file or name of the text
  text_digest VARCHAR NOT NULL,           -- SHA-256 of the token ids, hexadecimal
  seqlen BIGINT NOT NULL,                 -- tokens of a window
  windows BIGINT NOT NULL,                -- disjoint windows, weighted alike
  tokens BIGINT NOT NULL,                 -- predicted tokens: windows · (seqlen − 1)
  nll DOUBLE NOT NULL,                    -- mean negative log likelihood, nats per token
  perplexity DOUBLE NOT NULL,             -- exp(nll)
  "against" VARCHAR NOT NULL,             -- dense model of the divergences; '': none
  kl_mean DOUBLE,                         -- KL(dense ‖ this), nats per token
  kl_stderr DOUBLE,
  top1_agreement DOUBLE,                  -- share of tokens with the same argmax
  started TIMESTAMP NOT NULL,
  elapsed_seconds DOUBLE NOT NULL,
  perplexity_stderr DOUBLE,               -- since version 2
  top1_stderr DOUBLE,
  PRIMARY KEY (model, run_id, text_digest, seqlen, "against")
);

-- Neighbourhoods of features: columns as the earlier scripts wrote them, then ours (since version 2).
CREATE TABLE nearest_neighbor_metrics (
  id BIGINT PRIMARY KEY,
  method VARCHAR NOT NULL,
  matrix_name VARCHAR NOT NULL,           -- 'layer0-mlp.down_proj-0-0-0.5'
  layer INTEGER NOT NULL,
  projection VARCHAR NOT NULL,            -- 'down_proj'
  feature_idx INTEGER NOT NULL,
  n_neighbors INTEGER NOT NULL,
  mean_pairwise_distance DOUBLE,          -- Hamming, share of positions
  zeros BIGINT,                           -- all-zero rows of the neighbourhood's sub-matrix
  ones BIGINT,                            -- all-one rows
  duplicates BIGINT,                      -- distinct rows that occur more than once
  total_dups BIGINT,                      -- rows minus distinct rows
  unique_rows BIGINT,                     -- distinct rows
  density DOUBLE,
  "timestamp" TIMESTAMP,
  run_id VARCHAR,                         -- -> runs.run_id
  analysis_id VARCHAR                     -- -> analyses.analysis_id (since version 4)
);

-- How much structure the pattern of a matrix has, one row per statistic, beside what chance gives (since version 3).
CREATE TABLE structure (
  run_id VARCHAR NOT NULL,                -- -> runs.run_id
  layer INTEGER NOT NULL,
  component VARCHAR NOT NULL,
  statistic VARCHAR NOT NULL,             -- 'mean_distance', 'nearest_distance', 'separation', 'coherence_stored', …
  block BIGINT NOT NULL,                  -- features of a block, for coherence
  value DOUBLE NOT NULL,                  -- observed: share of rows; separation: a ratio
  null_model VARCHAR NOT NULL,            -- 'columns', 'margins', 'pattern': what the random masks keep
  draws BIGINT NOT NULL,
  null_mean DOUBLE NOT NULL,              -- over the draws, in the unit of value
  null_std DOUBLE NOT NULL,
  z DOUBLE,                               -- (value − null_mean) / null_std; NULL: all draws are equal
  p DOUBLE NOT NULL,                      -- (1 + draws at least as extreme) / (1 + draws), one test
  seed UBIGINT NOT NULL,
  PRIMARY KEY (run_id, layer, component, statistic, block)
);

-- One run of one analysis command; what it found is in the tables below, joined by analysis_id. Since version 4, as all
-- that follows. Running the same analysis again replaces what it found. layer -1, component '': no single matrix.
CREATE TABLE analyses (
  analysis_id VARCHAR PRIMARY KEY,        -- the same command, source, matrix, options and seed give the same id
  command VARCHAR NOT NULL,               -- 'neighbours', 'gradient', 'pairs', 'groups', 'coherence', 'cluster', 'tsne',
                                          -- 'activations', 'threshold'
  source VARCHAR NOT NULL,                -- file, folder or model
  run_id VARCHAR,                         -- -> runs.run_id of the pruning that made the source, where known
  layer INTEGER NOT NULL,
  component VARCHAR NOT NULL,
  "rows" BIGINT NOT NULL,                 -- of the matrix; 0: no single matrix
  cols BIGINT NOT NULL,
  axis VARCHAR,                           -- what a feature is: 'columns' or 'rows'
  options VARCHAR NOT NULL,               -- JSON object of every option that changes the result
  seed UBIGINT NOT NULL,
  threads INTEGER NOT NULL,
  lacuna_version VARCHAR NOT NULL,
  lacuna_commit VARCHAR NOT NULL,
  started TIMESTAMP NOT NULL,
  elapsed_seconds DOUBLE NOT NULL
);

-- The numbers of an analysis, each beside what chance gives.
CREATE TABLE analysis_statistics (
  analysis_id VARCHAR NOT NULL,           -- -> analyses.analysis_id, here and below
  statistic VARCHAR NOT NULL,             -- as in the command's --json: 'separation_8', 'mean', 'zeros', …
  value DOUBLE NOT NULL,
  null_model VARCHAR,                     -- 'columns', 'margins', 'pattern'; NULL: not tested
  draws BIGINT NOT NULL,
  null_mean DOUBLE,
  null_std DOUBLE,
  z DOUBLE,                               -- NULL: all draws are equal
  p DOUBLE,                               -- (1 + draws at least as extreme) / (1 + draws), one test
  p_holm DOUBLE                           -- corrected for the tests of this analysis
);

-- k-means on the nearest features of one feature. Lists are JSON arrays of integers.
CREATE TABLE cluster_runs (
  analysis_id VARCHAR NOT NULL,
  seed UBIGINT NOT NULL,
  feature BIGINT NOT NULL,
  k INTEGER NOT NULL,
  inertia DOUBLE NOT NULL,
  iterations INTEGER NOT NULL,
  sizes VARCHAR NOT NULL,                 -- points of each cluster
  indices VARCHAR NOT NULL,               -- features clustered, nearest first
  labels VARCHAR NOT NULL,                -- their clusters
  hamming_within DOUBLE NOT NULL,         -- share of rows
  hamming_between DOUBLE NOT NULL,
  hamming_separation DOUBLE,              -- between / within; NULL: undefined
  euclidean_within DOUBLE NOT NULL,
  euclidean_between DOUBLE NOT NULL,
  euclidean_separation DOUBLE
);

-- Share of rows that are zero in all features of a group, in the order of the analysis.
CREATE TABLE coherence_groups (
  analysis_id VARCHAR NOT NULL,
  "group" BIGINT NOT NULL,
  coherence DOUBLE NOT NULL
);

-- Distances of all pairs of features: histogram and CDF.
CREATE TABLE pair_distances (
  analysis_id VARCHAR NOT NULL,
  distance DOUBLE NOT NULL,               -- share of rows
  pairs UBIGINT NOT NULL,                 -- at this distance
  share DOUBLE NOT NULL,                  -- of the pairs at or below it
  null_low DOUBLE,                        -- 95 % of random masks have a share between these
  null_high DOUBLE
);

-- Features by their distance to one: neighbours, gradients. Rank 0 is the feature itself.
CREATE TABLE neighbour_lists (
  analysis_id VARCHAR NOT NULL,
  feature BIGINT NOT NULL,
  rank BIGINT NOT NULL,
  neighbour BIGINT NOT NULL,
  distance DOUBLE NOT NULL                -- share of rows
);

-- Features in the plane (t-SNE).
CREATE TABLE embedding_points (
  analysis_id VARCHAR NOT NULL,
  feature BIGINT NOT NULL,
  x DOUBLE NOT NULL,
  y DOUBLE NOT NULL,
  "cluster" INTEGER NOT NULL
);

-- One distinct input of linears. Lists are JSON arrays of numbers.
CREATE TABLE activation_inputs (
  analysis_id VARCHAR NOT NULL,
  layer INTEGER NOT NULL,
  component VARCHAR NOT NULL,             -- the first linear that reads it
  components VARCHAR NOT NULL,            -- all that do, separated by commas
  features BIGINT NOT NULL,
  "values" BIGINT NOT NULL,               -- features · tokens
  zero_share DOUBLE NOT NULL,             -- exact zeros
  largest DOUBLE NOT NULL,                -- |x|
  histogram_top DOUBLE NOT NULL,          -- end of the equal bins of |x|, which start at 0
  histogram VARCHAR NOT NULL,             -- share of values in each bin, the last with what lies above
  active_sparsity DOUBLE,                 -- active: |x| above the threshold of this sparsity; NULL: not measured
  active_threshold DOUBLE,
  hot_80 DOUBLE,                          -- share of features that makes up 80 % of all activations
  always DOUBLE,                          -- share of features active at every token
  never DOUBLE,
  overlap_neighbours DOUBLE,              -- Jaccard of the active sets of neighbouring tokens
  overlap_prompts DOUBLE,                 -- of tokens at one position of different prompts
  overlap_independent DOUBLE,             -- chance: independent features with these frequencies
  frequencies VARCHAR NOT NULL            -- percentiles 0, 1, …, 100 of the features' frequencies, hot first
);

CREATE TABLE activation_quantiles (
  analysis_id VARCHAR NOT NULL,
  layer INTEGER NOT NULL,
  component VARCHAR NOT NULL,
  q DOUBLE NOT NULL,
  magnitude DOUBLE NOT NULL               -- the q-quantile of |x|
);

-- Thresholds for a target sparsity: of inputs (rules 'quantile', 'teal'), of single linears ('greedy').
CREATE TABLE activation_thresholds (
  analysis_id VARCHAR NOT NULL,
  layer INTEGER NOT NULL,
  component VARCHAR NOT NULL,
  rule VARCHAR NOT NULL,
  target DOUBLE NOT NULL,                 -- sparsity asked for; greedy: of the whole block
  threshold DOUBLE NOT NULL,
  sparsity DOUBLE NOT NULL,               -- that it gives on the calibration set
  energy_kept DOUBLE,                     -- share of the square norm; rule 'quantile'
  block_sparsity DOUBLE,                  -- greedy: reached, weighted by the linears' sizes
  block_error DOUBLE,                     -- greedy: ‖ŷ − y‖ / ‖y‖ of the block's output
  uniform_error DOUBLE                    -- the same with every linear at block_sparsity
);

-- Weight matrices with their small entries set to zero. Lists are JSON arrays of numbers.
CREATE TABLE weight_thresholds (
  analysis_id VARCHAR NOT NULL,
  layer INTEGER NOT NULL,
  component VARCHAR NOT NULL,
  "rows" BIGINT NOT NULL,
  cols BIGINT NOT NULL,
  threshold DOUBLE NOT NULL,
  sparsity_before DOUBLE NOT NULL,
  sparsity DOUBLE NOT NULL,
  energy_kept DOUBLE NOT NULL,            -- share of the square norm
  pattern VARCHAR NOT NULL,               -- detected
  output VARCHAR,                         -- file written
  curve_sparsity VARCHAR DEFAULT '[]',    -- shares of zeros, ascending (since version 5)
  curve_threshold VARCHAR DEFAULT '[]',   -- the threshold that would give each
  curve_energy VARCHAR DEFAULT '[]'       -- the share of the square norm that it would keep
);

-- Times of kernels, one row per measurement; never replaced.
CREATE TABLE benchmarks (
  device VARCHAR NOT NULL,                -- processor or GPU
  kernel VARCHAR NOT NULL,                -- 'gemv', 'packed', 'activation', 'mmm', 'decode'
  format VARCHAR NOT NULL,                -- what was multiplied: 'dense', 'bitmap', 'slices', 'columns', 'bundles', …
  "rows" BIGINT NOT NULL,                 -- out_features
  cols BIGINT NOT NULL,                   -- in_features
  batch BIGINT NOT NULL,                  -- tokens at a time
  dtype VARCHAR NOT NULL,
  sparsity DOUBLE NOT NULL,
  median_us DOUBLE NOT NULL,              -- microseconds of one call
  gb_per_s DOUBLE,                        -- of bytes that had to be read
  share_of_ideal DOUBLE,                  -- of what the format's bytes would take at the device's bandwidth
  dense_us DOUBLE,                        -- the dense product in the same run
  speedup DOUBLE,                         -- dense_us / median_us
  checked BOOLEAN NOT NULL,               -- the result was compared with a reference before timing
  threads INTEGER NOT NULL,
  isa VARCHAR NOT NULL,
  lacuna_version VARCHAR NOT NULL,
  lacuna_commit VARCHAR NOT NULL,
  started TIMESTAMP NOT NULL
);
