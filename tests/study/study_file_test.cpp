#include "lacuna/study/study_file.hpp"

#include <gtest/gtest.h>

#include "lacuna/core/error.hpp"
#include "support/shared_data.hpp"
#include "support/temp_folder.hpp"

namespace lacuna {
namespace {

constexpr const char* kSmall = R"(
[[model]]
path = "owner/name@v1"

[[text]]
name = "t"
file = "t.txt"

[calibration]
text = "t"

[prune]
methods = ["magnitude", "wanda"]
sparsities = [0.5]
patterns = ["2:4"]
)";

std::string message_of(const std::string& content) {
  const test::TempFolder folder;
  try {
    read_study(folder.write("s.toml", content));
  } catch (const Error& error) {
    EXPECT_EQ(error.path(), folder / "s.toml");
    EXPECT_EQ(error.code(),
              error.code() == ErrorCode::bad_pattern ? ErrorCode::bad_pattern : ErrorCode::bad_study_file);
    return error.what();
  }
  return "accepted";
}

TEST(StudyFile, ReadsTheDemo) {
  const Study study = read_study(test::source_path("examples/demo.toml"));
  EXPECT_EQ(study.name, "demo");
  EXPECT_EQ(study.models.at(0).name, "tiny-llama");
  EXPECT_EQ(study.methods.size(), 3U);
  EXPECT_EQ(study.text("evaluation").seqlen, 256);
}

TEST(StudyFile, DefaultsAndPaths) {
  const test::TempFolder folder;
  const Study study = read_study(folder.write("sub/s.toml", kSmall));
  EXPECT_EQ(study.models[0].reference, "owner/name@v1");
  EXPECT_EQ(study.texts[0].file, folder / "sub/t.txt");
  ASSERT_EQ(study.targets.size(), 2U);
  EXPECT_EQ(study.targets[1].n, 2);
  EXPECT_EQ(study.calibration.samples, 32);
  EXPECT_EQ(study.out, "out/s");
}

TEST(StudyFile, MistakesAreNamedWithTheirLine) {
  const std::string small = kSmall;
  EXPECT_NE(message_of(small + "metods = 1\n").find("line 16: prune.metods: unknown key"), std::string::npos)
      << message_of(small + "metods = 1\n");
  EXPECT_NE(message_of("[[model]]\npath = 3\n").find("line 2: model.path: expected a string, got an integer"),
            std::string::npos);
  EXPECT_NE(message_of("a = [").find("line 1"), std::string::npos);
  EXPECT_NE(message_of("").find("[[model]]"), std::string::npos);
  std::string absent = small;
  absent.replace(absent.find("text = \"t\""), 10, "text = \"u\"");
  EXPECT_NE(message_of(absent).find("expected the name of a [[text]], got u"), std::string::npos);
  std::string unknown = small;
  unknown.replace(unknown.find("\"wanda\""), 7, "\"magic\"");
  EXPECT_NE(message_of(unknown).find("got magic"), std::string::npos);
  std::string pattern = small;
  pattern.replace(pattern.find("2:4"), 3, "4:2");
  EXPECT_NE(message_of(pattern).find("s.toml"), std::string::npos);
}

// toml++ alone ends in a stack overflow: one table inside another for each dot.
TEST(StudyFile, DeepKeysAreRefused) {
  std::string dots = "a";
  for (int i = 0; i < 500'000; ++i) dots += ".a";
  EXPECT_NE(message_of(dots + " = 1\n").find("line 1: a key of more than 16 parts"), std::string::npos);
  EXPECT_NE(message_of("[" + dots + "]\n").find("line 1"), std::string::npos);
  EXPECT_NE(message_of("\n[[" + dots).find("line 2"), std::string::npos);
  EXPECT_NE(message_of("x = \"\"\"\"a\"\"\"\"\"\n" + dots).find("line 2"), std::string::npos);
  EXPECT_NE(message_of("x = '''\n'''''\n" + dots).find("line 3"), std::string::npos);
  EXPECT_NE(message_of("x = 'a\\'\n" + dots).find("line 2"), std::string::npos);
  std::string nested = "a = ";
  for (int i = 0; i < 100'000; ++i) nested += "[";
  EXPECT_NE(message_of(nested).find("line 1"), std::string::npos);
}

TEST(StudyFile, DotsInTextsAreNoKeys) {
  const test::TempFolder folder;
  const std::string dots(100, '.');
  const std::string content = "description = \"\\\"" + dots + "\"\n# " + dots + "\n" + kSmall;
  EXPECT_EQ(read_study(folder.write("s.toml", content)).description, "\"" + dots);
}

}  // namespace
}  // namespace lacuna
