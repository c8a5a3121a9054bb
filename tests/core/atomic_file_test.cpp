#include "lacuna/core/atomic_file.hpp"

#include <gtest/gtest.h>

#include <functional>

#include "lacuna/core/error.hpp"
#include "support/temp_folder.hpp"

namespace lacuna {
namespace {
namespace fs = std::filesystem;

ErrorCode code_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.code();
  }
  ADD_FAILURE() << "expected an Error";
  return ErrorCode::internal;
}

std::size_t files_in(const fs::path& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

TEST(AtomicFile, AppearsOnlyOnCommit) {
  const test::TempFolder folder;
  {
    AtomicFile file(folder / "a");
    file.write("hello");
    EXPECT_FALSE(fs::exists(folder / "a"));
    file.commit();
  }
  EXPECT_EQ(read_file(folder / "a", 100), "hello");
  EXPECT_EQ(files_in(folder.path()), 1U);
}

TEST(AtomicFile, WithoutCommitLeavesTheOldContent) {
  const test::TempFolder folder;
  folder.write("a", "old");
  {
    AtomicFile file(folder / "a");
    file.write("new");
  }
  EXPECT_EQ(read_file(folder / "a", 100), "old");
  EXPECT_EQ(files_in(folder.path()), 1U);
}

TEST(AtomicFile, MissingFolderIsAnError) {
  const test::TempFolder folder;
  EXPECT_EQ(code_of([&] { AtomicFile file(folder / "absent/a"); }), ErrorCode::not_found);
}

TEST(ReadFile, RefusesMoreThanAllowed) {
  const test::TempFolder folder;
  folder.write("a", "12345");
  EXPECT_EQ(read_file(folder / "a", 5), "12345");
  EXPECT_EQ(code_of([&] { read_file(folder / "a", 4); }), ErrorCode::limit_exceeded);
}

TEST(PublishFolder, NeverReplacesAFullFolder) {
  const test::TempFolder folder;
  folder.write("from/x", "1");
  folder.write("to/y", "2");
  EXPECT_EQ(code_of([&] { publish_folder(folder / "from", folder / "to"); }), ErrorCode::already_exists);
  fs::remove(folder / "to/y");
  publish_folder(folder / "from", folder / "to");
  EXPECT_EQ(read_file(folder / "to/x", 10), "1");
  EXPECT_FALSE(fs::exists(folder / "from"));
}

TEST(DistinctPaths, SeesLinksAndNesting) {
  const test::TempFolder folder;
  fs::create_directories(folder / "model");
  fs::create_directory_symlink(folder / "model", folder / "link");
  const auto clash = ErrorCode::output_is_input;
  EXPECT_EQ(code_of([&] { require_distinct_paths(folder / "model", folder / "model"); }), clash);
  EXPECT_EQ(code_of([&] { require_distinct_paths(folder / "link", folder / "model"); }), clash);
  EXPECT_EQ(code_of([&] { require_distinct_paths(folder / "model/out", folder / "model"); }), clash);
  EXPECT_EQ(code_of([&] { require_distinct_paths(folder.path(), folder / "model"); }), clash);
  EXPECT_EQ(code_of([&] { require_distinct_paths(folder / "x/../model", folder / "model"); }), clash);
  EXPECT_NO_THROW(require_distinct_paths(folder / "model-pruned", folder / "model"));
}

TEST(DistinctPaths, SeesHardLinkedFiles) {
  const test::TempFolder folder;
  folder.write("a.pt", "1");
  fs::create_hard_link(folder / "a.pt", folder / "b.pt");
  EXPECT_EQ(code_of([&] { require_distinct_paths(folder / "b.pt", folder / "a.pt"); }), ErrorCode::output_is_input);
}

}  // namespace
}  // namespace lacuna
