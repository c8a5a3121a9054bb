#include "lacuna/store/store_reader.hpp"

#include <gtest/gtest.h>

#include "lacuna/core/atomic_file.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/store/connection.hpp"
#include "lacuna/store/database.hpp"
#include "lacuna/store/schema.hpp"
#include "sample_records.hpp"
#include "support/shared_data.hpp"
#include "support/temp_folder.hpp"

namespace lacuna {
namespace {

using test::TempFolder;

TEST(StoreReader, AnOlderStoreIsReadInFullAndLeftAsItIs) {
  const TempFolder folder;
  const auto path = folder / "old.db";
  {
    Connection connection(path, StoreAccess::write);
    connection.query(read_file(test::source_path("tests/store/schema_v1.sql"), 1 << 20));
  }
  const auto before = read_file(path, 1 << 26);
  {
    StoreReader reader(path);
    EXPECT_EQ(reader.version(), 1);
    ASSERT_EQ(reader.source().runs().size(), 1U);
    EXPECT_EQ(reader.source().runs()[0].compute, "f32");  // a column that version 1 has not
    EXPECT_TRUE(reader.source().analyses().empty());      // nor this table
  }
  EXPECT_EQ(read_file(path, 1 << 26), before);
}

TEST(StoreReader, TheCurrentVersionIsReadWhereItLies) {
  const TempFolder folder;
  const auto path = folder / "sparsity.db";
  {
    Database database(path);
    RecordSet set(database);
    database.write(test::sample_run("r1"));
    set.commit();
  }
  std::filesystem::permissions(path, std::filesystem::perms::owner_read);
  StoreReader reader(path);
  EXPECT_EQ(reader.version(), kSchemaVersion);
  EXPECT_TRUE(reader.source().find_run("r1").has_value());
}

TEST(StoreReader, WhatIsNoStoreIsRefused) {
  const TempFolder folder;
  EXPECT_THROW(StoreReader(folder / "absent.db"), Error);
  write_file_atomic(folder / "text.db", "no database");
  EXPECT_THROW(StoreReader(folder / "text.db"), Error);
}

}  // namespace
}  // namespace lacuna
