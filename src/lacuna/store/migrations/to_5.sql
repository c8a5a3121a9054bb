-- Version 4 -> 5: what other thresholds would give.
ALTER TABLE weight_thresholds ADD COLUMN curve_sparsity VARCHAR DEFAULT '[]';
ALTER TABLE weight_thresholds ADD COLUMN curve_threshold VARCHAR DEFAULT '[]';
ALTER TABLE weight_thresholds ADD COLUMN curve_energy VARCHAR DEFAULT '[]';
