// Ids and texts against the reference implementations (`tokenizers`, `sentencepiece` for Python), run by oracle.py.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <sstream>

#include "lacuna/core/atomic_file.hpp"
#include "lacuna/tokenizer/tokenizer.hpp"
#include "support/shared_data.hpp"
#include "support/temp_folder.hpp"

namespace lacuna {
namespace {

namespace fs = std::filesystem;

// One record of a case file; oracle.py describes the format.
struct Case {
  static constexpr std::uint32_t kFromText = 1;
  static constexpr std::uint32_t kSpecial = 2;
  static constexpr std::uint32_t kSkipping = 4;
  static constexpr std::uint32_t kKeeping = 8;

  std::uint32_t flags = 0;
  std::string text;
  std::vector<std::int32_t> ids;
  std::string decoded_skipping;
  std::string decoded_keeping;
  bool has(std::uint32_t flag) const { return (flags & flag) != 0; }
};

std::vector<Case> read_cases(const fs::path& path) {
  std::istringstream file(read_file(path, 1U << 30U));
  const auto number = [&] {
    std::uint32_t value = 0;
    file.read(reinterpret_cast<char*>(&value), sizeof value);
    return value;
  };
  const auto bytes = [&] {
    std::string value(number(), '\0');
    file.read(value.data(), std::ssize(value));
    return value;
  };
  std::vector<Case> cases;
  while (file.peek() != EOF) {
    Case c;
    c.flags = number();
    c.text = bytes();
    const std::string ids = bytes();
    c.ids.resize(ids.size() / sizeof(std::int32_t));
    if (!ids.empty()) std::memcpy(c.ids.data(), ids.data(), ids.size());
    c.decoded_skipping = bytes();
    c.decoded_keeping = bytes();
    cases.push_back(std::move(c));
  }
  return cases;
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
    const std::string suite = GetParam();
    if (suite == "shared" || suite == "sentencepiece") LACUNA_REQUIRE_SHARED("data/books.valid.txt");
    const auto quoted = [](const fs::path& path) { return "'" + path.string() + "' "; };
    const std::string command = quoted(python) + quoted(test::source_path("tests/tokenizer/oracle.py")) +
                                quoted(test::source_path("tests/tokenizer/torture.txt")) +
                                quoted(test::shared_path("")) + quoted(folder_.path()) + GetParam() + " > " +
                                quoted(folder_ / "log") + "2>&1";
    ASSERT_EQ(std::system(command.c_str()), 0) << read_file(folder_ / "log", 1U << 20U);
  }

  static void check(const Tokenizer& tokenizer, const Case& c) {
    if (c.has(Case::kFromText)) {
      const auto ours = tokenizer.encode(c.text, c.has(Case::kSpecial));
      EXPECT_TRUE(ours == c.ids) << first_difference(tokenizer, ours, c.ids);
    }
    for (const bool skip : {true, false}) {
      if (!c.has(skip ? Case::kSkipping : Case::kKeeping)) continue;
      const auto& expected = skip ? c.decoded_skipping : c.decoded_keeping;
      const std::string decoded = tokenizer.decode(c.ids, skip);
      EXPECT_TRUE(decoded == expected) << "decoding, skipping " << skip << ": " << first_difference(decoded, expected);
    }
  }

  test::TempFolder folder_;
};

TEST_P(Oracle, IdsAndTextsAreIdentical) {
  std::istringstream manifest(read_file(folder_ / "manifest.tsv", 1U << 20U));
  std::size_t n_cases = 0;
  for (std::string tokenizer_file, case_file; manifest >> tokenizer_file >> case_file;) {
    const fs::path path = folder_ / tokenizer_file;
    const auto tokenizer =
        path.extension() == ".json" ? Tokenizer::from_json_file(path) : Tokenizer::from_sentencepiece_file(path);
    std::size_t number = 0;
    for (const auto& c : read_cases(folder_ / case_file)) {
      SCOPED_TRACE(tokenizer_file + ", case " + std::to_string(number++) + ": " + c.text.substr(0, 60));
      check(tokenizer, c);
      ++n_cases;
    }
  }
  EXPECT_GT(n_cases, 2U);
}

INSTANTIATE_TEST_SUITE_P(Reference, Oracle,
                         testing::Values("bytes", "sentencepiece_style", "parts", "every", "shared", "sentencepiece"),
                         [](const auto& suite) { return std::string(suite.param); });

}  // namespace
}  // namespace lacuna
