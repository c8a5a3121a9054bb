-- A store as schema version 1 made it, with a row in every table. Never changes: it is what old files look like.
CREATE TABLE lacuna_schema (version INTEGER PRIMARY KEY, lacuna_version VARCHAR NOT NULL, applied TIMESTAMP NOT NULL);
CREATE TABLE runs (
  run_id VARCHAR PRIMARY KEY, model VARCHAR NOT NULL, method VARCHAR NOT NULL, sparsity DOUBLE NOT NULL,
  n INTEGER NOT NULL, m INTEGER NOT NULL, options VARCHAR NOT NULL, seed UBIGINT NOT NULL, calibration VARCHAR,
  calibration_digest VARCHAR, samples BIGINT NOT NULL, seqlen BIGINT NOT NULL, output VARCHAR,
  lacuna_version VARCHAR NOT NULL, lacuna_commit VARCHAR NOT NULL, started TIMESTAMP NOT NULL,
  elapsed_seconds DOUBLE NOT NULL, threads INTEGER NOT NULL
);
CREATE TABLE matrices (
  run_id VARCHAR NOT NULL, layer INTEGER NOT NULL, component VARCHAR NOT NULL, "rows" BIGINT NOT NULL,
  cols BIGINT NOT NULL, dtype VARCHAR NOT NULL, sparsity DOUBLE NOT NULL, relative_error DOUBLE, l2 DOUBLE NOT NULL,
  pattern VARCHAR NOT NULL, damping DOUBLE NOT NULL, damping_raises INTEGER NOT NULL, dead_columns INTEGER NOT NULL,
  elapsed_seconds DOUBLE, PRIMARY KEY (run_id, layer, component)
);
CREATE TABLE comparisons (
  comparison_id BIGINT NOT NULL, a VARCHAR NOT NULL, b VARCHAR NOT NULL, layer INTEGER NOT NULL,
  component VARCHAR NOT NULL, axis VARCHAR NOT NULL, "rows" BIGINT NOT NULL, cols BIGINT NOT NULL,
  features BIGINT NOT NULL, jaccard_mean DOUBLE NOT NULL, jaccard_std DOUBLE NOT NULL, cosine_mean DOUBLE NOT NULL,
  cosine_std DOUBLE NOT NULL, hamming_mean DOUBLE NOT NULL, hamming_std DOUBLE NOT NULL,
  PRIMARY KEY (a, b, layer, component)
);
CREATE TABLE feature_metrics (
  comparison_id BIGINT NOT NULL, feature INTEGER NOT NULL, jaccard DOUBLE NOT NULL, cosine DOUBLE NOT NULL,
  hamming DOUBLE NOT NULL
);
CREATE TABLE evaluations (
  model VARCHAR NOT NULL, run_id VARCHAR NOT NULL, dataset VARCHAR NOT NULL, text_digest VARCHAR NOT NULL,
  seqlen BIGINT NOT NULL, windows BIGINT NOT NULL, tokens BIGINT NOT NULL, nll DOUBLE NOT NULL,
  perplexity DOUBLE NOT NULL, "against" VARCHAR NOT NULL, kl_mean DOUBLE, kl_stderr DOUBLE, top1_agreement DOUBLE,
  started TIMESTAMP NOT NULL, elapsed_seconds DOUBLE NOT NULL,
  PRIMARY KEY (model, run_id, text_digest, seqlen, "against")
);
INSERT INTO lacuna_schema VALUES (1, '0.0.9', '2026-11-01 00:00:00');
INSERT INTO runs VALUES ('old-run', 'models/tiny', 'wanda', 0.5, 0, 0, '{}', 7, 'calib.npy', 'abc', 32, 256, 'out/old',
                         '0.0.9', 'cafe', '2026-11-01 12:00:00', 1.5, 2);
INSERT INTO matrices VALUES ('old-run', 0, 'mlp.down_proj', 64, 172, 'bf16', 0.5, 0.01, 3.25, 'unstructured', 0, 0, 0,
                             NULL);
INSERT INTO comparisons VALUES (0, 'old-run', 'other', 0, 'mlp.down_proj', 'rows', 64, 172, 2, 0.5, 0.1, 0.9, 0.01,
                                0.25, 0.05);
INSERT INTO feature_metrics VALUES (0, 0, 0.4, 0.91, 0.2), (0, 1, 0.6, 0.89, 0.3);
INSERT INTO evaluations VALUES ('out/old', 'old-run', 'wikitext2', 'def', 512, 10, 5110, 2.0, 7.389, '', NULL, NULL,
                                NULL, '2026-11-01 12:01:00', 0.5);
