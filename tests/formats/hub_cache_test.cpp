#include "lacuna/formats/hub_cache.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

#include "formats/error_code_of.hpp"
#include "formats/safetensors_bytes.hpp"
#include "lacuna/formats/checkpoint.hpp"
#include "support/temp_folder.hpp"

namespace lacuna {
namespace {
namespace fs = std::filesystem;

const std::string kMain = "1111111111111111111111111111111111111111";
const std::string kOther = "1122222222222222222222222222222222222222";

// A cache as huggingface_hub writes it: files are links into blobs/.
class HubCache : public testing::Test {
 protected:
  HubCache() : model_(folder_ / "models--meta--tiny") {
    folder_.write("models--meta--tiny/refs/main", kMain);
    folder_.write("models--meta--tiny/refs/v1.0", kOther + "\n");
    folder_.write("models--meta--tiny/refs/refs/pr/3", kOther);
    folder_.write("models--meta--tiny/blobs/abc",
                  test::safetensors_bytes(R"({"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", "x"));
    for (const auto& hash : {kMain, kOther}) {
      fs::create_directories(model_ / "snapshots" / hash);
      fs::create_symlink("../../blobs/abc", model_ / "snapshots" / hash / "model.safetensors");
    }
  }

  fs::path resolve(const std::string& reference) const { return resolve_model(reference, {folder_.path(), "test"}); }
  std::string failure(const std::string& reference) const {
    try {
      resolve(reference);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::not_found);
      return error.message() + "\n" + error.hint();
    }
    ADD_FAILURE() << "expected an Error for " << reference;
    return "";
  }

  test::TempFolder folder_;
  fs::path model_;
};

TEST_F(HubCache, FindsBranchesTagsPullRequestsAndCommits) {
  EXPECT_EQ(resolve("meta/tiny"), model_ / "snapshots" / kMain);
  EXPECT_EQ(resolve("meta/tiny@v1.0"), model_ / "snapshots" / kOther);
  EXPECT_EQ(resolve("meta/tiny@refs/pr/3"), model_ / "snapshots" / kOther);
  EXPECT_EQ(resolve("meta/tiny@" + kOther), model_ / "snapshots" / kOther);
  EXPECT_EQ(resolve("meta/tiny@1122"), model_ / "snapshots" / kOther);
}

TEST_F(HubCache, SaysWhereItLookedAndWhatIsThere) {
  EXPECT_NE(failure("meta/other").find(folder_.path().string()), std::string::npos);
  EXPECT_NE(failure("meta/other").find("meta/tiny"), std::string::npos);
  EXPECT_NE(failure("meta/tiny@v2").find("main, refs/pr/3, v1.0"), std::string::npos);
  EXPECT_NE(failure("meta/tiny@v2").find(kOther), std::string::npos);
  EXPECT_NE(failure("meta/tiny@33333").find("33333"), std::string::npos);
}

TEST_F(HubCache, AmbiguousOrTooShortCommitsAreNotFound) {
  fs::create_directories(model_ / "snapshots/1122333333333333333333333333333333333333");
  EXPECT_NE(failure("meta/tiny@1122").find("several"), std::string::npos);
  EXPECT_NE(failure("meta/tiny@112").find("112"), std::string::npos);
}

TEST_F(HubCache, ARefWithoutItsCommitSaysSo) {
  fs::remove_all(model_ / "snapshots" / kMain);
  EXPECT_NE(failure("meta/tiny").find(kMain), std::string::npos);
}

TEST_F(HubCache, ARefThatIsNoHashIsDamaged) {
  folder_.write("models--meta--tiny/refs/main", "../../../etc");
  EXPECT_EQ(test::error_code_of([&] { resolve("meta/tiny"); }), ErrorCode::corrupt_file);
}

TEST_F(HubCache, AFolderWinsOverAnId) {
  const auto before = fs::current_path();
  const test::TempFolder work;
  fs::create_directories(work / "meta/tiny");
  fs::current_path(work.path());
  EXPECT_EQ(resolve("meta/tiny"), "meta/tiny");
  fs::current_path(before);
}

TEST_F(HubCache, SnapshotsOpenThroughTheirLinks) {
  EXPECT_EQ(Checkpoint::open(resolve("meta/tiny").string()).names(), std::vector<std::string>{"w"});
}

TEST_F(HubCache, PathTricksAreNoIds) {
  fs::create_directories(folder_ / "models--meta--tiny/snapshots" / kMain / "inner");
  for (const char* text : {"",
                           "/",
                           "..",
                           "../x",
                           "meta/..",
                           "../meta/tiny",
                           "meta/tiny/x",
                           "/meta/tiny",
                           "./tiny",
                           "meta//tiny",
                           "meta/tiny@",
                           "meta/tiny@..",
                           "meta/tiny@../../x",
                           "meta/tiny@/etc",
                           "meta/tiny@a/../b",
                           "meta/tiny@.hidden",
                           "meta--tiny",
                           "meta/ti--ny",
                           "-meta/tiny",
                           "meta/tiny-",
                           "meta/ti ny",
                           "meta/%2e%2e",
                           "meta\\tiny",
                           "meta/tiny@v1@v2",
                           "meta/t\xC3\xAFny",
                           "meta/tiny\n"}) {
    EXPECT_FALSE(parse_hub_reference(text)) << text;
    if (!fs::is_directory(text)) failure(text);  // "/" and ".." are folders, and a folder may be named
  }
}

class Environment {  // sets a variable for one scope
 public:
  Environment(const char* name, const char* value) : name_(name) {
    if (const char* old = std::getenv(name)) old_ = old;
    value == nullptr ? unsetenv(name) : setenv(name, value, 1);
  }
  ~Environment() { old_ ? setenv(name_, old_->c_str(), 1) : unsetenv(name_); }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  const char* name_;
  std::optional<std::string> old_;
};

TEST(HubCacheFolder, FollowsTheVariablesInOrder) {
  const Environment home("HOME", "/home/u");
  const Environment xdg("XDG_CACHE_HOME", nullptr);
  const Environment hf_home("HF_HOME", nullptr);
  const Environment hf_cache("HF_HUB_CACHE", nullptr);
  EXPECT_EQ(hub_cache_folder().path, "/home/u/.cache/huggingface/hub");
  const Environment set_xdg("XDG_CACHE_HOME", "/x");
  EXPECT_EQ(hub_cache_folder().path, "/x/huggingface/hub");
  const Environment set_home("HF_HOME", "~/hf");
  EXPECT_EQ(hub_cache_folder().path, "/home/u/hf/hub");
  const Environment set_cache("HF_HUB_CACHE", "/c");
  EXPECT_EQ(hub_cache_folder().path, "/c");
  EXPECT_EQ(hub_cache_folder().chosen_by, "HF_HUB_CACHE");
  const Environment empty("HF_HUB_CACHE", "");
  EXPECT_EQ(hub_cache_folder().path, "/home/u/hf/hub");
}

}  // namespace
}  // namespace lacuna
