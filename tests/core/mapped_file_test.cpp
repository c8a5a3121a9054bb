#include "lacuna/core/mapped_file.hpp"

#include <gtest/gtest.h>

#include "lacuna/core/error.hpp"
#include "support/temp_folder.hpp"

namespace lacuna {
namespace {

TEST(MappedFile, ReadsInPlace) {
  const test::TempFolder folder;
  const auto file = MappedFile::open(folder.write("a", "abc"));
  ASSERT_EQ(file->size(), 3U);
  EXPECT_EQ(static_cast<char>(file->bytes()[2]), 'c');
  EXPECT_NO_THROW(file->check_intact());
}

TEST(MappedFile, EmptyFileMapsToNothing) {
  const test::TempFolder folder;
  EXPECT_EQ(MappedFile::open(folder.write("a", ""))->size(), 0U);
}

TEST(MappedFile, FoldersAndAbsentFilesAreErrors) {
  const test::TempFolder folder;
  EXPECT_THROW(MappedFile::open(folder.path()), Error);
  EXPECT_THROW(MappedFile::open(folder / "absent"), Error);
}

TEST(MappedFile, TruncationWhileMappedIsAnErrorNotASignal) {
  install_truncation_guard();
  const test::TempFolder folder;
  const auto path = folder.write("a", std::string(1 << 20, 'x'));
  const auto file = MappedFile::open(path);
  std::filesystem::resize_file(path, 10);
  unsigned sum = 0;
  for (const auto byte : file->bytes()) sum += static_cast<unsigned>(byte);
  EXPECT_LT(sum, unsigned{'x'} << 20);  // the lost pages read as zeros
  EXPECT_THROW(file->check_intact(), Error);
}

}  // namespace
}  // namespace lacuna
