#include "lacuna/store/schema.hpp"

#include <gtest/gtest.h>

#include "lacuna/core/atomic_file.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/store/database.hpp"
#include "lacuna/store/query.hpp"
#include "sample_records.hpp"
#include "support/shared_data.hpp"
#include "support/temp_folder.hpp"

namespace lacuna {
namespace {

std::filesystem::path make_version_1(const test::TempFolder& folder) {
  const auto path = folder / "old.db";
  Connection connection(path, StoreAccess::write);
  connection.query(read_file(test::source_path("tests/store/schema_v1.sql"), 1 << 20));
  return path;
}

// QueryTable, column, position, type and default of everything.
std::string columns_of(Connection& connection) {
  const QueryTable table = connection.query(
      "SELECT table_name, column_name, column_index, data_type, is_nullable, column_default FROM duckdb_columns() "
      "WHERE NOT internal ORDER BY ALL");
  std::string text;
  for (std::size_t i = 0; i < table.cells.size(); ++i) {
    text += table.cells[i].value_or("NULL") + ((i + 1) % table.columns.size() == 0 ? "\n" : " ");
  }
  return text;
}

TEST(Schema, MigrationLeadsToTheSameTablesAsCreation) {
  const test::TempFolder folder;
  const auto old = make_version_1(folder);
  {
    const Database migrated(old);
    const Database fresh(folder / "fresh.db");
  }
  Connection migrated(old, StoreAccess::read);
  Connection fresh(folder / "fresh.db", StoreAccess::read);
  EXPECT_EQ(columns_of(migrated), columns_of(fresh));
  EXPECT_NE(columns_of(fresh).find("evaluations perplexity_stderr"), std::string::npos);
  EXPECT_EQ(schema_version(migrated), kSchemaVersion);
  EXPECT_EQ(migrated.query("SELECT count(*) FROM lacuna_schema").at(0, 0), "5");  // 1, 2, 3, 4, 5
}

TEST(Schema, MigrationKeepsEveryRecord) {
  const test::TempFolder folder;
  const auto path = make_version_1(folder);
  Database database(path);
  const auto run = database.find_run("old-run");
  ASSERT_TRUE(run.has_value());
  EXPECT_EQ(run->seed, 7U);
  EXPECT_EQ(run->compute, "f32");
  EXPECT_EQ(run->isa, "");
  ASSERT_EQ(database.matrices("old-run").size(), 1U);
  ASSERT_EQ(database.comparisons().size(), 1U);
  EXPECT_FALSE(database.comparisons()[0].matrix_jaccard.has_value());
  EXPECT_EQ(database.features("old-run", "other", 0, "mlp.down_proj")->cosine, (std::vector<double>{0.91, 0.89}));
  ASSERT_EQ(database.evaluations().size(), 1U);
  EXPECT_FALSE(database.evaluations()[0].perplexity_stderr.has_value());
  RecordSet set(database);  // and new records go in beside them
  database.write(test::sample_run("new-run"));
  database.write({test::sample_matrix("new-run", 0, "mlp.down_proj")});
  database.write(test::sample_evaluation("m", "new-run"));
  database.write(test::sample_comparison("old-run", "new-run", 2), test::sample_features(2));
  set.commit();
  EXPECT_EQ(database.query("SELECT count(*) FROM wanda_0_5_down_proj").at(0, 0), "2");
}

TEST(Schema, MigrationKeepsTheScriptsViews) {
  const test::TempFolder folder;
  const auto path = make_version_1(folder);
  {
    Connection connection(path, StoreAccess::write);
    connection.query("CREATE TABLE keep AS SELECT 1");  // a table of the user's own
    for (const int to : {2, 3}) {
      connection.query(
          read_file(test::source_path("src/lacuna/store/migrations/to_" + std::to_string(to) + ".sql"), 1 << 20));
      connection.query("INSERT INTO lacuna_schema VALUES (" + std::to_string(to) + ", 'x', now()::TIMESTAMP)");
    }
    refresh_script_views(connection);
    connection.query(
        "INSERT INTO nearest_neighbor_metrics (id, method, matrix_name, layer, projection, feature_idx, "
        "n_neighbors, run_id) VALUES (7, 'wanda', 'x', 0, 'down_proj', 5, 8, 'old-run')");
  }
  Database database(path);
  EXPECT_EQ(database.schema_version(), kSchemaVersion);
  EXPECT_EQ(database.query("SELECT id FROM wanda_0_5_down_proj").at(0, 0), "7");
  EXPECT_EQ(database.query("SELECT count(*) FROM keep").at(0, 0), "1");
}

TEST(Schema, AnOlderStoreIsReadAsItIs) {
  const test::TempFolder folder;
  const auto path = make_version_1(folder);
  EXPECT_EQ(query_store(path, "SELECT run_id FROM runs").at(0, 0), "old-run");
  EXPECT_EQ(query_store(path, "SELECT max(version) FROM lacuna_schema").at(0, 0), "1");
}

TEST(Schema, AFailedMigrationLeavesTheOldVersion) {
  const test::TempFolder folder;
  const auto path = make_version_1(folder);
  {
    Connection connection(path, StoreAccess::write);
    connection.query("DROP TABLE evaluations");  // the migration's sixth statement will fail
  }
  EXPECT_THROW(const Database database(path), Error);
  Connection connection(path, StoreAccess::read);
  EXPECT_EQ(schema_version(connection), 1);
  EXPECT_EQ(columns_of(connection).find("runs isa"), std::string::npos);  // the earlier ones were undone
}

TEST(Schema, ANewerVersionIsRefused) {
  const test::TempFolder folder;
  const auto path = folder / "newer.db";
  {
    const Database database(path);
  }
  {
    Connection connection(path, StoreAccess::write);
    connection.query("INSERT INTO lacuna_schema VALUES (99, '9.0.0', now()::TIMESTAMP)");
  }
  for (const bool writing : {true, false}) {
    try {
      if (writing)
        const Database database(path);
      else
        (void)query_store(path, "SELECT 1");
      FAIL() << "expected an error";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::store_version);
      EXPECT_NE(std::string(error.what()).find("99"), std::string::npos) << error.what();
    }
  }
}

TEST(Schema, OpeningTwiceChangesNothing) {
  const test::TempFolder folder;
  const auto path = folder / "sparsity.db";
  {
    const Database database(path);
  }
  Database database(path);
  EXPECT_EQ(database.schema_version(), kSchemaVersion);
  EXPECT_EQ(database.query("SELECT count(*) FROM lacuna_schema").at(0, 0), "1");
}

}  // namespace
}  // namespace lacuna
