// Records with every field set to something of its own, for tests of the store.
#pragma once

#include <string>

#include "lacuna/study/records.hpp"

namespace lacuna::test {

inline RunRecord sample_run(const std::string& run_id, const std::string& method = "wanda", double sparsity = 0.5,
                            int n = 0, int m = 0) {
  RunRecord run;
  run.run_id = run_id;
  run.model = "models/tiny-llama";
  run.method = method;
  run.sparsity = sparsity;
  run.n = n;
  run.m = m;
  run.options_json = R"({"use_variant": false, "note": "it's \"quoted\""})";
  run.seed = 18446744073709551615U;
  run.calibration = "calib_64x512.npy";
  run.calibration_digest = "0123456789abcdef";
  run.samples = 32;
  run.seqlen = 256;
  run.compute = "bf16";
  run.output = "out/pruned";
  run.lacuna_version = "0.1.0";
  run.lacuna_commit = "1a2b3c4d5e6f-dirty";
  run.started_us = 1790000000123456;
  run.elapsed_seconds = 1.0 / 3;
  run.threads = 2;
  run.isa = "avx512";
  return run;
}

inline MatrixRecord sample_matrix(const std::string& run_id, int layer, const std::string& component) {
  MatrixRecord matrix;
  matrix.run_id = run_id;
  matrix.layer = layer;
  matrix.component = component;
  matrix.rows = 4096;
  matrix.cols = 11008;
  matrix.dtype = "bf16";
  matrix.sparsity = 0.5000001;
  matrix.relative_error = 0.0123;
  matrix.l2 = 55.5;
  matrix.pattern = "2:4";
  matrix.damping = 0.01;
  matrix.damping_raises = 1;
  matrix.dead_columns = 3;
  matrix.elapsed_seconds = 0.25;
  return matrix;
}

inline ComparisonRecord sample_comparison(const std::string& a, const std::string& b, std::int64_t features) {
  ComparisonRecord comparison;
  comparison.a = a;
  comparison.b = b;
  comparison.layer = 3;
  comparison.component = "mlp.up_proj";
  comparison.axis = "columns";
  comparison.rows = 11008;
  comparison.cols = features;
  comparison.features = features;
  comparison.jaccard = {0.1, 0.01};
  comparison.cosine = {0.9, 0.02};
  comparison.hamming = {0.3, 0.03};
  comparison.matrix_jaccard = 0.11;
  comparison.matrix_cosine = 0.91;
  comparison.matrix_hamming = 0.31;
  return comparison;
}

inline FeatureMetrics sample_features(std::size_t n) {
  FeatureMetrics features;
  for (std::size_t i = 0; i < n; ++i) {
    const auto x = static_cast<double>(i + 1);
    features.jaccard.push_back(1 / x);
    features.cosine.push_back(-1 / (x + 1));
    features.hamming.push_back(1 / (x + 2));
  }
  return features;
}

inline EvaluationRecord sample_evaluation(const std::string& model, const std::string& run_id) {
  EvaluationRecord evaluation;
  evaluation.model = model;
  evaluation.run_id = run_id;
  evaluation.dataset = "wikitext2.test.raw";
  evaluation.text_digest = "fedcba";
  evaluation.seqlen = 512;
  evaluation.windows = 100;
  evaluation.tokens = 51100;
  evaluation.nll = 3.14159;
  evaluation.perplexity = 23.14;
  evaluation.perplexity_stderr = 0.2;
  evaluation.against = "models/tiny-llama";
  evaluation.kl_mean = 0.125;
  evaluation.kl_stderr = 0.001;
  evaluation.top1_agreement = 0.75;
  evaluation.top1_stderr = 0.002;
  evaluation.started_us = 1790000001000000;
  evaluation.elapsed_seconds = 9.5;
  return evaluation;
}

}  // namespace lacuna::test
