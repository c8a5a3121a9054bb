// Ids and texts against the reference implementations (`tokenizers`, `sentencepiece` for Python), run by oracle.py.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <sstream>

#include "lacuna/core/atomic_file.hpp"
#include "lacuna/tokenizer/tokenizer.hpp"
#include "support/shared_data.hpp"
#include "support/temp_folder.hpp"

namespace lacuna {
namespace {

namespace fs = std::filesystem;

struct Case {
  std::string tokenizer;
  std::string text;
  std::string ids;
  std::string decoded_skipping;
  std::string decoded_keeping;
  bool special = false;
};

std::vector<Case> read_manifest(const fs::path& path) {
  std::istringstream lines(read_file(path, 1U << 30U));
  std::vector<Case> cases;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    Case c;
    std::string special;
    for (auto* field : {&c.tokenizer, &c.text, &c.ids, &c.decoded_skipping, &c.decoded_keeping, &special}) {
      std::getline(fields, *field, '\t');
    }
    c.special = special == "1";
    cases.push_back(c);
  }
  return cases;
}

std::vector<std::int32_t> read_ids(const fs::path& path) {
  const std::string bytes = read_file(path, 1U << 30U);
  std::vector<std::int32_t> ids(bytes.size() / sizeof(std::int32_t));
  std::memcpy(ids.data(), bytes.data(), ids.size() * sizeof(std::int32_t));
  return ids;
}

// Where two lists part, with what stands around it.
std::string first_difference(const Tokenizer& tokenizer, const std::vector<std::int32_t>& ours,
                             const std::vector<std::int32_t>& reference) {
  const auto [a, b] = std::mismatch(ours.begin(), ours.end(), reference.begin(), reference.end());
  const auto at = a - ours.begin();
  const auto show = [&](const std::vector<std::int32_t>& ids) {
    std::string out;
    for (auto i = std::max<std::ptrdiff_t>(0, at - 6); i < std::min<std::ptrdiff_t>(at + 6, std::ssize(ids)); ++i) {
      const auto id = ids[static_cast<std::size_t>(i)];
      out += " " + std::to_string(id) + "=\"" + tokenizer.id_to_token(id).value_or("?") + "\"";
    }
    return out;
  };
  return "position " + std::to_string(at) + ", ours " + std::to_string(ours.size()) + " ids:" + show(ours) +
         "\n  reference " + std::to_string(reference.size()) + " ids:" + show(reference);
}

std::string first_difference(const std::string& ours, const std::string& reference) {
  const auto [a, b] = std::mismatch(ours.begin(), ours.end(), reference.begin(), reference.end());
  const auto at = static_cast<std::size_t>(std::max<std::ptrdiff_t>(0, a - ours.begin() - 12));
  return "byte " + std::to_string(a - ours.begin()) + ": \"" + ours.substr(at, 40) + "\", reference \"" +
         reference.substr(at, 40) + "\"";
}

class Oracle : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const fs::path python = test::source_path(".deps/oracle/bin/python");
    if (!fs::exists(python)) GTEST_SKIP() << "needs the reference tokenizers (packaging/setup.sh --oracle), absent";
    const auto quoted = [](const fs::path& path) { return "'" + path.string() + "' "; };
    const std::string command = quoted(python) + quoted(test::source_path("tests/tokenizer/oracle.py")) +
                                quoted(test::source_path("tests/tokenizer/torture.txt")) +
                                quoted(test::shared_path("")) + quoted(folder_.path()) + GetParam() + " > " +
                                quoted(folder_ / "log") + "2>&1";
    ASSERT_EQ(std::system(command.c_str()), 0) << read_file(folder_ / "log", 1U << 20U);
  }

  const Tokenizer& tokenizer(const std::string& file) {
    const auto found = tokenizers_.find(file);
    if (found != tokenizers_.end()) return found->second;
    const fs::path path = folder_ / file;
    const bool json = path.extension() == ".json";
    return tokenizers_.emplace(file, json ? Tokenizer::from_json_file(path) : Tokenizer::from_sentencepiece_file(path))
        .first->second;
  }

  void check(const Case& c) {
    SCOPED_TRACE(c.tokenizer + " on " + c.text + " (" + c.ids + ")");
    const auto& tested = tokenizer(c.tokenizer);
    const auto reference = read_ids(folder_ / c.ids);
    if (c.text != "-") {
      const auto ours = tested.encode(read_file(folder_ / c.text, 1U << 24U), c.special);
      EXPECT_TRUE(ours == reference) << first_difference(tested, ours, reference);
    }
    for (const bool skip : {true, false}) {
      const auto& file = skip ? c.decoded_skipping : c.decoded_keeping;
      if (file == "-") continue;
      const std::string expected = read_file(folder_ / file, 1U << 26U);
      const std::string decoded = tested.decode(reference, skip);
      EXPECT_TRUE(decoded == expected) << "decoding " << file << ", " << first_difference(decoded, expected);
    }
  }

  test::TempFolder folder_;
  std::map<std::string, Tokenizer> tokenizers_;
};

TEST_P(Oracle, IdsAndTextsAreIdentical) {
  const auto cases = read_manifest(folder_ / "manifest.tsv");
  ASSERT_GT(cases.size(), 1U);
  for (const auto& c : cases) check(c);
}

INSTANTIATE_TEST_SUITE_P(Reference, Oracle,
                         testing::Values("bytes", "sentencepiece_style", "parts", "every", "shared", "sentencepiece"),
                         [](const auto& suite) { return std::string(suite.param); });

}  // namespace
}  // namespace lacuna
