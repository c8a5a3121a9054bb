-- Lacuna's result store, schema version 3. docs/store.md explains it with a picture and example queries.
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

-- Neighbourhoods of features: columns as the earlier scripts wrote them, then run_id (since version 2).
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
  run_id VARCHAR                          -- -> runs.run_id
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
