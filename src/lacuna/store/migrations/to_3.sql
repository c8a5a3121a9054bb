-- Version 2 -> 3: statistics of structure, each beside its null model.
CREATE TABLE structure (
  run_id VARCHAR NOT NULL,
  layer INTEGER NOT NULL,
  component VARCHAR NOT NULL,
  statistic VARCHAR NOT NULL,
  block BIGINT NOT NULL,
  value DOUBLE NOT NULL,
  null_model VARCHAR NOT NULL,
  draws BIGINT NOT NULL,
  null_mean DOUBLE NOT NULL,
  null_std DOUBLE NOT NULL,
  z DOUBLE,
  p DOUBLE NOT NULL,
  seed UBIGINT NOT NULL,
  PRIMARY KEY (run_id, layer, component, statistic, block)
);
