// Values stay where they are: views point into the mapping, and writing over a mapped input, by any name, is safe.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <numeric>

#include "lacuna/core/error.hpp"
#include "lacuna/formats/npz.hpp"
#include "lacuna/formats/pt_reader.hpp"
#include "lacuna/formats/pt_writer.hpp"
#include "pickle_bytes.hpp"
#include "python_oracle.hpp"
#include "support/temp_folder.hpp"
#include "zip_bytes.hpp"

namespace lacuna {
namespace {
namespace fs = std::filesystem;

std::vector<float> ramp(std::size_t n) {
  std::vector<float> values(n);
  std::iota(values.begin(), values.end(), 0.0F);
  return values;
}

bool points_into_file(const TensorArchive& archive, const TensorView& view) {
  const auto bytes = archive.files.at(0)->bytes();
  return view.data >= bytes.data() && view.data + view.bytes() <= bytes.data() + bytes.size();
}

TEST(InPlace, StoredTensorsAreViewsOfTheMapping) {
  const test::TempFolder folder;
  const auto values = ramp(24);
  const NamedTensor tensors[] = {{"a", make_tensor_view(DType::f32, {4, 6}, values.data())},
                                 {"b", make_tensor_view(DType::f32, {3}, values.data() + 4)}};
  write_pt(folder / "a.pt", tensors);
  write_npz(folder / "a.npz", tensors);
  write_npy(folder / "a.npy", tensors[0].view);
  const std::string four(16, 'f');
  const auto legacy =
      test::pt_legacy_bytes(test::pickle::proto() + test::pickle::vector(4, "N") + ".", {{"0", 4, four}});
  folder.write("legacy.pt", legacy);
  for (const char* name : {"a.pt", "a.npz", "a.npy", "legacy.pt"}) {
    const auto archive = open_tensor_file(folder / name);
    EXPECT_TRUE(archive.owned.empty()) << name;
    ASSERT_FALSE(archive.tensors.empty()) << name;
    for (const auto& tensor : archive.tensors) EXPECT_TRUE(points_into_file(archive, tensor.view)) << name;
  }
}

TEST(InPlace, PayloadsAreAlignedTo64Bytes) {
  const test::TempFolder folder;
  const auto values = ramp(5);
  std::vector<NamedTensor> tensors;
  for (int i = 0; i < 20; ++i) {
    tensors.push_back(
        {std::string(static_cast<std::size_t>(i), 'n'), make_tensor_view(DType::f32, {5}, values.data())});
  }
  write_pt(folder / "a.pt", tensors);
  write_npz(folder / "a.npz", tensors);
  for (const char* name : {"a.pt", "a.npz"}) {
    for (const auto& tensor : open_tensor_file(folder / name).tensors) {
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(tensor.view.data) % 64, 0U) << name;
    }
  }
}

TEST(InPlace, DeflatedMembersAreOwned) {
  const test::TempFolder folder;
  const auto values = ramp(100);
  const std::string array = npy_header(DType::f32, std::vector<std::int64_t>{100}) +
                            std::string(reinterpret_cast<const char*>(values.data()), 400);
  const auto path = folder.write("a.npz", test::zip_bytes({test::deflated_part("a.npy", array)}));
  const auto archive = open_tensor_file(path);
  ASSERT_EQ(archive.owned.size(), 1U);
  EXPECT_EQ(test::view_values<float>(*archive.find("a")), values);
  const auto copy = archive;  // views of a copy stay valid without the original
  EXPECT_EQ(test::view_values<float>(*copy.find("a")), values);
}

TEST(InPlace, EqualInputGivesEqualBytesWhateverTheName) {
  const test::TempFolder folder;
  const auto values = ramp(6);
  const auto view = make_tensor_view(DType::f32, {2, 3}, values.data());
  write_pt_tensor(folder / "a.pt", view);
  write_pt_tensor(folder / "another name.pth", view);
  EXPECT_EQ(read_file(folder / "a.pt", 1 << 20), read_file(folder / "another name.pth", 1 << 20));
}

TEST(InPlace, ProducersFillOneTensorAtATime) {
  const test::TempFolder folder;
  const TensorSpec specs[] = {{"a", DType::f32, {2, 2}}, {"b", DType::u8, {3}}, {"none", DType::f64, {0}}};
  std::vector<std::size_t> order;
  write_pt(folder / "a.pt", specs, [&](std::size_t index, std::span<std::byte> out) {
    order.push_back(index);
    std::fill(out.begin(), out.end(), static_cast<std::byte>(index + 1));
  });
  EXPECT_EQ(order, (std::vector<std::size_t>{0, 1, 2}));
  const auto archive = open_tensor_file(folder / "a.pt");
  EXPECT_EQ(test::view_values<std::uint8_t>(*archive.find("b")), (std::vector<std::uint8_t>{2, 2, 2}));
  EXPECT_EQ(archive.find("none")->numel(), 0);
}

TEST(InPlace, WritersRefuseWhatNobodyCouldRead) {
  const test::TempFolder folder;
  const float one = 1;
  const auto view = [&](DType dtype) { return make_tensor_view(dtype, {1}, &one); };
  const auto code = [&](const std::vector<NamedTensor>& tensors) {
    try {
      write_pt(folder / "a.pt", tensors);
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode::internal;
  };
  EXPECT_EQ(code({{"a", view(DType::u8)}, {"a", view(DType::u8)}}), ErrorCode::invalid_argument);
  EXPECT_EQ(code({{"a\nb", view(DType::u8)}}), ErrorCode::invalid_argument);
  EXPECT_EQ(code({{"\xff", view(DType::u8)}}), ErrorCode::invalid_argument);
  EXPECT_EQ(code({{"a", view(DType::f8_e4m3)}}), ErrorCode::unsupported_dtype);
  EXPECT_EQ(code({{"a", view(DType::u32)}}), ErrorCode::unsupported_dtype);
  EXPECT_THROW(write_npy(folder / "a.npy", view(DType::bf16)), Error);
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

// Reads `input`, writes its tensors to `output`, and expects them there.
void rewrite(const fs::path& input, const fs::path& output) {
  const auto archive = open_tensor_file(input);
  const auto expected = test::describe_archive("x", archive);
  write_pt(output, archive.tensors, {}, [&] { archive.check_intact(); });
  EXPECT_EQ(test::describe_archive("x", open_tensor_file(output)), expected);
  EXPECT_EQ(test::describe_archive("x", archive), expected);  // the mapping keeps the old file
}

TEST(InPlace, WritingOverTheMappedInputIsSafeByAnyName) {
  const test::TempFolder folder;
  const auto values = ramp(100'000);
  const NamedTensor tensors[] = {{"a", make_tensor_view(DType::f32, {100, 1000}, values.data())}};
  const auto fresh = [&](const char* name) {
    write_pt(folder / name, tensors);
    return folder / name;
  };
  rewrite(fresh("same.pt"), folder / "same.pt");
  rewrite(fresh("dotted.pt"), folder / "." / "dotted.pt");

  fs::create_symlink(fresh("target.pt"), folder / "link.pt");
  rewrite(folder / "target.pt", folder / "link.pt");
  rewrite(folder / "link.pt", folder / "target.pt");

  fs::create_hard_link(fresh("first.pt"), folder / "second.pt");
  rewrite(folder / "first.pt", folder / "second.pt");
  EXPECT_EQ(test::view_values<float>(open_tensor_file(folder / "first.pt").tensors.at(0).view), values);
}

TEST(InPlace, AnInputTruncatedMeanwhileIsAnErrorAndLeavesTheOutputAlone) {
  install_truncation_guard();
  const test::TempFolder folder;
  const auto values = ramp(1 << 20);
  const NamedTensor tensors[] = {{"a", make_tensor_view(DType::f32, {1 << 20}, values.data())}};
  write_pt(folder / "in.pt", tensors);
  folder.write("out.pt", "old");
  const auto archive = open_tensor_file(folder / "in.pt");
  fs::resize_file(folder / "in.pt", 5000);
  try {
    write_pt(folder / "out.pt", archive.tensors, {}, [&] { archive.check_intact(); });
    FAIL() << "the truncated input was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::file_changed) << error.what();
  }
  EXPECT_EQ(read_file(folder / "out.pt", 100), "old");
}

TEST(InPlace, StoppingLeavesNothing) {
  const test::TempFolder folder;
  const auto values = ramp(1000);
  const NamedTensor tensors[] = {{"a", make_tensor_view(DType::f32, {1000}, values.data())}};
  const std::atomic<bool> stop{true};
  RunContext context;
  context.stop = &stop;
  EXPECT_THROW(write_pt(folder / "a.pt", tensors, context), Error);
  EXPECT_THROW(write_npz(folder / "a.npz", tensors, context), Error);
  EXPECT_THROW(write_npy(folder / "a.npy", tensors[0].view, context), Error);
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

// A storage that begins beyond 4 GiB, in a sparse file: sizes and offsets come from zip64 fields.
TEST(InPlace, Zip64OffsetsBeyond4GiBAreRead) {
  using namespace test::pickle;
  const test::TempFolder folder;
  constexpr std::uint64_t kFar = (std::uint64_t{4} << 30) + 4096;
  const std::string pickle = proto() + vector(2) + ".";
  auto parts = test::pt_parts(pickle, {});
  const std::string head = test::zip_bytes(parts);
  const auto directory = head.find("PK\1\2");
  const std::string entries = head.substr(directory, head.find("PK\5\6") - directory);
  const std::string name = "archive/data/0";
  const std::string floats(8, 'f');
  const std::string part = test::zip_bytes({{name, floats}});
  const auto split = part.find("PK\1\2");
  const std::string crc = part.substr(14, 4);
  const std::string entry = "PK\1\2" + little(45, 2) + little(45, 2) + little(0, 2 + 2 + 4) + crc + little(8, 4) +
                            little(8, 4) + little(name.size(), 2) + little(12, 2) + little(0, 2 + 2 + 2 + 4) +
                            little(0xffffffff, 4) + name + little(1, 2) + little(8, 2) + little(kFar, 8);
  const std::string local = part.substr(0, split);
  const std::uint64_t start = kFar + local.size();
  const std::uint64_t bytes = entries.size() + entry.size();
  const std::string tail = entries + entry + "PK\6\6" + little(44, 8) + little(45, 2) + little(45, 2) + little(0, 8) +
                           little(3, 8) + little(3, 8) + little(bytes, 8) + little(start, 8) + "PK\6\7" + little(0, 4) +
                           little(start + bytes, 8) + little(1, 4) + "PK\5\6" + little(0, 4) + little(3, 2) +
                           little(3, 2) + little(bytes, 4) + little(0xffffffff, 4) + little(0, 2);
  const auto path = folder.write("far.pt", head.substr(0, directory));
  {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(kFar));
    file << local << tail;
  }
  const auto archive = open_tensor_file(path);
  ASSERT_EQ(archive.tensors.size(), 1U);
  EXPECT_EQ(archive.tensors[0].view.data[0], std::byte{'f'});
  EXPECT_TRUE(points_into_file(archive, archive.tensors[0].view));
}

}  // namespace
}  // namespace lacuna
