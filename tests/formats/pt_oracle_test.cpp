// Against PyTorch itself: what it writes we read, what we write it reads, bit for bit; and no mutated file is accepted
// that it refuses.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <cstdlib>
#include <fstream>

#include "lacuna/core/error.hpp"
#include "lacuna/core/random.hpp"
#include "lacuna/formats/pt_reader.hpp"
#include "lacuna/formats/pt_writer.hpp"
#include "mutation.hpp"
#include "python_oracle.hpp"
#include "support/shared_data.hpp"
#include "support/temp_folder.hpp"

namespace lacuna {
namespace {
namespace fs = std::filesystem;

TEST(PtOracle, ReadsEverythingThatTorchWrites) {
  LACUNA_REQUIRE_ORACLE();
  const test::TempFolder folder;
  test::run_oracle("pt_oracle.py", "write", {folder.path()});
  const auto expected = test::lines_by_file(test::read_lines(folder / "manifest"));
  ASSERT_GE(expected.size(), 100U);
  for (const auto& [file, lines] : expected) {
    const auto archive = open_tensor_file(folder / file);
    const bool legacy = file.find("legacy") != std::string::npos;
    EXPECT_EQ(archive.format, legacy ? FileFormat::pt_legacy : FileFormat::pt_zip) << file;
    EXPECT_EQ(test::describe_archive(file, archive), lines);
  }
}

TEST(PtOracle, ReadsSharedFilesAsTorchDoes) {
  LACUNA_REQUIRE_ORACLE();
  LACUNA_REQUIRE_SHARED("pt");
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(test::shared_path("pt"))) {
    const auto extension = entry.path().extension();
    if (extension != ".pt" && extension != ".pth") continue;
    try {
      open_tensor_file(entry.path());
      files.push_back(entry.path());
    } catch (const Error&) {  // shared_pt_test.cpp says which, and why
    }
  }
  ASSERT_EQ(files.size(), 8U);
  const auto expected = test::lines_by_file(test::run_oracle("pt_oracle.py", "describe", files));
  for (const auto& path : files) {
    const std::string file = path.filename().string();
    EXPECT_EQ(test::describe_archive(file, open_tensor_file(path)), expected.at(file));
  }
}

// Every dtype with all its bit patterns' kinds: NaN payloads, infinities, negative zero, denormals.
std::vector<std::byte> pattern_bytes(DType dtype, std::size_t numel) {
  Random rng(11);
  std::vector<std::byte> bytes(numel * dtype_bytes(dtype));
  for (auto& byte : bytes) byte = static_cast<std::byte>(dtype == DType::boolean ? rng.next() & 1U : rng.next());
  return bytes;
}

constexpr DType kPtTypes[] = {DType::f64, DType::f32, DType::f16, DType::bf16, DType::i64,
                              DType::i32, DType::i16, DType::i8,  DType::u8,   DType::boolean};

TEST(PtOracle, TorchReadsWhatWeWriteBitForBit) {
  LACUNA_REQUIRE_ORACLE();
  const test::TempFolder folder;
  std::vector<fs::path> files;
  std::vector<std::vector<std::byte>> keep;
  std::vector<NamedTensor> all;
  for (const auto dtype : kPtTypes) {
    keep.push_back(pattern_bytes(dtype, 6 * 7));
    const auto whole = make_tensor_view(dtype, {6, 7}, keep.back().data());
    TensorView turned = whole;
    std::swap(turned.shape[0], turned.shape[1]);
    std::swap(turned.strides[0], turned.strides[1]);
    const std::string name(dtype_name(dtype));
    all.push_back({name, whole});
    all.push_back({name + ".turned", turned});
    files.push_back(folder / ("bare_" + name + ".pt"));
    write_pt_tensor(files.back(), turned);
  }
  const float one = 1.0F;
  all.push_back({"scalar", make_tensor_view(DType::f32, {}, &one)});
  all.push_back({"größe", make_tensor_view(DType::f32, {1}, &one)});
  files.push_back(folder / "zip64.pt");
  write_pt(files.back(), all, {}, {}, 1);  // every size and offset but those of zero in 64 bits
  all.push_back({"empty", make_tensor_view(DType::f32, {0, 4}, &one)});
  files.push_back(folder / "dict.pt");
  write_pt(files.back(), all);
  files.push_back(folder / "no_tensors.pt");
  write_pt(files.back(), std::span<const NamedTensor>());

  const auto theirs = test::lines_by_file(test::run_oracle("pt_oracle.py", "strict", files));
  for (const auto& path : files) {
    const std::string file = path.filename().string();
    const auto ours = test::describe_archive(file, open_tensor_file(path));
    EXPECT_EQ(theirs.at(file), ours);
    TensorArchive written;
    if (file == "dict.pt") written.tensors = all;
    if (file == "zip64.pt") written.tensors.assign(all.begin(), all.end() - 1);
    if (written.tensors.empty()) continue;
    EXPECT_EQ(ours, test::describe_archive(file, written));
  }
}

// Small files of both containers, as seeds of the mutations.
std::vector<std::string> mutation_seeds(const fs::path& folder) {
  std::vector<std::string> seeds;
  for (const char* name : {"dtype_f32_strided.pt", "shared.pt", "parameter.pt", "nested.pt", "ordered_legacy.pt",
                           "shared_legacy.pt", "nested_protocol4.pt", "bare_protocol1_legacy.pt"}) {
    std::ifstream stream(folder / name, std::ios::binary);
    seeds.emplace_back(std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>());
  }
  return seeds;
}

bool we_accept(const std::string& bytes) {
  try {
    read_pt(ByteSource(std::as_bytes(std::span(bytes)), "mutated"));
    return true;
  } catch (const Error&) {
    return false;
  }
}

TEST(PtOracle, NoMutatedFileIsAcceptedThatTorchRefuses) {
  LACUNA_REQUIRE_ORACLE();
  const test::TempFolder folder;
  test::run_oracle("pt_oracle.py", "write", {folder.path()});
  const auto seeds = mutation_seeds(folder.path());
  Random rng(20260101);
  std::vector<fs::path> accepted;
  for (int i = 0; i < test::mutation_count(1500); ++i) {
    const auto bytes = test::mutate(seeds[static_cast<std::size_t>(i) % seeds.size()], rng, 700);
    if (we_accept(bytes)) accepted.push_back(folder.write(fmt::format("mutated_{}.pt", i), bytes));
  }
  ASSERT_GE(accepted.size(), 100U);  // payload bytes are free to change, so many stay valid
  for (std::size_t first = 0; first < accepted.size(); first += 1500) {
    const auto last = std::min(first + 1500, accepted.size());
    const std::vector<fs::path> batch(accepted.begin() + static_cast<std::ptrdiff_t>(first),
                                      accepted.begin() + static_cast<std::ptrdiff_t>(last));
    const auto theirs = test::lines_by_file(test::run_oracle("pt_oracle.py", "describe", batch));
    for (const auto& path : batch) {
      const std::string file = path.filename().string();
      EXPECT_EQ(test::describe_archive(file, open_tensor_file(path)), theirs.at(file));
    }
  }
}

}  // namespace
}  // namespace lacuna
