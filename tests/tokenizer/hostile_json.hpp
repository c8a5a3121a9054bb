// What the tests of hostile tokenizer.json files share: they change one part of an honest file and expect one Error.
#pragma once

#include <string>
#include <string_view>

#include "lacuna/tokenizer/tokenizer.hpp"
#include "support/bad_file.hpp"
#include "tokenizer/small_tokenizers.hpp"

namespace lacuna::test {

inline const std::filesystem::path kJsonPath = "/lacuna-test/tokenizer.json";

inline std::string repeated(std::string_view text, std::size_t n) {
  std::string out;
  for (std::size_t i = 0; i < n; ++i) out += text;
  return out;
}

inline Error expect_refused(std::string_view what, const std::string& content) {
  return expect_one_error(what, kJsonPath, content.size(), [&] { Tokenizer::from_json(content, kJsonPath); });
}

template <typename Change>
Error expect_refused_with(std::string_view what, const Change& change) {
  SmallTokenizerJson json;
  change(json);
  return expect_refused(what, json.text());
}

// Loads, and then fails at the given work; the error still names the file.
template <typename Change, typename Work>
Error expect_failing(std::string_view what, const Change& change, const Work& work) {
  SmallTokenizerJson json;
  change(json);
  const std::string content = json.text();
  return expect_one_error(what, kJsonPath, content.size(), [&] { work(Tokenizer::from_json(content, kJsonPath)); });
}

inline std::string split_by(const std::string& pattern) {
  return R"({"type":"Split","pattern":{"Regex":")" + pattern + R"("},"behavior":"Isolated","invert":false})";
}
inline std::string replace_by(const std::string& pattern, const std::string& content = "x") {
  return R"({"type":"Replace","pattern":{"Regex":")" + pattern + R"("},"content":")" + content + "\"}";
}

}  // namespace lacuna::test
