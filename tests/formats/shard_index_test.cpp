#include "lacuna/formats/shard_index.hpp"

#include <gtest/gtest.h>

#include <ctime>

#include "formats/error_code_of.hpp"
#include "formats/safetensors_bytes.hpp"
#include "lacuna/core/atomic_file.hpp"
#include "lacuna/formats/checkpoint.hpp"
#include "lacuna/formats/json_text.hpp"
#include "support/failing_allocator.hpp"
#include "support/sanitizer.hpp"
#include "support/shared_data.hpp"
#include "support/temp_folder.hpp"

namespace lacuna {
namespace {
namespace fs = std::filesystem;

using test::error_code_of;

const fs::path kPath = "model.safetensors.index.json";

TEST(ShardIndex, KeepsOrderAndMetadata) {
  const auto index = parse_shard_index(
      R"({"weight_map":{"z":"2.safetensors","a":"1.safetensors","b":"2.safetensors"},"metadata":{"total_size": 12,"x":[1]},
          "anything":[{"else":null}]})",
      kPath);
  EXPECT_EQ(index.metadata_json, R"({"total_size": 12,"x":[1]})");
  EXPECT_EQ(index.files(), (std::vector<std::string>{"2.safetensors", "1.safetensors"}));
  EXPECT_EQ(index.weight_map.at(1), (std::pair<std::string, std::string>{"a", "1.safetensors"}));
}

TEST(ShardIndex, WhatIsWrittenReadsBack) {
  const test::TempFolder folder;
  ShardIndex index;
  index.metadata_json = R"({"total_size":12})";
  index.weight_map = {{"\"odd\"\n name é", "1.safetensors"}, {"a", "2.safetensors"}};
  write_shard_index(folder / kPath, index);
  const auto back = read_shard_index(folder / kPath);
  EXPECT_EQ(back.metadata_json, index.metadata_json);
  EXPECT_EQ(back.weight_map, index.weight_map);
}

TEST(ShardIndex, TheTrainedModelsReadBack) {
  LACUNA_REQUIRE_SHARED("models");
  const auto path = test::shared_path("models/books-llama-32m") / kPath;
  const auto index = read_shard_index(path);
  EXPECT_EQ(index.files().size(), 5U);
  EXPECT_NE(index.metadata_json.find("63194112"), std::string::npos);
}

TEST(ShardIndex, DamageIsRefusedWithItsPlace) {
  std::vector<std::string> broken = {"",
                                     " ",
                                     "null",
                                     "[]",
                                     "{}",
                                     "{\"weight_map\":{}}",
                                     "{\"weight_map\":[]}",
                                     "{\"weight_map\":null}",
                                     "{\"weight_map\":\"a\"}",
                                     "{\"weight_map\":{\"a\":1}}",
                                     "{\"weight_map\":{\"a\":null}}",
                                     "{\"weight_map\":{\"a\":[\"x\"]}}",
                                     "{\"weight_map\":{\"a\":{\"b\":\"c\"}}}",
                                     "{\"weight_map\":{\"a\":\"x\",\"a\":\"x\"}}",
                                     "{\"weight_map\":{\"a\":\"x\",\"\\u0061\":\"y\"}}",
                                     "{\"weight_map\":{\"a\":\"x\"},\"weight_map\":{\"a\":\"x\"}}",
                                     "{\"metadata\":{},\"metadata\":{},\"weight_map\":{\"a\":\"x\"}}",
                                     "{\"weight_map\":{\"a\":\"x\"}}x",
                                     "{\"weight_map\":{\"a\":\"x\"}}{}",
                                     "{\"weight_map\":{\"a\":\"x\",}}",
                                     "{\"weight_map\":{\"a\":\"x\"},}",
                                     "{\"weight_map\":{\"a\" \"x\"}}",
                                     "{\"weight_map\":{\"a\":\"x\"",
                                     "{\"weight_map\":{\"a\":\"x",
                                     "{\"weight_map\":{\"\xff\":\"x\"}}",
                                     "{\"weight_map\":{\"a\":\"\xc0\xaf\"}}",
                                     "{\"weight_map\":{\"a\":\"\\ud800\"}}",
                                     "{\"metadata\":{\"total_size\":01},\"weight_map\":{\"a\":\"x\"}}",
                                     "{\"metadata\":{\"total_size\":NaN},\"weight_map\":{\"a\":\"x\"}}",
                                     "{\"metadata\":,\"weight_map\":{\"a\":\"x\"}}",
                                     "{'weight_map':{\"a\":\"x\"}}",
                                     "\xef\xbb\xbf{\"weight_map\":{\"a\":\"x\"}}",
                                     "{\"weight_map\":{\"a\":\"x\"}}" + std::string(1, '\0'),
                                     "{\"Weight_map\":{\"a\":\"x\"}}",
                                     "version https://git-lfs.github.com/spec/v1"};
  for (const auto& text : broken) {
    try {
      parse_shard_index(text, kPath);
      ADD_FAILURE() << "accepted: " << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::corrupt_file) << text << ": " << error.what();
      EXPECT_EQ(error.path(), kPath);
      EXPECT_TRUE(error.byte_offset().has_value()) << text;
    }
  }
}

TEST(ShardIndex, NestingAndCountsAreBounded) {
  std::string deep = "{\"metadata\":";
  for (int i = 0; i < 1'000'000; ++i) deep += "[";
  EXPECT_EQ(error_code_of([&] { parse_shard_index(deep, kPath); }), ErrorCode::limit_exceeded);
  std::string shards = "{\"weight_map\":{\"t\":\"x\"";
  for (std::size_t i = 0; i < kMaxShards; ++i) {
    shards += ",\"" + std::to_string(i) + "\":\"" + std::to_string(i) + "\"";
  }
  EXPECT_EQ(error_code_of([&] { parse_shard_index(shards + "}}", kPath); }), ErrorCode::limit_exceeded);
  std::string tensors = "{\"weight_map\":{\"t\":\"x\"";
  for (std::size_t i = 0; i < kMaxIndexTensors; ++i) tensors += ",\"" + std::to_string(i) + "\":\"x\"";
  EXPECT_EQ(error_code_of([&] { parse_shard_index(tensors + "}}", kPath); }), ErrorCode::limit_exceeded);
}

TEST(ShardIndex, AHundredThousandTensorsTakeLessThanASecond) {
  std::string text = "{\"weight_map\":{\"t\":\"x\"";
  for (int i = 0; i < 100'000; ++i) text += ",\"model.layers.experts." + std::to_string(i) + ".weight\":\"x\"";
  text += "}}";
  const std::clock_t start = std::clock();
  EXPECT_EQ(parse_shard_index(text, kPath).weight_map.size(), 100'001U);
  constexpr int kSecondsAllowed = test::kSanitized ? 8 : 1;
  EXPECT_LT(std::clock() - start, kSecondsAllowed * CLOCKS_PER_SEC);
}

TEST(ShardIndex, RunningOutOfMemoryIsAnErrorAtEveryAllocation) {
  const std::string text =
      R"({"metadata":{"total_size":1},"weight_map":{"a tensor with a long name":"1.safetensors"}})";
  for (std::uint64_t nth = 0;; ++nth) {
    ASSERT_LT(nth, 1000U);
    auto code = ErrorCode::internal;
    bool failed = false;
    {
      const test::FailingAllocation failing(nth);
      try {
        parse_shard_index(text, kPath);
      } catch (const Error& error) {
        code = error.code();
      }
      failed = failing.happened();
    }
    if (!failed) return;
    EXPECT_EQ(code, ErrorCode::out_of_memory) << nth;
  }
}

// A model whose index names `file`; a valid shard waits wherever the name could lead.
class ShardGate : public testing::Test {
 protected:
  ShardGate() {
    const auto bytes = test::safetensors_bytes(R"({"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", "x");
    for (const char* place : {"model/inside.safetensors", "model/sub/s.safetensors", "outside.safetensors",
                              "other/s.safetensors", "model/blobs/s.safetensors", "blobs/s.safetensors"}) {
      folder_.write(place, bytes);
    }
  }
  ErrorCode open(const std::string& file) const {
    fs::remove(folder_ / "model/model.safetensors.index.json");
    folder_.write("model/model.safetensors.index.json", R"({"weight_map":{"w":)" + json_text(file) + "}}");
    return error_code_of([&] { Checkpoint::open((folder_ / "model").string()); });
  }
  test::TempFolder folder_;
};

TEST_F(ShardGate, NamesThatLeaveTheFolderAreRefused) {
  const std::vector<std::string> up = {"..",           "%2e%2e", "%2E%2E", "..%00", "%252e%252e", "\\u002e\\u002e",
                                       "․․",           "．．",   "..;",    ".%2e",  "%2e.",       "....",
                                       "%c0%ae%c0%ae", "..\x01", " ..",    ".. "};
  const std::vector<std::string> slashes = {"/",  "\\", "%2f", "%2F", "%5c",  "%255c",  "%252f", "%c0%af", "∕",
                                            "／", "⁄",  "//",  "/./", "\\\\", "%2f%2f", "/\t",   "%u2215"};
  int tried = 0;
  for (const auto& dots : up) {
    for (const auto& slash : slashes) {
      EXPECT_EQ(open(dots + slash + "outside.safetensors"), ErrorCode::path_escape) << dots << slash;
      ++tried;
    }
  }
  EXPECT_GE(tried, 200);
}

TEST_F(ShardGate, EveryOtherKindOfPathIsRefused) {
  const std::string absolute = (folder_ / "outside.safetensors").string();
  for (const std::string& file : std::vector<std::string>{absolute,
                                                          "/etc/passwd",
                                                          "//etc/passwd",
                                                          "sub/s.safetensors",
                                                          "./inside.safetensors",
                                                          "sub/../inside.safetensors",
                                                          "file:///etc/passwd",
                                                          "file://" + absolute,
                                                          "https://example.org/x.safetensors",
                                                          "C:\\x",
                                                          "C:x",
                                                          "\\\\host\\share\\x",
                                                          "~/x",
                                                          "~root/x",
                                                          "$HOME/x",
                                                          "${HOME}/x",
                                                          "`x`",
                                                          "$(x)",
                                                          "x;y",
                                                          "x|y",
                                                          "inside.safetensors\n",
                                                          std::string("inside.safetensors\0/../../outside", 34),
                                                          std::string("\0", 1),
                                                          "",
                                                          ".",
                                                          "..",
                                                          ".hidden",
                                                          "...",
                                                          "/",
                                                          "/proc/self/mem",
                                                          "/dev/zero",
                                                          "*",
                                                          "inside?.safetensors",
                                                          "insid\xc3\xa9.safetensors",
                                                          std::string(256, 'a'),
                                                          "\x1b[2J"}) {
    EXPECT_EQ(open(file), ErrorCode::path_escape) << file;
  }
}

TEST_F(ShardGate, LinksThatLeaveTheFolderAreRefused) {
  const fs::path model = folder_ / "model";
  fs::create_symlink("../outside.safetensors", model / "relative.safetensors");
  fs::create_symlink(folder_ / "outside.safetensors", model / "absolute.safetensors");
  fs::create_symlink("relative.safetensors", model / "chain.safetensors");
  fs::create_symlink("../blobs/s.safetensors", model / "blob.safetensors");  // not in a hub cache
  fs::create_symlink("sub/s.safetensors", model / "deeper.safetensors");
  for (const char* file : {"relative.safetensors", "absolute.safetensors", "chain.safetensors", "blob.safetensors",
                           "deeper.safetensors"}) {
    EXPECT_EQ(open(file), ErrorCode::path_escape) << file;
  }
  fs::create_symlink("loop.safetensors", model / "loop.safetensors");
  fs::create_symlink("nowhere", model / "dangling.safetensors");
  EXPECT_EQ(open("loop.safetensors"), ErrorCode::not_found);
  EXPECT_EQ(open("dangling.safetensors"), ErrorCode::not_found);
  EXPECT_EQ(open("absent.safetensors"), ErrorCode::not_found);
}

TEST_F(ShardGate, LinksInsideTheFolderAndLinkedFoldersAreFine) {
  const fs::path model = folder_ / "model";
  fs::create_symlink("inside.safetensors", model / "alias.safetensors");
  folder_.write("model/model.safetensors.index.json", R"({"weight_map":{"w":"alias.safetensors"}})");
  EXPECT_NO_THROW(Checkpoint::open(model.string()));
  fs::create_directory_symlink(model, folder_ / "linked");
  EXPECT_NO_THROW(Checkpoint::open((folder_ / "linked").string()));
}

// The hub cache links every file of a snapshot into blobs/ beside snapshots/; nothing else may be linked from there.
TEST(ShardGateHub, SnapshotsMayLinkToTheirOwnBlobsOnly) {
  const test::TempFolder cache;
  const auto bytes = test::safetensors_bytes(R"({"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", "x");
  const fs::path mine = cache / "models--o--n";
  const fs::path snapshot = mine / "snapshots/0123456789";
  cache.write("models--o--n/blobs/aa", bytes);
  cache.write("models--o--n/blobs/deep/aa", bytes);
  cache.write("models--x--y/blobs/aa", bytes);
  fs::create_directories(snapshot);
  cache.write("models--o--n/snapshots/0123456789/model.safetensors.index.json",
              R"({"weight_map":{"w":"s.safetensors"}})");
  const auto open_with = [&](const fs::path& target) {
    fs::remove(snapshot / "s.safetensors");
    fs::create_symlink(target, snapshot / "s.safetensors");
    return Checkpoint::open(snapshot.string());
  };
  EXPECT_EQ(open_with("../../blobs/aa").names(), std::vector<std::string>{"w"});
  for (const fs::path target : {"../../blobs/deep/aa", "../../../models--x--y/blobs/aa"}) {
    EXPECT_EQ(error_code_of([&] { open_with(target); }), ErrorCode::path_escape) << target;
  }
  fs::rename(mine, cache / "plain");  // the same layout under another name is no hub cache
  fs::create_symlink("../../blobs/aa", cache / "plain/snapshots/0123456789/t.safetensors");
  cache.write("plain/snapshots/0123456789/model.safetensors.index.json", R"({"weight_map":{"w":"t.safetensors"}})");
  EXPECT_EQ(error_code_of([&] { Checkpoint::open((cache / "plain/snapshots/0123456789").string()); }),
            ErrorCode::path_escape);
}

}  // namespace
}  // namespace lacuna
