#include "lacuna/formats/checkpoint.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <optional>

#include "formats/safetensors_bytes.hpp"
#include "lacuna/core/error.hpp"
#include "support/failing_allocator.hpp"
#include "support/shared_data.hpp"
#include "support/temp_folder.hpp"

namespace lacuna {
namespace {
namespace fs = std::filesystem;

using test::safetensors_bytes;

std::string one_tensor(const std::string& name, char value = 'x') {
  return safetensors_bytes(R"({")" + name + R"(":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
                           std::string(1, value));
}

ErrorCode code_of_open(const fs::path& folder) {
  try {
    Checkpoint::open(folder.string());
  } catch (const Error& error) {
    return error.code();
  }
  ADD_FAILURE() << "expected an Error";
  return ErrorCode::internal;
}

void write_sharded(const test::TempFolder& folder) {
  folder.write("model-1.safetensors", one_tensor("b"));
  folder.write("model-2.safetensors", one_tensor("a", 'y'));
  folder.write("model.safetensors.index.json",
               R"({"metadata":{"total_size":2},"weight_map":{"b":"model-1.safetensors","a":"model-2.safetensors"}})");
}

TEST(Checkpoint, OpensASingleFile) {
  const test::TempFolder folder;
  folder.write("model.safetensors", one_tensor("w"));
  const auto checkpoint = Checkpoint::open(folder.path().string());
  EXPECT_TRUE(checkpoint.index_path().empty());
  EXPECT_EQ(checkpoint.names(), std::vector<std::string>{"w"});
  EXPECT_EQ(checkpoint.weight_bytes(), 1U);
  EXPECT_NO_THROW(checkpoint.check_intact());
}

TEST(Checkpoint, OpensShardsInIndexOrder) {
  const test::TempFolder folder;
  write_sharded(folder);
  const auto checkpoint = Checkpoint::open(folder.path().string());
  EXPECT_EQ(checkpoint.names(), (std::vector<std::string>{"b", "a"}));
  EXPECT_EQ(static_cast<char>(*checkpoint.get("a").data), 'y');
  EXPECT_EQ(checkpoint.find("c"), nullptr);
  EXPECT_EQ(checkpoint.shards().at(1).files.at(0)->path(), folder / "model-2.safetensors");
}

TEST(Checkpoint, ViewsOutliveCopiesAndMoves) {
  const test::TempFolder folder;
  write_sharded(folder);
  std::optional<Checkpoint> original = Checkpoint::open(folder.path().string());
  const Checkpoint copy = *original;
  const Checkpoint moved = std::move(*original);
  const TensorView* view = copy.find("a");
  original.reset();
  EXPECT_EQ(moved.find("a"), view);
  EXPECT_EQ(static_cast<char>(*view->data), 'y');
}

TEST(Checkpoint, MissingTensorNamesIt) {
  const test::TempFolder folder;
  write_sharded(folder);
  const auto checkpoint = Checkpoint::open(folder.path().string());
  try {
    checkpoint.get("lm_head.weight");
    FAIL() << "expected an Error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::missing_tensor);
    EXPECT_NE(error.message().find("lm_head.weight"), std::string::npos);
  }
}

TEST(Checkpoint, IndexAndShardsMustAgree) {
  const test::TempFolder folder;
  write_sharded(folder);
  folder.write("model-2.safetensors", one_tensor("c"));
  EXPECT_EQ(code_of_open(folder.path()), ErrorCode::missing_tensor);
  folder.write("model-2.safetensors", one_tensor("b"));
  EXPECT_EQ(code_of_open(folder.path()), ErrorCode::corrupt_file);  // a tensor in two shards
  fs::remove(folder / "model-2.safetensors");
  EXPECT_EQ(code_of_open(folder.path()), ErrorCode::not_found);
}

TEST(Checkpoint, FoldersWithoutWeightsAreNotFound) {
  const test::TempFolder folder;
  EXPECT_EQ(code_of_open(folder.path()), ErrorCode::not_found);
  EXPECT_EQ(code_of_open(folder / "absent"), ErrorCode::not_found);
  EXPECT_EQ(code_of_open(folder.write("file", "x")), ErrorCode::not_found);
}

TEST(Checkpoint, RunningOutOfMemoryIsAnErrorAtEveryAllocation) {
  const test::TempFolder folder;
  write_sharded(folder);
  const std::string reference = folder.path().string();
  for (std::uint64_t nth = 0;; ++nth) {
    ASSERT_LT(nth, 10'000U);
    auto code = ErrorCode::internal;
    bool opened = false;
    bool failed = false;
    {
      const test::FailingAllocation failing(nth);
      try {
        opened = Checkpoint::open(reference).shards().size() == 2;
      } catch (const Error& error) {
        code = error.code();
      }
      failed = failing.happened();
    }
    if (!failed) {
      EXPECT_TRUE(opened);
      EXPECT_GT(nth, 50U);
      return;
    }
    EXPECT_EQ(code, ErrorCode::out_of_memory) << nth;
  }
}

TEST(Checkpoint, OpensTheTrainedModels) {
  LACUNA_REQUIRE_SHARED("models");
  struct Expectation {
    const char* folder;
    std::size_t shards;
    std::size_t tensors;
    std::uint64_t bytes;
  };
  for (const Expectation& expected :
       {Expectation{"tiny-llama", 1, 56, 8'459'136}, Expectation{"books-llama-32m", 5, 75, 63'194'112},
        Expectation{"books-opt-14m", 2, 100, 28'374'528}}) {
    const auto checkpoint = Checkpoint::open(test::shared_path("models") / expected.folder);
    EXPECT_EQ(checkpoint.shards().size(), expected.shards);
    EXPECT_EQ(checkpoint.names().size(), expected.tensors);
    EXPECT_EQ(checkpoint.weight_bytes(), expected.bytes);
    for (const auto& name : checkpoint.names()) EXPECT_EQ(checkpoint.get(name).dtype, DType::bf16) << name;
  }
}

}  // namespace
}  // namespace lacuna
