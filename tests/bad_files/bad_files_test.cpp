// Promise P2: more than 500 bad files in more than 40 classes over all readers give one Error each, which names the
// file, and the offset where the rule has a place; in less than a second, in little memory.
#include <gtest/gtest.h>

#include <algorithm>

#include "bad_files/bad_file_classes.hpp"
#include "support/bad_file.hpp"
#include "support/temp_folder.hpp"

namespace lacuna::test {

std::string repeated(const std::string& text, std::size_t n) {
  std::string out;
  out.reserve(text.size() * n);
  for (std::size_t i = 0; i < n; ++i) out += text;
  return out;
}

BadFiles truncations(const std::string& good, std::size_t count) {
  BadFiles files;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t length = i + 1 == count ? good.size() - 1 : i * good.size() / count;
    files.push_back({"cut to " + std::to_string(length) + " bytes", good.substr(0, length)});
  }
  return files;
}

BadFiles with_values(const std::string& head, const std::vector<std::string>& values, const std::string& tail) {
  BadFiles files;
  for (const auto& value : values) files.push_back({value.substr(0, 60), head + value + tail});
  return files;
}

namespace {

const BadFileClasses& all_classes() {
  static const BadFileClasses all = [] {
    BadFileClasses classes;
    for (const auto& part :
         {safetensors_classes(), zip_classes(), pt_classes(), npy_classes(), model_folder_classes(), text_classes()}) {
      classes.insert(classes.end(), part.begin(), part.end());
    }
    return classes;
  }();
  return all;
}

class BadFileTest : public testing::TestWithParam<std::size_t> {};

TEST_P(BadFileTest, IsOneErrorThatNamesTheFile) {
  const BadFileClass& tested = all_classes()[GetParam()];
  const TempFolder folder;
  const auto path = folder.write(tested.file_name, tested.good);
  ASSERT_NO_THROW(tested.read(path)) << "the good file of " << tested.name;
  for (const auto& file : tested.files()) {
    const auto what = tested.name + ", " + file.what;
    std::filesystem::remove(path);
    folder.write(tested.file_name, file.bytes);
    const Error error = expect_one_error(what, path, file.bytes.size(), [&] { tested.read(path); });
    EXPECT_FALSE(error.message().empty()) << what;
    const bool has_offset = error.byte_offset().has_value();
    EXPECT_TRUE(has_offset || !tested.offset_everywhere) << what << ": " << error.what();
  }
}

INSTANTIATE_TEST_SUITE_P(Classes, BadFileTest, testing::Range(std::size_t{0}, all_classes().size()),
                         [](const auto& each) { return all_classes()[each.param].name; });

TEST(BadFiles, AreAsManyAsPromised) {
  std::size_t files = 0;
  for (const auto& each : all_classes()) {
    const auto made = each.files();
    files += made.size();
    const auto is_good = [&](const BadFile& file) { return file.bytes == each.good; };
    EXPECT_TRUE(std::none_of(made.begin(), made.end(), is_good)) << each.name << ": damage without effect";
  }
  EXPECT_GE(all_classes().size(), 40U);
  EXPECT_GE(files, 500U);
  RecordProperty("files", static_cast<int>(files));
}

}  // namespace
}  // namespace lacuna::test
