// Tokenizers and study files. tests/tokenizer goes deeper; here is one class for each kind of damage.
#include <array>

#include "bad_files/bad_file_classes.hpp"
#include "lacuna/study/study_file.hpp"
#include "lacuna/tokenizer/tokenizer.hpp"
#include "tokenizer/small_tokenizers.hpp"

namespace lacuna::test {
namespace {

using Json = SmallTokenizerJson;

// The honest tokenizer with one part exchanged for each value.
BadFiles json_with(std::string Json::* part, const std::vector<std::string>& values) {
  BadFiles files;
  for (const auto& value : values) {
    Json json;
    json.*part = value;
    files.push_back({value.substr(0, 60), json.text()});
  }
  return files;
}

BadFiles json_types() {
  BadFiles files;
  const std::array<std::string Json::*, 5> parts = {&Json::normalizer, &Json::pre_tokenizer, &Json::post_processor,
                                                    &Json::decoder, &Json::vocab};
  for (const auto part : parts) {
    for (const auto& file : json_with(part, {"1", "true", "\"x\"", "[]", "{}", "{\"type\":1}"})) files.push_back(file);
  }
  return files;
}

BadFiles json_ids() {
  BadFiles files = json_with(&Json::vocab, {R"({"a":-1})", R"({"a":2147483648})", R"({"a":1.5})", R"({"a":"1"})",
                                            R"({"a":1,"b":1,"ab":2,"aa":3})", R"({"a":1,"a":2})"});
  for (const std::string id : {"8", "2147483648", "-1", "18446744073709551615"}) {
    for (const auto& file :
         json_with(&Json::post_processor,
                   {Json::template_of(R"([{"SpecialToken":{"id":"<s>","type_id":0}}])", "[" + id + "]")})) {
      files.push_back(file);
    }
  }
  return files;
}

BadFiles json_merges() {
  return json_with(&Json::merges,
                   {"[\"a\"]", "[\"a b c\"]", "[\"a  b\"]", "[\"a z\"]", "[\"b a\"]", "[[\"a\"]]",
                    "[[\"a\",\"b\",\"a\"]]", "[1]", "[null]", "[\"\"]", "[\"a b\",[\"a\",\"a\"]]", "{\"a\":\"b\"}"});
}

BadFiles json_patterns() {
  std::vector<std::string> splits;
  for (const std::string pattern : {"(", ")", "*", "[", "a{1001}", "\\\\1", "(?R)", "(*FAIL)", "\\\\p{",
                                    "\\\\x{110000}", "[z-a]", "(?<=a+)b", "((((a{1000}){1000}){1000}){1000})"}) {
    splits.push_back(R"({"type":"Split","pattern":{"Regex":")" + pattern +
                     R"("},"behavior":"Isolated","invert":false})");
  }
  splits.push_back(R"({"type":"Split","pattern":{"Regex":")" + repeated("(", 16'000) +
                   R"("},"behavior":"Isolated","invert":false})");
  return json_with(&Json::pre_tokenizer, splits);
}

BadFiles json_nested() {
  std::vector<std::string> values;
  for (const std::size_t depth : {100, 10'000, 1'000'000}) {
    values.push_back(repeated("[", depth));
    values.push_back(repeated("{\"type\":", depth));
    values.push_back(repeated("[", depth) + repeated("]", depth));
  }
  values.push_back(repeated(R"({"type":"Sequence","normalizers":[)", 1000) + R"({"type":"NFC"})" +
                   repeated("]}", 1000));
  return json_with(&Json::normalizer, values);
}

BadFiles sentencepiece_cuts() {
  const std::string whole = small_sentencepiece(2);
  BadFiles files;  // a message cut between two fields is a whole message: all of these end inside one
  for (std::size_t i = 1; i < 200; i += 12) {
    std::size_t end = 0;
    for (std::size_t k = 0; k <= i; ++k) end += ProtobufBytes().text(1, small_pieces()[k]).bytes().size();
    files.push_back({"cut inside piece " + std::to_string(i), whole.substr(0, end - 3)});
  }
  return files;
}

BadFiles sentencepiece_wire() {
  const std::string whole = small_sentencepiece(1);
  return with_values(whole,
                     {std::string("\0\1", 2), "\x0B", "\x0C", "\x0E\1", "\x0F\1", "\x08" + std::string(11, '\xFF'),
                      std::string(10, '\x80'), "\x0A\x80\x80\x80\x80\x08", "\x0A" + std::string(9, '\xFF') + "\1",
                      "\x09\1", "\x0D\1", ProtobufBytes().text(2, "\x0E").bytes()},
                     "");
}

BadFiles sentencepiece_pieces() {
  BadFiles files;
  for (const auto& [text, type] : std::vector<std::pair<std::string, int>>{{"", 1},
                                                                           {"\xC3", 1},
                                                                           {std::string("a\0", 2), 1},
                                                                           {"ab", 1},
                                                                           {"<unk2>", 2},
                                                                           {"<0x-1>", 6},
                                                                           {"<0x>", 6},
                                                                           {"<0x100>", 6},
                                                                           {"x", 6},
                                                                           {std::string(2000, 'x'), 1}}) {
    auto pieces = small_pieces();
    pieces.push_back(sentencepiece_piece(text, 0, static_cast<std::uint64_t>(type)));
    files.push_back({"piece " + text.substr(0, 20), sentencepiece_model(pieces, small_trainer(2))});
  }
  return files;
}

const std::string kStudy =
    "[[model]]\npath = \"owner/name\"\n[[text]]\nname = \"t\"\nfile = \"t.txt\"\n[calibration]\ntext = \"t\"\n"
    "[prune]\nmethods = [\"wanda\"]\nsparsities = [0.5]\n";

BadFiles study_syntax() {
  auto files = with_values(kStudy,
                           {"x", "[", "a = ", "a = \"", "a = '''", "a = 1 2", "a = [1,", "a = {b = 1", "= 1",
                            "a = 2026-13-01", "\xFF = 1", "a = 1e99999x", "[prune]\n", "methods = []"},
                           "\n");
  files.push_back({"a dot for each of half a million tables", "a" + repeated(".a", 400'000) + " = 1\n" + kStudy});
  files.push_back({"a hundred thousand brackets", kStudy + "a = " + repeated("[", 100'000)});
  files.push_back({"two megabytes", kStudy + "# " + std::string(2'000'000, 'x')});
  return files;
}

BadFiles study_values() {
  BadFiles files;
  const auto add = [&](const std::string& from, const std::string& to) {
    std::string text = kStudy;
    files.push_back({to, text.replace(text.find(from), from.size(), to)});
  };
  for (const std::string value : {"1.0", "-0.1", "nan", "inf", "\"0.5\"", "[0.5]", "2026-01-01"})
    add("[0.5]", "[" + value + "]");
  for (const std::string value : {"\"magic\"", "1", "\"\""}) add("[\"wanda\"]", "[" + value + "]");
  add("text = \"t\"", "text = \"u\"");
  add("text = \"t\"", "text = \"t\"\nsamples = 0");
  add("text = \"t\"", "text = \"t\"\nseqlen = -1");
  add("text = \"t\"", "text = \"t\"\nseed = 9223372036854775808");
  add("sparsities = [0.5]", "patterns = [\"4:2\"]");
  add("sparsities = [0.5]", "patterns = [\"99999999999:9\"]");
  add("path", "paht");
  add("file = \"t.txt\"", "");
  return files;
}

}  // namespace

BadFileClasses text_classes() {
  const auto json = [](const std::string& name, std::function<BadFiles()> files) {
    return BadFileClass{"Tokenizer" + name, "tokenizer.json",
                        [](const std::filesystem::path& path) { Tokenizer::from_json_file(path); }, std::move(files),
                        Json().text()};
  };
  const auto model = [](const std::string& name, std::function<BadFiles()> files, bool offset) {
    return BadFileClass{"SentencePiece" + name,
                        "tokenizer.model",
                        [](const std::filesystem::path& path) { Tokenizer::from_sentencepiece_file(path); },
                        std::move(files),
                        small_sentencepiece(2),
                        offset};
  };
  const auto study = [](const std::string& name, std::function<BadFiles()> files) {
    return BadFileClass{"Study" + name, "study.toml", [](const std::filesystem::path& path) { read_study(path); },
                        std::move(files), kStudy};
  };
  return {json("Truncated", [] { return truncations(Json().text()); }),
          json("Types", json_types),
          json("Ids", json_ids),
          json("Merges", json_merges),
          json("Patterns", json_patterns),
          json("Nested", json_nested),
          model("Cuts", sentencepiece_cuts, true),
          model("Wire", sentencepiece_wire, true),
          model("Pieces", sentencepiece_pieces, false),
          study("Syntax", study_syntax),
          study("Values", study_values)};
}

}  // namespace lacuna::test
