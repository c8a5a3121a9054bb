#include "lacuna/study/work_folder.hpp"

#include <gtest/gtest.h>

#include "lacuna/core/error.hpp"
#include "support/temp_folder.hpp"

namespace lacuna {
namespace {
namespace fs = std::filesystem;

std::string difference(const std::string& a, const std::string& b) { return a == b ? "" : a + " and " + b; }

TEST(WorkFolder, PublishesOnlyTheOutput) {
  const test::TempFolder folder;
  WorkFolder work(folder / "m");
  work.begin("{}", false, difference);
  folder.write("m.lacuna-partial/out/x", "1");
  EXPECT_FALSE(fs::exists(folder / "m"));
  work.publish();
  EXPECT_TRUE(fs::exists(folder / "m/x"));
  EXPECT_FALSE(fs::exists(work.partial()));
}

TEST(WorkFolder, CountsLeadingLayersOnly) {
  const test::TempFolder folder;
  WorkFolder work(folder / "m/");
  work.begin("{}", false, difference);
  folder.write("m.lacuna-partial/job/layer-0.safetensors", "");
  folder.write("m.lacuna-partial/job/layer-2.safetensors", "");
  EXPECT_EQ(work.finished_layers("job", 4), 1);
}

TEST(WorkFolder, ResumeNeedsAnEqualRun) {
  const test::TempFolder folder;
  WorkFolder(folder / "m").begin("a", false, difference);
  EXPECT_NO_THROW(WorkFolder(folder / "m").begin("a", true, difference));
  try {
    WorkFolder(folder / "m").begin("b", true, difference);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::resume_mismatch);
    EXPECT_NE(std::string(error.what()).find("a and b"), std::string::npos);
  }
  EXPECT_THROW(WorkFolder(folder / "m").begin("a", false, difference), Error);
  EXPECT_NO_THROW(WorkFolder(folder / "absent").begin("a", true, difference));  // stopped before it began
}

TEST(WorkFolder, NeverTouchesAnExistingOutput) {
  const test::TempFolder folder;
  folder.write("m/x", "1");
  EXPECT_THROW(WorkFolder(folder / "m").begin("a", false, difference), Error);
  EXPECT_FALSE(fs::exists(folder / "m.lacuna-partial"));
}

}  // namespace
}  // namespace lacuna
