#include "lacuna/formats/tensor_archive.hpp"

#include <gtest/gtest.h>

#include "lacuna/core/error.hpp"
#include "support/temp_folder.hpp"

namespace lacuna {
namespace {

TEST(TensorArchive, FindsByNameAndAbsenceIsNull) {
  const float values[2] = {1, 2};
  TensorArchive archive;
  archive.tensors.push_back({"", make_tensor_view(DType::f32, {2}, values)});
  archive.tensors.push_back({"a.b", make_tensor_view(DType::f32, {1}, values + 1)});
  EXPECT_EQ(archive.find("a.b"), &archive.tensors[1].view);
  EXPECT_EQ(archive.find(""), &archive.tensors[0].view);
  EXPECT_EQ(archive.find("a"), nullptr);
}

TEST(TensorArchive, ChecksEveryFile) {
  const test::TempFolder folder;
  TensorArchive archive;
  archive.files = {MappedFile::open(folder.write("a", "1")), MappedFile::open(folder.write("b", "2"))};
  EXPECT_NO_THROW(archive.check_intact());
  folder.write("b", "changed");
  EXPECT_THROW(archive.check_intact(), Error);
}

TEST(TensorArchive, FormatNamesAreWhatMessagesPrint) {
  EXPECT_EQ(file_format_name(FileFormat::pt_legacy), "pt (legacy)");
  EXPECT_EQ(file_format_name(FileFormat::npz), "npz");
}

TEST(TensorFile, UnknownContentIsRefusedWithItsPath) {
  const test::TempFolder folder;
  const auto path = folder.write("a.pt", "version https://git-lfs.github.com/spec/v1\n");
  try {
    open_tensor_file(path);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::unsupported_format);
    EXPECT_EQ(error.path(), path);
  }
}

}  // namespace
}  // namespace lacuna
