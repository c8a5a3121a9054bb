#include "lacuna/store/query.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "lacuna/core/error.hpp"
#include "lacuna/store/database.hpp"
#include "sample_records.hpp"
#include "support/temp_folder.hpp"

namespace lacuna {
namespace {

class Query : public ::testing::Test {
 protected:
  Query() : path_(folder_ / "sparsity.db") {
    Database database(path_);
    RecordSet set(database);
    database.write(test::sample_run("r1"));
    database.write({test::sample_matrix("r1", 0, "mlp.down_proj")});
    database.write(test::sample_comparison("a", "b", 3000), test::sample_features(3000));
    set.commit();
  }

  QueryTable ask(const std::string& sql) { return query_store(path_, sql); }
  std::string cell(const std::string& expression) { return ask("SELECT " + expression).at(0, 0).value_or("NULL"); }

  test::TempFolder folder_;
  std::filesystem::path path_;
};

TEST_F(Query, AnswersWithNamesTypesAndEveryRow) {
  const QueryTable table =
      ask("SELECT feature, jaccard AS j, 'x' AS text, true AS yes FROM feature_metrics ORDER BY feature");
  ASSERT_EQ(table.rows(), 3000U);
  ASSERT_EQ(table.columns.size(), 4U);
  EXPECT_EQ(table.columns[0].type, "INTEGER");
  EXPECT_EQ(table.columns[1].name, "j");
  EXPECT_EQ(table.columns[1].type, "DOUBLE");
  EXPECT_EQ(table.columns[1].kind, CellKind::number);
  EXPECT_EQ(table.columns[2].kind, CellKind::text);
  EXPECT_EQ(table.columns[3].kind, CellKind::boolean);
  EXPECT_EQ(table.at(2999, 0), "2999");
  EXPECT_EQ(std::stod(*table.at(2, 1)), 1.0 / 3);  // the text is exact
}

TEST_F(Query, EveryTypeHasItsText) {
  EXPECT_EQ(cell("NULL"), "NULL");
  EXPECT_EQ(cell("false"), "false");
  EXPECT_EQ(cell("(-128)::TINYINT"), "-128");
  EXPECT_EQ(cell("255::UTINYINT"), "255");
  EXPECT_EQ(cell("18446744073709551615::UBIGINT"), "18446744073709551615");
  EXPECT_EQ(cell("(-170141183460469231731687303715884105728)::HUGEINT"), "-170141183460469231731687303715884105728");
  EXPECT_EQ(cell("340282366920938463463374607431768211455::UHUGEINT"), "340282366920938463463374607431768211455");
  EXPECT_EQ(cell("0.1::DOUBLE"), "0.1");
  EXPECT_EQ(cell("0.1::FLOAT"), "0.1");
  EXPECT_EQ(cell("'nan'::DOUBLE"), "NaN");
  EXPECT_EQ(cell("'-inf'::FLOAT"), "-Infinity");
  EXPECT_EQ(cell("1.50"), "1.50");
  EXPECT_EQ(cell("-0.05"), "-0.05");
  EXPECT_EQ(cell("12345678901234567890.123::DECIMAL(38,3)"), "12345678901234567890.123");
  EXPECT_EQ(cell("DATE '2026-01-09'"), "2026-01-09");
  EXPECT_EQ(cell("TIME '01:02:03.5'"), "01:02:03.5");
  EXPECT_EQ(cell("TIMESTAMP '2026-01-09 01:02:03'"), "2026-01-09 01:02:03");
  EXPECT_EQ(cell("'infinity'::TIMESTAMP"), "infinity");
  EXPECT_EQ(cell("'a\\x00b'::BLOB"), "a\\x00b");
  EXPECT_EQ(cell("'00112233-4455-6677-8899-aabbccddeeff'::UUID"), "00112233-4455-6677-8899-aabbccddeeff");
  EXPECT_EQ(cell("'b'::ENUM('a', 'b')"), "b");
  EXPECT_EQ(cell("[1, NULL, 3]"), "[1, NULL, 3]");
  EXPECT_EQ(cell("[1, 2]::INTEGER[2]"), "[1, 2]");
  EXPECT_EQ(cell("{'a': 1, 'b': ['x']}"), "{'a': 1, 'b': [x]}");
  EXPECT_EQ(cell("MAP {'k': 1}"), "{k=1}");
  EXPECT_EQ(cell("'a string longer than twelve bytes'"), "a string longer than twelve bytes");
  EXPECT_EQ(ask("SELECT [1.5]").columns[0].type, "DECIMAL(2,1)[]");
  try {
    (void)cell("'101'::BIT");
    FAIL() << "expected an error";
  } catch (const Error& error) {
    EXPECT_NE(error.hint().find("VARCHAR"), std::string::npos);
  }
}

TEST_F(Query, SeveralStatementsGiveTheLastResult) {
  EXPECT_EQ(ask("CREATE TEMP TABLE t AS SELECT 41 AS x; SELECT x + 1 FROM t; -- done").at(0, 0), "42");
}

TEST_F(Query, MistakesComeBackInDuckdbsWords) {
  for (const char* sql : {"SELEKT 1", "SELECT * FROM nowhere", "SELECT 1/'x'::INTEGER", ""}) {
    try {
      (void)ask(sql);
      FAIL() << sql;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::store_failed) << sql;
      EXPECT_GT(error.message().size(), 10U);
    }
  }
}

// The database is open read-only, and nothing else is reachable.
TEST_F(Query, IsLockedDown) {
  const auto outside = folder_.write("outside.csv", "secret\n1\n");
  const std::string quoted = "'" + outside.string() + "'";
  const std::string target = "'" + (folder_ / "written").string() + "'";
  const std::vector<std::string> refused = {
      "INSERT INTO runs SELECT * FROM runs",
      "DROP TABLE runs",
      "CREATE TABLE t (i INTEGER)",
      "SELECT * FROM read_csv(" + quoted + ")",
      "SELECT * FROM " + quoted,
      "SELECT * FROM read_text(" + quoted + ")",
      "SELECT * FROM read_blob('/etc/passwd')",
      "SELECT * FROM sniff_csv(" + quoted + ")",
      "SELECT * FROM glob('/etc/*')",
      "COPY runs TO " + target,
      "EXPORT DATABASE " + target,
      "ATTACH " + target,
      "ATTACH " + target + " AS x (READ_ONLY)",
      "INSTALL httpfs",
      "LOAD httpfs",
      "SET enable_external_access = true",
      "RESET enable_external_access",
      "SET lock_configuration = false",
      "SET memory_limit = '100GB'",
      "SET temp_directory = '/tmp'",
      "PRAGMA enable_profiling = 'json'; PRAGMA profiling_output = " + target + "; SELECT 1",
      "SET profiling_output = " + target,
      "SET log_query_path = " + target,
      "CALL enable_logging(storage = 'file', storage_config = {'path': " + target + "})",
      "CALL enable_logging(storage_path = " + target + ")",
      "SELECT * FROM read_parquet('http://127.0.0.1:1/x')",
      "FROM Enable_Logging(storage_path = " + target + ")",
      "PRAGMA enable_profiling",
      "SELECT 1; COPY runs TO " + target,
  };
  for (const auto& sql : refused) EXPECT_THROW((void)ask(sql), Error) << sql;
  EXPECT_FALSE(std::filesystem::exists(folder_ / "written"));
  EXPECT_EQ(cell("count(*) FROM runs"), "1");
}

TEST_F(Query, UnlockedItReadsOtherFiles) {
  const auto other = folder_.write("other.csv", "x\n5\n");
  QueryOptions options;
  options.locked_down = false;
  EXPECT_EQ(query_store(path_, "SELECT x FROM read_csv('" + other.string() + "')", {}, options).at(0, 0), "5");
  EXPECT_THROW((void)query_store(path_, "DROP TABLE runs", {}, options), Error);  // still read-only
}

constexpr const char* kEndless =
    "SELECT count(*) FROM range(1000000000) a, range(1000000000) b WHERE a.range <> b.range";

TEST_F(Query, StopsWhenAsked) {
  std::atomic<bool> stop{false};
  RunContext context;
  context.stop = &stop;
  std::thread asker([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    stop = true;
  });
  const auto begin = std::chrono::steady_clock::now();
  try {
    (void)query_store(path_, kEndless, context);
    ADD_FAILURE() << "expected an interruption";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::interrupted);
  }
  asker.join();
  // 0.2 s until the stop, 20 ms to see it; the rest is room for a busy machine. The query itself would take hours.
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
}

TEST_F(Query, StopsWhenItsTimeIsUp) {
  QueryOptions options;
  options.max_seconds = 0.2;
  try {
    (void)query_store(path_, kEndless, {}, options);
    ADD_FAILURE() << "expected an error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::store_failed);
    EXPECT_NE(std::string(error.what()).find("0.2 s"), std::string::npos);
  }
}

TEST_F(Query, MemoryIsBounded) {
  QueryOptions options;
  options.memory_limit = "50MB";
  try {
    (void)query_store(path_, "SELECT count(DISTINCT md5(range::VARCHAR)) FROM range(20000000)", {}, options);
    ADD_FAILURE() << "expected an error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::out_of_memory) << error.what();
  }
}

TEST_F(Query, ExportWritesEveryTableAsParquet) {
  const auto out = folder_ / "parquet";
  export_parquet(path_, out);
  Database reader(folder_ / "reader.db");
  const auto rows_of = [&](const std::string& table) {
    return *reader.query("SELECT count(*) FROM read_parquet('" + (out / (table + ".parquet")).string() + "')").at(0, 0);
  };
  EXPECT_EQ(rows_of("runs"), "1");
  EXPECT_EQ(rows_of("matrices"), "1");
  EXPECT_EQ(rows_of("comparisons"), "1");
  EXPECT_EQ(rows_of("feature_metrics"), "3000");
  EXPECT_EQ(rows_of("evaluations"), "0");
  EXPECT_EQ(rows_of("nearest_neighbor_metrics"), "0");
  for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
    EXPECT_EQ(entry.path().string().find("lacuna-partial"), std::string::npos) << entry.path();
  }
}

TEST_F(Query, ExportNeverOverwrites) {
  const auto out = folder_ / "parquet";
  folder_.write("parquet/mine.txt", "mine");
  try {
    export_parquet(path_, out);
    FAIL() << "expected an error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::already_exists);
  }
  EXPECT_TRUE(std::filesystem::exists(out / "mine.txt"));
}

TEST_F(Query, AnInterruptedExportLeavesNothing) {
  const std::atomic<bool> stop{true};
  RunContext context;
  context.stop = &stop;
  EXPECT_THROW(export_parquet(path_, folder_ / "parquet", context), Error);
  std::size_t entries = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
    entries += entry.path() == path_ ? 0 : 1;
  }
  EXPECT_EQ(entries, 0U);
}

}  // namespace
}  // namespace lacuna
