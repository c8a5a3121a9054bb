// Against NumPy itself: what it writes we read, what we write it reads; no mutated file is accepted that it refuses.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "lacuna/core/error.hpp"
#include "lacuna/core/random.hpp"
#include "lacuna/formats/npz.hpp"
#include "mutation.hpp"
#include "python_oracle.hpp"
#include "support/shared_data.hpp"
#include "support/temp_folder.hpp"

namespace lacuna {
namespace {
namespace fs = std::filesystem;

TEST(NpyOracle, ReadsEverythingThatNumpyWrites) {
  LACUNA_REQUIRE_ORACLE();
  const test::TempFolder folder;
  test::run_oracle("npy_oracle.py", "write", {folder.path()});
  const auto expected = test::lines_by_file(test::read_lines(folder / "manifest"));
  ASSERT_GE(expected.size(), 30U);
  for (const auto& [file, lines] : expected) {
    const auto archive = open_tensor_file(folder / file);
    EXPECT_EQ(archive.format, file.ends_with(".npz") ? FileFormat::npz : FileFormat::npy) << file;
    EXPECT_EQ(test::describe_archive(file, archive), lines);
  }
}

TEST(NpyOracle, ReadsSharedFilesAsNumpyDoes) {
  LACUNA_REQUIRE_ORACLE();
  LACUNA_REQUIRE_SHARED("pt");
  LACUNA_REQUIRE_SHARED("golden");
  std::vector<fs::path> files;
  for (const char* name : {"pt/candle/test.npy", "pt/candle/test.npz", "pt/tch/linear_ws.npy",
                           "golden/calib_64x512.npy", "golden/tiny-llama.wanda-2-4-0.5.masks.npz"}) {
    files.push_back(test::shared_path(name));
  }
  const auto expected = test::lines_by_file(test::run_oracle("npy_oracle.py", "describe", files));
  for (const auto& path : files) {
    const std::string file = path.filename().string();
    EXPECT_EQ(test::describe_archive(file, open_tensor_file(path)), expected.at(file));
  }
}

TEST(NpyOracle, NumpyReadsWhatWeWrite) {
  LACUNA_REQUIRE_ORACLE();
  const test::TempFolder folder;
  Random rng(5);
  std::vector<std::vector<std::byte>> keep;
  std::vector<NamedTensor> all;
  std::vector<fs::path> files;
  for (const auto dtype : {DType::f64, DType::f32, DType::f16, DType::i64, DType::i32, DType::i16, DType::i8,
                           DType::u64, DType::u32, DType::u16, DType::u8, DType::boolean}) {
    keep.emplace_back(12 * dtype_bytes(dtype));
    for (auto& byte : keep.back()) byte = static_cast<std::byte>(dtype == DType::boolean ? rng.below(2) : rng.next());
    const std::string name(dtype_name(dtype));
    auto turned = make_tensor_view(dtype, {3, 4}, keep.back().data());
    all.push_back({name, turned});
    std::swap(turned.shape[0], turned.shape[1]);
    std::swap(turned.strides[0], turned.strides[1]);
    all.push_back({name + "_turned", turned});
    files.push_back(folder / (name + ".npy"));
    write_npy(files.back(), turned);
  }
  all.push_back({"scalar", make_tensor_view(DType::u8, {}, keep[0].data())});
  all.push_back({"row", make_tensor_view(DType::u8, {5}, keep[0].data())});
  all.push_back({"empty", make_tensor_view(DType::f32, {2, 0}, keep[0].data())});
  files.push_back(folder / "all.npz");
  write_npz(files.back(), all);
  const auto theirs = test::lines_by_file(test::run_oracle("npy_oracle.py", "describe", files));
  for (const auto& path : files) {
    const std::string file = path.filename().string();
    EXPECT_EQ(theirs.at(file), test::describe_archive(file, open_tensor_file(path)));
  }
  TensorArchive written;
  written.tensors = all;
  EXPECT_EQ(theirs.at("all.npz"), test::describe_archive("all.npz", written));
}

TEST(NpyOracle, NoMutatedFileIsAcceptedThatNumpyRefuses) {
  LACUNA_REQUIRE_ORACLE();
  const test::TempFolder folder;
  test::run_oracle("npy_oracle.py", "write", {folder.path()});
  const float values[6] = {1, 2, 3, 4, 5, 6};
  const NamedTensor small[] = {{"a", make_tensor_view(DType::f32, {2, 3}, values)},
                               {"b", make_tensor_view(DType::f32, {6}, values)}};
  write_npz(folder / "small.npz", small);
  std::vector<std::string> seeds;
  for (const char* name : {"vector.npy", "int8_fortran.npy", "version2.npy", "small.npz"}) {
    std::ifstream stream(folder / name, std::ios::binary);
    seeds.emplace_back(std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>());
  }
  std::vector<fs::path> accepted;
  Random rng(20260102);
  for (int i = 0; i < test::mutation_count(1000); ++i) {
    const auto bytes = test::mutate(seeds[static_cast<std::size_t>(i) % seeds.size()], rng, 200);
    const std::string name = fmt::format("mutated_{}{}", i, bytes.starts_with("PK") ? ".npz" : ".npy");
    const auto path = folder.write(name, bytes);
    try {
      open_tensor_file(path);
      accepted.push_back(path);
    } catch (const Error&) {
      fs::remove(path);
    }
  }
  ASSERT_GE(accepted.size(), 100U);
  for (std::size_t first = 0; first < accepted.size(); first += 1500) {
    const auto last = std::min(first + 1500, accepted.size());
    const std::vector<fs::path> batch(accepted.begin() + static_cast<std::ptrdiff_t>(first),
                                      accepted.begin() + static_cast<std::ptrdiff_t>(last));
    const auto theirs = test::lines_by_file(test::run_oracle("npy_oracle.py", "describe", batch));
    for (const auto& path : batch) {
      const std::string file = path.filename().string();
      EXPECT_EQ(test::describe_archive(file, open_tensor_file(path)), theirs.at(file));
    }
  }
}

}  // namespace
}  // namespace lacuna
