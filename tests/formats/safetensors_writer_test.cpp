#include "lacuna/formats/safetensors_writer.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <cstring>
#include <numeric>

#include "formats/error_code_of.hpp"
#include "formats/safetensors_bytes.hpp"
#include "lacuna/core/atomic_file.hpp"
#include "lacuna/formats/safetensors.hpp"
#include "support/failing_allocator.hpp"
#include "support/temp_folder.hpp"

namespace lacuna {
namespace {
namespace fs = std::filesystem;

using test::error_code_of;

constexpr std::uint64_t kAnySize = 1 << 20;

std::size_t files_in(const fs::path& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

// The bytes that safetensors 0.8 (Python) writes for the same tensors: see oracle_test.py for the general case.
TEST(SafetensorsWriter, WritesWhatTheReferenceWrites) {
  const test::TempFolder folder;
  const std::vector<std::uint8_t> bytes = {1, 2, 3};
  const std::vector<float> floats = {1.0F, 2.0F};
  const std::vector<NamedTensor> tensors = {{"z", make_tensor_view(DType::u8, {3}, bytes.data())},
                                            {"b", make_tensor_view(DType::f32, {2}, floats.data())},
                                            {"a", make_tensor_view(DType::f32, {}, floats.data())}};
  write_safetensors(folder / "a", tensors, {{"format", "pt"}});
  std::string header = R"({"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},)"
                       R"("b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]},)"
                       R"("z":{"dtype":"U8","shape":[3],"data_offsets":[12,15]}})";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  std::string data(15, '\0');
  std::memcpy(data.data(), floats.data(), 4);
  std::memcpy(data.data() + 4, floats.data(), 8);
  std::memcpy(data.data() + 12, bytes.data(), 3);
  EXPECT_EQ(read_file(folder / "a", kAnySize), test::safetensors_bytes(header, data));
}

TEST(SafetensorsWriter, EveryTensorReadsBackAndIsAligned) {
  const test::TempFolder folder;
  const std::vector<std::byte> source(1024, std::byte{7});
  std::vector<NamedTensor> tensors;
  for (int i = 0; i < 15; ++i) {
    tensors.push_back({"t" + std::to_string(i), make_tensor_view(static_cast<DType>(i), {3, i}, source.data())});
  }
  write_safetensors(folder / "a", tensors, {{"k", "\"quoted\"\n\x01"}, {"ü", "✓"}});
  const auto archive = read_safetensors(folder / "a");
  ASSERT_EQ(archive.tensors.size(), 15U);
  EXPECT_EQ(archive.metadata.at("k"), "\"quoted\"\n\x01");
  EXPECT_EQ(archive.metadata.at("ü"), "✓");
  for (const auto& tensor : tensors) {
    const auto* view = archive.find(tensor.name);
    ASSERT_NE(view, nullptr);
    EXPECT_EQ(view->dtype, tensor.view.dtype);
    EXPECT_EQ(view->shape, tensor.view.shape);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(view->data) % dtype_bytes(view->dtype), 0U);
  }
}

TEST(SafetensorsWriter, StridedViewsAreWrittenRowMajor) {
  const test::TempFolder folder;
  // Larger than one chunk of 16 MiB, so that slicing is exercised: 3 × 2 × 1,500,000 halves, all axes permuted.
  const std::int64_t n = 1'500'000;
  std::vector<std::uint16_t> source(static_cast<std::size_t>(6 * n));
  std::iota(source.begin(), source.end(), std::uint16_t{0});
  TensorView view = make_tensor_view(DType::u16, {3, 2, n}, source.data());
  view.shape = {n, 3, 2};
  view.strides = {1, 2 * n, n};
  write_safetensors(folder / "a", std::vector<NamedTensor>{{"t", view}}, {});
  const auto archive = read_safetensors(folder / "a");
  std::vector<std::uint16_t> expected(source.size());
  copy_contiguous(view, reinterpret_cast<std::byte*>(expected.data()));
  EXPECT_EQ(std::memcmp(archive.tensors[0].view.data, expected.data(), expected.size() * 2), 0);
  view.shape = {1, 3, 2 * n / 2};  // a first extent of one, and a row longer than a chunk
  view.strides = {0, 2 * n, 2};
  write_safetensors(folder / "b", std::vector<NamedTensor>{{"t", view}}, {});
  expected.resize(static_cast<std::size_t>(view.numel()));
  copy_contiguous(view, reinterpret_cast<std::byte*>(expected.data()));
  EXPECT_EQ(std::memcmp(read_safetensors(folder / "b").tensors[0].view.data, expected.data(), expected.size() * 2), 0);
}

TEST(SafetensorsWriter, ProducersFillOneTensorAtATime) {
  const test::TempFolder folder;
  const std::vector<TensorSpec> specs = {{"x", DType::u8, {4}}, {"y", DType::i16, {2}}};
  write_safetensors(folder / "a", specs, {}, [](std::size_t index, std::span<std::byte> out) {
    std::fill(out.begin(), out.end(), std::byte(index + 1));
  });
  const auto archive = read_safetensors(folder / "a");
  EXPECT_EQ(archive.find("x")->data[3], std::byte{1});
  EXPECT_EQ(archive.find("y")->data[3], std::byte{2});
}

TEST(SafetensorsWriter, NamesThatNoReaderTakesAreRefused) {
  const test::TempFolder folder;
  const auto written = [&](std::vector<TensorSpec> specs, const SafetensorsMetadata& metadata = {}) {
    return error_code_of(
        [&] { write_safetensors(folder / "a", specs, metadata, [](std::size_t, std::span<std::byte>) {}); });
  };
  EXPECT_EQ(written({{"x", DType::u8, {}}, {"x", DType::u8, {}}}), ErrorCode::invalid_argument);
  EXPECT_EQ(written({{"__metadata__", DType::u8, {}}}), ErrorCode::invalid_argument);
  EXPECT_EQ(written({{"a\nb", DType::u8, {}}}), ErrorCode::invalid_argument);
  EXPECT_EQ(written({{"x", DType::f64, {INT64_MAX, 2}}}), ErrorCode::invalid_argument);
  EXPECT_EQ(written({{"\xff", DType::u8, {}}}), ErrorCode::invalid_argument);
  EXPECT_EQ(written({{"x", DType::u8, {}}}, {{"k", "\xff"}}), ErrorCode::invalid_argument);
  EXPECT_EQ(files_in(folder.path()), 0U);
}

TEST(SafetensorsWriter, StopLeavesNothingBehind) {
  const test::TempFolder folder;
  std::atomic<bool> stop{false};
  RunContext context;
  context.stop = &stop;
  context.progress = [&](const ProgressEvent&) { stop = true; };
  const std::vector<TensorSpec> specs = {{"x", DType::u8, {4}}, {"y", DType::u8, {4}}};
  const auto fill = [](std::size_t, std::span<std::byte> out) { std::fill(out.begin(), out.end(), std::byte{0}); };
  EXPECT_EQ(error_code_of([&] { write_safetensors(folder / "a", specs, {}, fill, context); }), ErrorCode::interrupted);
  EXPECT_EQ(files_in(folder.path()), 0U);
}

std::string input_bytes() {  // entries out of order, extra spaces: all of it has to survive
  return test::safetensors_bytes(R"({ "b" : {"data_offsets":[2,4], "dtype":"I8","shape":[2]},
    "__metadata__":{"format":"pt","lang":"ü"}, "a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}   )",
                                 "wxyz");
}

TEST(SafetensorsRewriter, WithoutReplacementsCopiesTheFile) {
  const test::TempFolder folder;
  const auto input = read_safetensors(folder.write("in", input_bytes()));
  rewrite_safetensors(input, folder / "out", {});
  EXPECT_EQ(read_file(folder / "out", kAnySize), input_bytes());
}

TEST(SafetensorsRewriter, ReplacesOnlyWhatIsSupplied) {
  const test::TempFolder folder;
  const auto input = read_safetensors(folder.write("in", input_bytes()));
  rewrite_safetensors(input, folder / "out", [](const NamedTensor& tensor, std::span<std::byte> out) {
    if (tensor.name != "b") return false;
    std::fill(out.begin(), out.end(), std::byte{'!'});
    return true;
  });
  std::string expected = input_bytes();
  expected.replace(expected.size() - 2, 2, "!!");
  EXPECT_EQ(read_file(folder / "out", kAnySize), expected);
}

TEST(SafetensorsRewriter, NeverWritesOverItsInput) {
  const test::TempFolder folder;
  const auto input = read_safetensors(folder.write("in", input_bytes()));
  fs::create_symlink(folder / "in", folder / "symlink");
  fs::create_hard_link(folder / "in", folder / "hardlink");
  for (const char* output : {"in", "symlink", "hardlink", "./x/../in"}) {
    EXPECT_EQ(error_code_of([&] { rewrite_safetensors(input, folder / output, {}); }), ErrorCode::output_is_input);
  }
  EXPECT_EQ(read_file(folder / "in", kAnySize), input_bytes());
}

// safetensors#762: saving over the file that the tensors are mapped from destroyed them.
TEST(SafetensorsWriter, WritingOverItsOwnMappedInputKeepsEveryByte) {
  const test::TempFolder folder;
  const std::string values(100'000, 'v');
  const std::string header = R"({"a":{"dtype":"U8","shape":[100000],"data_offsets":[0,100000]}})";
  folder.write("in", test::safetensors_bytes(header, values));
  fs::create_symlink(folder / "in", folder / "symlink");
  fs::create_hard_link(folder / "in", folder / "hardlink");
  for (const char* output : {"hardlink", "symlink", "in"}) {
    const auto input = read_safetensors(folder / "in");
    write_safetensors(folder / output, input.tensors, {});
    EXPECT_EQ(std::memcmp(input.tensors[0].view.data, values.data(), values.size()), 0) << output;
    const auto copy = read_safetensors(folder / output);
    EXPECT_EQ(std::memcmp(copy.tensors[0].view.data, values.data(), values.size()), 0) << output;
  }
}

TEST(SafetensorsWriter, RunningOutOfMemoryIsAnErrorAndLeavesNothing) {
  const test::TempFolder folder;
  const auto input = read_safetensors(folder.write("in", input_bytes()));
  const auto target = folder / "out";
  for (std::uint64_t nth = 0;; ++nth) {
    ASSERT_LT(nth, 1000U);
    auto code = ErrorCode::internal;
    bool failed = false;
    {
      const test::FailingAllocation failing(nth);
      try {
        write_safetensors(target, input.tensors, input.metadata);
      } catch (const Error& error) {
        code = error.code();
      }
      failed = failing.happened();
    }
    if (!failed) {
      EXPECT_GT(nth, 10U);
      return;
    }
    EXPECT_EQ(code, ErrorCode::out_of_memory) << nth;
    EXPECT_EQ(files_in(folder.path()), 1U) << nth;
  }
}

class FileSizeLimit {  // writes beyond it fail, as on a disk that is full or broken
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    getrlimit(RLIMIT_FSIZE, &before_);
    handler_ = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit before_{};
  void (*handler_)(int) = nullptr;
};

TEST(SafetensorsWriter, ADiskThatRefusesBytesLeavesTheOldFile) {
  const test::TempFolder folder;
  folder.write("out", "old");
  const auto input = read_safetensors(folder.write("in", input_bytes()));
  const std::size_t whole = 8 + 152;  // the smaller of the two outputs, short of its last tensors
  for (std::size_t limit = 0; limit < whole; limit += 7) {
    auto code = ErrorCode::internal;
    auto rewritten = ErrorCode::internal;
    {
      const FileSizeLimit full(limit);
      code = error_code_of([&] { write_safetensors(folder / "out", input.tensors, input.metadata); });
      rewritten = error_code_of([&] { rewrite_safetensors(input, folder / "out", {}); });
    }
    EXPECT_EQ(code, ErrorCode::io_failed) << limit;
    EXPECT_EQ(rewritten, ErrorCode::io_failed) << limit;
    EXPECT_EQ(read_file(folder / "out", kAnySize), "old");
    EXPECT_EQ(files_in(folder.path()), 2U);
  }
}

TEST(SafetensorsRewriter, AnInputTruncatedMeanwhileIsAnErrorAndNothingIsWritten) {
  install_truncation_guard();
  const test::TempFolder folder;
  const std::string header = R"({"a":{"dtype":"U8","shape":[1000000],"data_offsets":[0,1000000]}})";
  const auto path = folder.write("in", test::safetensors_bytes(header, std::string(1'000'000, 'v')));
  const auto input = read_safetensors(path);
  fs::resize_file(path, 5000);
  EXPECT_EQ(error_code_of([&] { rewrite_safetensors(input, folder / "out", {}); }), ErrorCode::file_changed);
  EXPECT_EQ(
      error_code_of([&] { write_safetensors(folder / "out", input.tensors, {}, {}, [&] { input.check_intact(); }); }),
      ErrorCode::file_changed);
  EXPECT_EQ(files_in(folder.path()), 1U);
}

TEST(SafetensorsRewriter, AnInputRewrittenMeanwhileIsAnError) {
  const test::TempFolder folder;
  const auto input = read_safetensors(folder.write("in", input_bytes()));
  const auto touch = [&](const NamedTensor&, std::span<std::byte>) {
    folder.write("in", std::string(input_bytes().size() + 1, 'x'));
    return false;
  };
  EXPECT_EQ(error_code_of([&] { rewrite_safetensors(input, folder / "out", touch); }), ErrorCode::file_changed);
  EXPECT_EQ(files_in(folder.path()), 1U);
}

}  // namespace
}  // namespace lacuna
