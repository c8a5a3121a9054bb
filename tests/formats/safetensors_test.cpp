#include "lacuna/formats/safetensors.hpp"

#include <gtest/gtest.h>

#include "formats/safetensors_bytes.hpp"
#include "lacuna/core/error.hpp"
#include "support/temp_folder.hpp"

namespace lacuna {
namespace {

using test::safetensors_bytes;

TEST(Safetensors, ViewsPointIntoTheMappedFile) {
  const test::TempFolder folder;
  const auto path =
      folder.write("a.safetensors", safetensors_bytes(R"({"w":{"dtype":"U8","shape":[2,3],"data_offsets":[0,6]},)"
                                                      R"("__metadata__":{"format":"pt"}})",
                                                      "abcdef"));
  const auto archive = read_safetensors(path);
  ASSERT_EQ(archive.tensors.size(), 1U);
  const auto& view = archive.tensors[0].view;
  EXPECT_EQ(archive.tensors[0].name, "w");
  EXPECT_EQ(view.shape, (Shape{2, 3}));
  EXPECT_EQ(view.strides, (std::vector<std::int64_t>{3, 1}));
  EXPECT_EQ(static_cast<char>(view.data[5]), 'f');
  EXPECT_EQ(archive.metadata.at("format"), "pt");
  const auto file = archive.files.at(0)->bytes();
  EXPECT_EQ(view.data, file.data() + file.size() - 6);
}

TEST(Safetensors, TensorsComeInTheOrderOfTheirBytes) {
  const test::TempFolder folder;
  const auto path =
      folder.write("a.safetensors", safetensors_bytes(R"({"b":{"dtype":"U8","shape":[1],"data_offsets":[1,2]},)"
                                                      R"("empty":{"dtype":"F32","shape":[0,7],"data_offsets":[1,1]},)"
                                                      R"("a":{"dtype":"U8","shape":[],"data_offsets":[0,1]}})",
                                                      "xy"));
  const auto archive = read_safetensors(path);
  ASSERT_EQ(archive.tensors.size(), 3U);
  EXPECT_EQ(archive.tensors[0].name, "a");
  EXPECT_EQ(archive.tensors[1].name, "empty");
  EXPECT_EQ(archive.tensors[2].name, "b");
}

TEST(Safetensors, HoldsEveryDtypeOfLacuna) {
  const test::TempFolder folder;
  for (const std::string_view name : {"F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2", "I64", "I32", "I16", "I8",
                                      "U64", "U32", "U16", "U8", "BOOL"}) {
    const auto bytes = dtype_bytes(*dtype_from_safetensors(name));
    const auto header = R"({"w":{"dtype":")" + std::string(name) + R"(","shape":[2],"data_offsets":[0,)" +
                        std::to_string(2 * bytes) + "]}}";
    const auto path = folder.write("a.safetensors", safetensors_bytes(header, std::string(2 * bytes, 'x')));
    EXPECT_EQ(safetensors_name(read_safetensors(path).tensors.at(0).view.dtype), name);
  }
}

TEST(Safetensors, OpensByContentWhateverTheName) {
  const test::TempFolder folder;
  const auto path =
      folder.write("weights", safetensors_bytes(R"({"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", "x"));
  EXPECT_EQ(open_tensor_file(path).format, FileFormat::safetensors);
}

}  // namespace
}  // namespace lacuna
