#include "lacuna/store/database.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <thread>

#include "lacuna/core/error.hpp"
#include "lacuna/store/schema.hpp"
#include "sample_records.hpp"
#include "support/temp_folder.hpp"

namespace lacuna {
namespace {

using namespace test;

template <typename Body>
void in_set(Database& database, Body body) {
  RecordSet set(database);
  body();
  set.commit();
}

std::string scalar(Database& database, const std::string& sql) {
  const QueryTable table = database.query(sql);
  return table.rows() == 0 ? "(no row)" : table.at(0, 0).value_or("NULL");
}

ErrorCode code_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.code();
  }
  ADD_FAILURE() << "expected an error";
  return ErrorCode::internal;
}

void expect_equal(const RunRecord& a, const RunRecord& b) {
  EXPECT_EQ(std::tie(a.run_id, a.model, a.method, a.sparsity, a.n, a.m, a.options_json, a.seed, a.calibration,
                     a.calibration_digest, a.samples, a.seqlen, a.compute, a.output, a.lacuna_version, a.lacuna_commit,
                     a.started_us, a.elapsed_seconds, a.threads, a.isa),
            std::tie(b.run_id, b.model, b.method, b.sparsity, b.n, b.m, b.options_json, b.seed, b.calibration,
                     b.calibration_digest, b.samples, b.seqlen, b.compute, b.output, b.lacuna_version, b.lacuna_commit,
                     b.started_us, b.elapsed_seconds, b.threads, b.isa));
}

TEST(Database, EveryFieldOfARunComesBack) {
  const TempFolder folder;
  const auto path = folder / "sparsity.db";
  const RunRecord run = sample_run("r1");
  RunRecord bare;
  bare.run_id = "r0";
  {
    Database database(path);
    in_set(database, [&] {
      database.write(run);
      database.write(bare);
    });
  }
  Database database(path);
  const auto found = database.find_run("r1");
  ASSERT_TRUE(found.has_value());
  expect_equal(*found, run);
  expect_equal(*database.find_run("r0"), bare);
  EXPECT_FALSE(database.find_run("r2").has_value());
  ASSERT_EQ(database.runs().size(), 2U);
  EXPECT_EQ(database.runs()[0].run_id, "r0");  // started at the epoch
  EXPECT_EQ(scalar(database, "SELECT started FROM runs WHERE run_id = 'r1'"), "2026-09-21 14:13:20.123456");
  EXPECT_EQ(scalar(database, "SELECT calibration FROM runs WHERE run_id = 'r0'"), "NULL");
  EXPECT_EQ(scalar(database, "SELECT options->>'note' FROM runs WHERE run_id = 'r1'"), "it's \"quoted\"");
}

TEST(Database, EveryFieldOfAMatrixComesBack) {
  const TempFolder folder;
  Database database(folder / "sparsity.db");
  MatrixRecord unknown;
  unknown.run_id = "r1";
  unknown.layer = 1;
  unknown.component = "fc2";
  const MatrixRecord full = sample_matrix("r1", 2, "mlp.up_proj");
  in_set(database, [&] { database.write(std::vector<MatrixRecord>{full, unknown}); });
  const auto found = database.matrices("r1");
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].component, "fc2");  // by layer
  EXPECT_FALSE(found[0].relative_error.has_value());
  EXPECT_FALSE(found[0].elapsed_seconds.has_value());
  const auto& a = found[1];
  EXPECT_EQ(std::tie(a.run_id, a.layer, a.component, a.rows, a.cols, a.dtype, a.sparsity, a.relative_error, a.l2,
                     a.pattern, a.damping, a.damping_raises, a.dead_columns, a.elapsed_seconds),
            std::tie(full.run_id, full.layer, full.component, full.rows, full.cols, full.dtype, full.sparsity,
                     full.relative_error, full.l2, full.pattern, full.damping, full.damping_raises, full.dead_columns,
                     full.elapsed_seconds));
  EXPECT_TRUE(database.matrices("r2").empty());
}

TEST(Database, EveryFieldOfAnEvaluationComesBack) {
  const TempFolder folder;
  Database database(folder / "sparsity.db");
  const EvaluationRecord full = sample_evaluation("out/pruned", "r1");
  EvaluationRecord bare;
  bare.model = "dense";
  in_set(database, [&] {
    database.write(full);
    database.write(bare);
  });
  const auto found = database.evaluations();
  ASSERT_EQ(found.size(), 2U);
  EXPECT_FALSE(found[0].kl_mean.has_value());
  EXPECT_EQ(found[0].against, "");
  const auto& a = found[1];
  EXPECT_EQ(std::tie(a.model, a.run_id, a.dataset, a.text_digest, a.seqlen, a.windows, a.tokens, a.nll, a.perplexity,
                     a.perplexity_stderr, a.against, a.kl_mean, a.kl_stderr, a.top1_agreement, a.top1_stderr,
                     a.started_us, a.elapsed_seconds),
            std::tie(full.model, full.run_id, full.dataset, full.text_digest, full.seqlen, full.windows, full.tokens,
                     full.nll, full.perplexity, full.perplexity_stderr, full.against, full.kl_mean, full.kl_stderr,
                     full.top1_agreement, full.top1_stderr, full.started_us, full.elapsed_seconds));
}

TEST(Database, ComparisonsKeepTheirFeatures) {
  const TempFolder folder;
  Database database(folder / "sparsity.db");
  const auto features = sample_features(5000);  // several chunks and a partial one
  in_set(database, [&] {
    database.write(sample_comparison("a", "b", 5000), features);
    database.write(sample_comparison("a", "c", 3), sample_features(3));
    database.write(sample_comparison("a", "d", 9), FeatureMetrics{});  // vectors not kept
  });
  const auto records = database.comparisons();
  ASSERT_EQ(records.size(), 3U);
  EXPECT_EQ(records[0].b, "b");
  EXPECT_EQ(records[0].features, 5000);
  EXPECT_EQ(records[0].axis, "columns");
  EXPECT_EQ(records[0].cosine.std, 0.02);
  EXPECT_EQ(records[0].matrix_hamming, 0.31);
  const auto found = database.features("a", "b", 3, "mlp.up_proj");
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->jaccard, features.jaccard);
  EXPECT_EQ(found->cosine, features.cosine);
  EXPECT_EQ(found->hamming, features.hamming);
  EXPECT_EQ(database.features("a", "d", 3, "mlp.up_proj")->jaccard.size(), 0U);
  EXPECT_FALSE(database.features("b", "a", 3, "mlp.up_proj").has_value());
}

TEST(Database, UndefinedCosinesAreKeptAsNan) {
  const TempFolder folder;
  Database database(folder / "sparsity.db");
  FeatureMetrics features = sample_features(2);
  features.cosine[1] = std::numeric_limits<double>::quiet_NaN();
  in_set(database, [&] { database.write(sample_comparison("a", "b", 2), features); });
  EXPECT_TRUE(std::isnan(database.features("a", "b", 3, "mlp.up_proj")->cosine[1]));
}

TEST(Database, WritingAKeyAgainReplacesIt) {
  const TempFolder folder;
  Database database(folder / "sparsity.db");
  for (const double elapsed : {1.0, 2.0}) {
    for (int twice = 0; twice < 2; ++twice) {  // within one record set, too
      in_set(database, [&] {
        auto run = sample_run("r1");
        run.elapsed_seconds = elapsed;
        database.write(run);
        database.write(run);
        database.write({sample_matrix("r1", 0, "fc1"), sample_matrix("r1", 0, "fc1")});
        database.write(sample_comparison("a", "b", 7), sample_features(7));
        database.write(sample_comparison("a", "b", 4), sample_features(4));
        database.write(sample_evaluation("m", "r1"));
      });
    }
  }
  EXPECT_EQ(scalar(database, "SELECT count(*) FROM runs"), "1");
  EXPECT_EQ(database.find_run("r1")->elapsed_seconds, 2.0);
  EXPECT_EQ(scalar(database, "SELECT count(*) FROM matrices"), "1");
  EXPECT_EQ(scalar(database, "SELECT count(*) FROM comparisons"), "1");
  EXPECT_EQ(scalar(database, "SELECT count(*) FROM feature_metrics"), "4");
  EXPECT_EQ(scalar(database, "SELECT count(*) FROM evaluations"), "1");
}

TEST(Database, ComparisonNumbersAreNeverShared) {
  const TempFolder folder;
  const auto path = folder / "sparsity.db";
  for (const char* b : {"b", "c", "d"}) {
    Database database(path);
    in_set(database, [&] { database.write(sample_comparison("a", b, 2), sample_features(2)); });
  }
  Database database(path);
  EXPECT_EQ(scalar(database, "SELECT count(DISTINCT comparison_id) FROM feature_metrics"), "3");
}

TEST(Database, ARecordSetWithoutCommitLeavesNothing) {
  const TempFolder folder;
  Database database(folder / "sparsity.db");
  in_set(database, [&] { database.write(sample_run("kept")); });
  try {
    RecordSet set(database);
    database.write(sample_run("lost"));
    database.write(sample_comparison("a", "b", 5000), sample_features(5000));
    database.write({sample_matrix("lost", 0, "fc1")});
    throw std::runtime_error("the study failed");
  } catch (const std::runtime_error&) {
  }
  EXPECT_EQ(database.runs().size(), 1U);
  EXPECT_EQ(scalar(database, "SELECT count(*) FROM feature_metrics"), "0");
  in_set(database, [&] { database.write(sample_run("after")); });  // and the next one works
  EXPECT_EQ(database.runs().size(), 2U);
}

TEST(Database, AFailedStatementEndsItsRecordSetOnly) {
  const TempFolder folder;
  Database database(folder / "sparsity.db");
  FeatureMetrics uneven = sample_features(3);
  uneven.cosine.pop_back();
  EXPECT_EQ(code_of([&] {
              RecordSet set(database);
              database.write(sample_comparison("a", "b", 3), uneven);
            }),
            ErrorCode::invalid_argument);
  EXPECT_TRUE(database.comparisons().empty());
  in_set(database, [&] { database.write(sample_comparison("a", "b", 3), sample_features(3)); });
  EXPECT_EQ(database.comparisons().size(), 1U);
}

TEST(Database, WritingOutsideARecordSetIsAnError) {
  const TempFolder folder;
  Database database(folder / "sparsity.db");
  EXPECT_EQ(code_of([&] { database.write(sample_run("r")); }), ErrorCode::internal);
  EXPECT_EQ(code_of([&] { database.commit(); }), ErrorCode::internal);
}

TEST(Database, ViewsHaveTheScriptsNames) {
  const TempFolder folder;
  Database database(folder / "sparsity.db");
  in_set(database, [&] {
    database.write(sample_run("u", "wanda", 0.5));
    database.write(sample_run("s", "wanda", 0.5, 2, 4));
    database.write({sample_matrix("u", 0, "mlp.down_proj"), sample_matrix("u", 1, "mlp.down_proj"),
                    sample_matrix("u", 0, "self_attn.q_proj"), sample_matrix("s", 0, "mlp.down_proj")});
  });
  EXPECT_EQ(scalar(database, "SELECT count(*) FROM wanda_0_5_down_proj"), "2");
  EXPECT_EQ(scalar(database, "SELECT count(*) FROM wanda_0_5_q_proj"), "1");
  EXPECT_EQ(scalar(database, "SELECT run_id FROM wanda_2_4_down_proj"), "s");
  EXPECT_EQ(scalar(database, "SELECT matrix_name FROM wanda_0_5_down_proj WHERE layer = 1"),
            "layer1-mlp.down_proj-0-0-0.5");
  in_set(database, [&] {  // a view made earlier sees what comes later
    database.write(sample_run("u2", "wanda", 0.5));
    database.write({sample_matrix("u2", 0, "mlp.down_proj")});
  });
  EXPECT_EQ(scalar(database, "SELECT count(*) FROM wanda_0_5_down_proj"), "3");
  database.query(
      "INSERT INTO nearest_neighbor_metrics (id, method, matrix_name, layer, projection, feature_idx, "
      "n_neighbors, mean_pairwise_distance, run_id) VALUES "
      "(1, 'wanda', 'x', 0, 'down_proj', 5, 8, 0.25, 'u'), (2, 'wanda', 'x', 0, 'down_proj', 6, 8, 0.75, 'u')");
  EXPECT_EQ(scalar(database, "SELECT avg(mean_pairwise_distance) FROM wanda_0_5_down_proj"), "0.5");
}

TEST(Database, ViewNamesOfOddMethodsAreQuoted) {
  const TempFolder folder;
  Database database(folder / "sparsity.db");
  in_set(database, [&] {
    database.write(sample_run("o", "my\"method's", 0.25));
    database.write({sample_matrix("o", 0, "fc2")});
  });
  EXPECT_EQ(scalar(database, "SELECT count(*) FROM \"my\"\"method's_0_25_fc2\""), "1");
  EXPECT_EQ(script_view_name("sparsegpt", 0.7, 0, 0, "self_attn.out_proj"), "sparsegpt_0_7_out_proj");
}

TEST(Database, TextOfEveryKindIsKept) {
  const TempFolder folder;
  Database database(folder / "sparsity.db");
  auto run = sample_run("naïve ‘id’; DROP TABLE runs; --");
  run.model = std::string(100000, 'x');
  in_set(database, [&] { database.write(run); });
  ASSERT_TRUE(database.find_run(run.run_id).has_value());
  EXPECT_EQ(database.find_run(run.run_id)->model, run.model);
}

TEST(Database, EveryFieldOfAStructureComesBack) {
  const TempFolder folder;
  StructureRecord record;
  record.run_id = "r1";
  record.layer = 2;
  record.component = "mlp.up_proj";
  record.statistic = "coherence_grouped";
  record.block = 8;
  record.value = 1.0 / 3;
  record.null_model = "margins";
  record.draws = 1000;
  record.null_mean = 0.25;
  record.null_std = 1e-300;
  record.z = -4.5;
  record.p = 1.0 / 1001;
  record.seed = 18446744073709551615U;
  auto constant = record;
  constant.statistic = "separation";
  constant.z.reset();
  Database database(folder / "sparsity.db");
  in_set(database, [&] { database.write(std::vector{record, constant}); });
  const auto found = database.structure("r1");
  ASSERT_EQ(found.size(), 2U);
  const auto fields = [](const StructureRecord& r) {
    return std::tie(r.run_id, r.layer, r.component, r.statistic, r.block, r.value, r.null_model, r.draws, r.null_mean,
                    r.null_std, r.z, r.p, r.seed);
  };
  EXPECT_EQ(fields(found[0]), fields(record));
  EXPECT_EQ(fields(found[1]), fields(constant));
  EXPECT_TRUE(database.structure("r2").empty());
}

}  // namespace
}  // namespace lacuna
