// Opening: locks, other people's files, damage, kills.
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <functional>
#include <thread>

#include "lacuna/core/atomic_file.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/store/connection.hpp"
#include "lacuna/store/database.hpp"
#include "lacuna/store/query.hpp"
#include "sample_records.hpp"
#include "support/temp_folder.hpp"
#include "writer_process.hpp"

namespace lacuna {
namespace {

using namespace test;

Error error_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "expected an error";
  return {ErrorCode::internal, ""};
}

TEST(StoreOpen, ASecondProcessIsToldWhoWrites) {
  const TempFolder folder;
  const auto path = folder / "sparsity.db";
  WriterProcess writer("hold", path);
  ASSERT_EQ(writer.line(), "ready");
  const auto writing = error_of([&] { const Database second(path); });
  EXPECT_EQ(writing.code(), ErrorCode::store_locked);
  EXPECT_NE(std::string(writing.what()).find("PID " + std::to_string(writer.pid())), std::string::npos)
      << writing.what();
  EXPECT_EQ(error_of([&] { (void)query_store(path, "SELECT 1"); }).code(), ErrorCode::store_locked);
  writer.kill();
  EXPECT_EQ(query_store(path, "SELECT 1").rows(), 1U);
}

TEST(StoreOpen, ASecondInstanceInThisProcessIsRefused) {
  const TempFolder folder;
  const auto path = folder / "sparsity.db";
  {
    const Database database(path);
    EXPECT_EQ(error_of([&] { const Database second(path); }).code(), ErrorCode::store_locked);
    EXPECT_EQ(error_of([&] { (void)query_store(folder / "./sparsity.db", "SELECT 1"); }).code(),
              ErrorCode::store_locked);
  }
  EXPECT_EQ(query_store(path, "SELECT 1").rows(), 1U);
  const Database again(path);
}

TEST(StoreOpen, ReadersShareAFile) {
  const TempFolder folder;
  const auto path = folder / "sparsity.db";
  {
    const Database database(path);
  }
  const Connection one(path, StoreAccess::read);
  EXPECT_EQ(query_store(path, "SELECT count(*) FROM runs").at(0, 0), "0");
  EXPECT_EQ(error_of([&] { const Database writer(path); }).code(), ErrorCode::store_locked);
}

TEST(StoreOpen, OtherFilesAreNotStores) {
  const TempFolder folder;
  const auto text = folder.write("notes.txt", "these are notes, not a database, and long enough to have a header");
  const auto empty = folder.write("empty.db", "");
  for (const auto& path : {text, empty, folder.path()}) {
    const auto error = error_of([&] { const Database database(path); });
    EXPECT_EQ(error.code(), ErrorCode::not_a_store) << path << ": " << error.what();
    EXPECT_EQ(error_of([&] { (void)query_store(path, "SELECT 1"); }).code(), ErrorCode::not_a_store);
  }
  EXPECT_EQ(read_file(text, 1000).substr(0, 15), "these are notes");  // untouched
}

TEST(StoreOpen, AForeignDuckdbDatabaseIsNotAStoreAndStaysAsItIs) {
  const TempFolder folder;
  const auto path = folder / "foreign.db";
  {
    Connection foreign(path, StoreAccess::write);
    foreign.query("CREATE TABLE customers (id INTEGER)");
  }
  EXPECT_EQ(error_of([&] { const Database database(path); }).code(), ErrorCode::not_a_store);
  EXPECT_EQ(error_of([&] { (void)query_store(path, "SELECT 1"); }).code(), ErrorCode::not_a_store);
  Connection foreign(path, StoreAccess::read);
  EXPECT_EQ(foreign.query("SELECT count(*) FROM duckdb_tables()").at(0, 0), "1");
}

TEST(StoreOpen, ReadingNeedsAFileWithTables) {
  const TempFolder folder;
  EXPECT_EQ(error_of([&] { (void)query_store(folder / "absent.db", "SELECT 1"); }).code(), ErrorCode::not_found);
  EXPECT_FALSE(std::filesystem::exists(folder / "absent.db"));
  {
    Connection bare(folder / "bare.db", StoreAccess::write);
  }
  EXPECT_EQ(error_of([&] { (void)query_store(folder / "bare.db", "SELECT 1"); }).code(), ErrorCode::not_a_store);
  EXPECT_EQ(error_of([&] { const Database database(folder / "no/such/folder/x.db"); }).code(), ErrorCode::not_found);
}

TEST(StoreOpen, DamagedFilesAreErrorsWithThePath) {
  const TempFolder folder;
  const auto path = folder / "sparsity.db";
  {
    Database database(path);
    RecordSet set(database);
    database.write(sample_run("r"));
    set.commit();
  }
  const std::string whole = read_file(path, 1 << 24);
  const auto damaged = folder / "damaged.db";
  for (const std::size_t length : {std::size_t{12}, std::size_t{4096}, std::size_t{8192}, std::size_t{12287}}) {
    write_file_atomic(damaged, std::string_view(whole).substr(0, length));
    const auto error = error_of([&] { const Database database(damaged); });
    EXPECT_EQ(error.code(), ErrorCode::not_a_store) << length << ": " << error.what();
    EXPECT_EQ(error.path(), damaged);
  }
  std::string flipped = whole;
  for (std::size_t i = 16; i < 12288; i += 8) flipped[i] = static_cast<char>(flipped[i] ^ 0x55);  // headers
  write_file_atomic(damaged, flipped);
  const auto error = error_of([&] { const Database database(damaged); });
  EXPECT_TRUE(error.code() == ErrorCode::not_a_store || error.code() == ErrorCode::store_version) << error.what();
}

// Killed at many moments, a store holds whole record sets only, and every one that was reported as committed.
TEST(StoreOpen, AKilledWriterLeavesWholeRecordSets) {
  const TempFolder folder;
  for (int round = 0; round < 12; ++round) {
    const auto path = folder / ("killed" + std::to_string(round) + ".db");
    int reported = -1;
    {
      WriterProcess writer("sets", path);
      ASSERT_EQ(writer.line(), "ready");
      for (int i = 0; i <= round % 3; ++i) reported = std::stoi(writer.line());
      std::this_thread::sleep_for(std::chrono::milliseconds(7 * round));
      writer.kill();
    }
    Database database(path);
    const auto runs = database.query(
        "SELECT r.run_id, (SELECT count(*) FROM matrices x WHERE x.run_id = r.run_id), "
        "(SELECT count(*) FROM feature_metrics f JOIN comparisons c USING (comparison_id) WHERE c.a = r.run_id) "
        "FROM runs r");
    EXPECT_GE(static_cast<int>(runs.rows()), reported + 1);
    for (std::size_t r = 0; r < runs.rows(); ++r) {
      EXPECT_EQ(runs.at(r, 1), "5") << *runs.at(r, 0);
      EXPECT_EQ(runs.at(r, 2), "5000") << *runs.at(r, 0);
    }
    EXPECT_EQ(database.query("SELECT count(*) FROM matrices").at(0, 0), std::to_string(5 * runs.rows()));
    EXPECT_EQ(database.query("SELECT count(*) FROM feature_metrics").at(0, 0), std::to_string(5000 * runs.rows()));
  }
}

}  // namespace
}  // namespace lacuna
