// Which field of a record is which column: written once, used to insert and to read. Internal to store.
//
// A visitor is called as visitor.key(name, text), visitor.optional_text(name, text), visitor.number(name, number),
// visitor.timestamp(name, microseconds), in the order of the columns in a statement. An optional_text that is empty is
// NULL in the table.
#pragma once

#include "lacuna/study/records.hpp"

namespace lacuna {

template <typename Visitor>
void visit_fields(RunRecord& r, Visitor& v) {
  v.key("run_id", r.run_id);
  v.key("model", r.model);
  v.key("method", r.method);
  v.number("sparsity", r.sparsity);
  v.number("n", r.n);
  v.number("m", r.m);
  v.key("options", r.options_json);
  v.number("seed", r.seed);
  v.optional_text("calibration", r.calibration);
  v.optional_text("calibration_digest", r.calibration_digest);
  v.number("samples", r.samples);
  v.number("seqlen", r.seqlen);
  v.optional_text("output", r.output);
  v.key("lacuna_version", r.lacuna_version);
  v.key("lacuna_commit", r.lacuna_commit);
  v.timestamp("started", r.started_us);
  v.number("elapsed_seconds", r.elapsed_seconds);
  v.number("threads", r.threads);
  v.optional_text("compute", r.compute);
  v.optional_text("isa", r.isa);
}

template <typename Visitor>
void visit_fields(MatrixRecord& r, Visitor& v) {
  v.key("run_id", r.run_id);
  v.number("layer", r.layer);
  v.key("component", r.component);
  v.number("rows", r.rows);
  v.number("cols", r.cols);
  v.key("dtype", r.dtype);
  v.number("sparsity", r.sparsity);
  v.number("relative_error", r.relative_error);
  v.number("l2", r.l2);
  v.key("pattern", r.pattern);
  v.number("damping", r.damping);
  v.number("damping_raises", r.damping_raises);
  v.number("dead_columns", r.dead_columns);
  v.number("elapsed_seconds", r.elapsed_seconds);
}

// A comparison as its table has it: the record and the number that its per-feature rows refer to.
struct StoredComparison {
  std::int64_t comparison_id = 0;
  ComparisonRecord record;
};

template <typename Visitor>
void visit_fields(StoredComparison& stored, Visitor& v) {
  ComparisonRecord& r = stored.record;
  v.number("comparison_id", stored.comparison_id);
  v.key("a", r.a);
  v.key("b", r.b);
  v.number("layer", r.layer);
  v.key("component", r.component);
  v.key("axis", r.axis);
  v.number("rows", r.rows);
  v.number("cols", r.cols);
  v.number("features", r.features);
  v.number("jaccard_mean", r.jaccard.mean);
  v.number("jaccard_std", r.jaccard.std);
  v.number("cosine_mean", r.cosine.mean);
  v.number("cosine_std", r.cosine.std);
  v.number("hamming_mean", r.hamming.mean);
  v.number("hamming_std", r.hamming.std);
  v.number("matrix_jaccard", r.matrix_jaccard);
  v.number("matrix_cosine", r.matrix_cosine);
  v.number("matrix_hamming", r.matrix_hamming);
}

template <typename Visitor>
void visit_fields(EvaluationRecord& r, Visitor& v) {
  v.key("model", r.model);
  v.key("run_id", r.run_id);
  v.key("dataset", r.dataset);
  v.key("text_digest", r.text_digest);
  v.number("seqlen", r.seqlen);
  v.number("windows", r.windows);
  v.number("tokens", r.tokens);
  v.number("nll", r.nll);
  v.number("perplexity", r.perplexity);
  v.number("perplexity_stderr", r.perplexity_stderr);
  v.key("against", r.against);
  v.number("kl_mean", r.kl_mean);
  v.number("kl_stderr", r.kl_stderr);
  v.number("top1_agreement", r.top1_agreement);
  v.number("top1_stderr", r.top1_stderr);
  v.timestamp("started", r.started_us);
  v.number("elapsed_seconds", r.elapsed_seconds);
}

template <typename Visitor>
void visit_fields(StructureRecord& r, Visitor& v) {
  v.key("run_id", r.run_id);
  v.number("layer", r.layer);
  v.key("component", r.component);
  v.key("statistic", r.statistic);
  v.number("block", r.block);
  v.number("value", r.value);
  v.key("null_model", r.null_model);
  v.number("draws", r.draws);
  v.number("null_mean", r.null_mean);
  v.number("null_std", r.null_std);
  v.number("z", r.z);
  v.number("p", r.p);
  v.number("seed", r.seed);
}

}  // namespace lacuna
