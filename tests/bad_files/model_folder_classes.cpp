// What lies beside the weights: the shard index, config.json, mask files, and the record of a pruned model.
#include "bad_files/bad_file_classes.hpp"
#include "formats/safetensors_bytes.hpp"
#include "lacuna/core/atomic_file.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/formats/mask_file.hpp"
#include "lacuna/formats/shard_index.hpp"
#include "lacuna/model/config.hpp"
#include "lacuna/study/pruning/prune_output.hpp"

namespace lacuna::test {
namespace {

const std::string kIndex = R"({"metadata":{"total_size":4},"weight_map":{"a":"x.safetensors","b":"y.safetensors"}})";
const std::string kConfig = R"({"model_type":"llama","vocab_size":61,"hidden_size":32,"intermediate_size":48,)"
                            R"("num_hidden_layers":2,"num_attention_heads":4,"num_key_value_heads":2,)"
                            R"("max_position_embeddings":64,"rms_norm_eps":1e-5,"rope_theta":10000.0})";

void read_index(const std::filesystem::path& path) {
  const auto index = parse_shard_index(read_file(path, 1U << 28U), path);
  for (const auto& file : index.files()) {
    try {
      shard_path(path, file);
    } catch (const Error& error) {  // the shards of the good index are not there
      if (error.code() != ErrorCode::not_found) throw;
    }
  }
}

BadFiles index_types() {
  auto files = with_values("", {"null", "true", "1", "\"x\"", "[]", "{}", R"({"metadata":{}})"}, "");
  for (const auto& file : with_values(
           R"({"weight_map":)",
           {"null", "1", "\"x\"", "[]", "{}", R"({"a":1})", R"({"a":null})", R"({"a":["x"]})", R"({"a":{"b":"x"}})"},
           "}")) {
    files.push_back(file);
  }
  return files;
}

BadFiles index_structures() {
  return {{"a name twice", R"({"weight_map":{"a":"x","a":"y"}})"},
          {"a name twice, escaped", R"({"weight_map":{"a":"x","\u0061":"y"}})"},
          {"two maps", R"({"weight_map":{"a":"x"},"weight_map":{"a":"x"}})"},
          {"a million brackets", R"({"weight_map":)" + std::string(1'000'000, '[')},
          {"a hundred thousand objects", R"({"x":)" + repeated(R"({"a":)", 100'000)},
          {"text behind the end", kIndex + "x"},
          {"a byte order mark", "\xEF\xBB\xBF" + kIndex},
          {"not UTF-8", "{\"weight_map\":{\"\xFF\":\"x\"}}"},
          {"a zero byte", std::string("{\"weight_map\":{\"a\0\":\"x\"}}", 26)},
          {"a comment", "{/**/}"}};
}

BadFiles path_escapes() {
  std::vector<std::string> names = {"/etc/passwd",
                                    "//x",
                                    "C:\\\\x",
                                    "C:x",
                                    "~/x",
                                    "file:///x",
                                    "https://example.org/x",
                                    "",
                                    ".",
                                    "..",
                                    "...",
                                    ".hidden",
                                    "a/b",
                                    "./x",
                                    "x\\u0000",
                                    "x\\n",
                                    "\\u001b[2J",
                                    "$HOME",
                                    "*",
                                    "x?",
                                    std::string(300, 'a')};
  for (const std::string dots : {"..", "%2e%2e", "%252e%252e", "\\u002e\\u002e", "．．", "․․"}) {
    for (const std::string slash : {"/", "\\\\", "%2f", "%5c", "∕", "／"})
      names.push_back(dots + slash + "x.safetensors");
  }
  return with_values(R"({"weight_map":{"a":")", names, "\"}}");
}

std::string config_with(const std::string& field, const std::string& value) {
  std::string text = kConfig;
  const auto at = text.find('"' + field + '"');
  const auto colon = text.find(':', at);
  return text.replace(colon + 1, text.find_first_of(",}", colon) - colon - 1, value);
}

BadFiles config_types() {
  BadFiles files;
  for (const std::string field :
       {"vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "model_type"}) {
    for (const std::string value : {"null", "true", "\"16\"", "[16]", "{}"}) {
      files.push_back({field + " is " + value, config_with(field, value)});
    }
  }
  for (const std::string value : {"null", "1", "[]", "\"llama\"", "{}"})
    files.push_back({"the config is " + value, value});
  return files;
}

BadFiles config_ranges() {
  BadFiles files;
  for (const std::string field : {"vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers",
                                  "num_attention_heads", "num_key_value_heads", "max_position_embeddings"}) {
    for (const std::string value : {"0", "-1", "1.5", "1e30", "9223372036854775807", "18446744073709551616"}) {
      files.push_back({field + " is " + value, config_with(field, value)});
    }
  }
  for (const std::string value : {"-1", "1e400", "\"x\""})
    files.push_back({"epsilon is " + value, config_with("rms_norm_eps", value)});
  return files;
}

BadFiles config_contradictions() {
  return {{"heads that do not divide", config_with("num_attention_heads", "5")},
          {"key heads that do not divide", config_with("num_key_value_heads", "3")},
          {"more key heads than heads", config_with("num_key_value_heads", "8")},
          {"an unknown model", config_with("model_type", "\"bert\"")},
          {"an empty model", config_with("model_type", "\"\"")},
          {"a model of a megabyte", config_with("model_type", "\"" + std::string(1'000'000, 'x') + "\"")},
          {"a million brackets", R"({"x":)" + std::string(1'000'000, '[')},
          {"a hundred thousand empty lists", R"({"x":[[])" + repeated(",[]", 100'000) + "]}"},
          {"text behind the end", kConfig + "x"}};
}

std::string mask(const std::string& columns, const std::string& data = "\xff\xe0", const std::string& dtype = "U8",
                 const std::string& shape = "[1,2]", const std::string& version = "1") {
  return safetensors_bytes(R"({"__metadata__":{"lacuna.format":"mask","lacuna.version":")" + version +
                               R"(","lacuna.columns":")" + columns + R"("},"0.fc1":{"dtype":")" + dtype +
                               R"(","shape":)" + shape + R"(,"data_offsets":[0,)" + std::to_string(data.size()) + "]}}",
                           data);
}
const std::string kColumns = R"({\"0.fc1\":11})";

BadFiles mask_columns() {
  BadFiles files;
  for (const std::string columns :
       {R"({\"0.fc1\":17})", R"({\"0.fc1\":8})", R"({\"0.fc1\":0})", R"({\"0.fc1\":-11})", R"({\"0.fc1\":1.1e1})",
        R"({\"0.fc1\":18446744073709551615})", R"({\"0.fc2\":11})", R"({\"0.fc1\":11,\"0.fc1\":11})",
        R"({\"0.fc1\":11,\"0.fc2\":11})", "{}", "[]", "x", "", R"({\"0.fc1\":\"11\"})"}) {
    files.push_back({"columns " + columns, mask(columns)});
  }
  files.push_back({"a million brackets", mask(std::string(1'000'000, '['))});
  return files;
}

BadFiles mask_bits() {
  BadFiles files;
  for (const char bits : {'\xf0', '\xe1', '\xff', '\x10', '\x1f'}) {
    files.push_back({"a bit beyond the columns", mask(kColumns, std::string("\xff") + bits)});
  }
  files.push_back({"signed bytes", mask(kColumns, "\xff\xe0", "I8")});
  files.push_back({"one dimension", mask(kColumns, "\xff\xe0", "U8", "[2]")});
  files.push_back({"no rows", mask(kColumns, "", "U8", "[0,2]")});
  for (const std::string version : {"", "0", "2", "99999999999999999999", "1.0"}) {
    files.push_back({"version " + version, mask(kColumns, "\xff\xe0", "U8", "[1,2]", version)});
  }
  return files;
}

const std::string kRecord =
    R"({"recipe":{"model":"m","weights_digest":"0","method":"wanda","sparsity":0.5,"n":0,"m":0,"wanda_use_variant":false,)"
    R"("sparsegpt_block_size":128,"sparsegpt_damping":0.01,"true_sequential":false,"compute":"f32","calibration":"c",)"
    R"("calibration_digest":"0","samples":4,"seqlen":32,"seed":0,"threads":1,"isa":"avx2","version":"1"},"matrices":[]})";

BadFiles record_damage() {
  BadFiles files =
      with_values("", {"", "null", "1", "[]", "{}", R"({"recipe":{}})", R"({"recipe":null,"matrices":[]})"}, "");
  const auto add = [&](const std::string& from, const std::string& to) {
    std::string text = kRecord;
    files.push_back({to.substr(0, 40), text.replace(text.find(from), from.size(), to)});
  };
  add(R"("method":"wanda")", R"("method":1)");
  add(R"("seed":0)", R"("seed":"0")");
  add(R"("compute":"f32")", R"("compute":"f8")");
  add(R"("sparsity":0.5)", R"("sparsity":1.5)");
  add(R"("n":0,"m":0)", R"("n":4,"m":2)");
  add(R"("n":0,"m":0)", R"("n":-1,"m":2)");
  add(R"("matrices":[])", R"("matrices":[1])");
  add(R"("matrices":[])", R"("matrices":[{"layer":"0"}])");
  add(R"("recipe":{)", R"("recipe":{"x":)" + repeated("[", 1'000'000) + repeated("]", 1'000'000) + ",");
  add(R"("model":"m")", R"("model":)" + repeated(R"({"a":)", 100'000));
  return files;
}

}  // namespace

BadFileClasses model_folder_classes() {
  const auto index = [](const std::string& name, std::function<BadFiles()> files) {
    return BadFileClass{"Index" + name, "model.safetensors.index.json", read_index, std::move(files), kIndex};
  };
  const auto config = [](const std::string& name, std::function<BadFiles()> files) {
    return BadFileClass{"Config" + name, "config.json",
                        [](const std::filesystem::path& path) { parse_config(read_file(path, 1U << 28U), path); },
                        std::move(files), kConfig};
  };
  const auto masks = [](const std::string& name, std::function<BadFiles()> files) {
    return BadFileClass{"Mask" + name, "mask.safetensors",
                        [](const std::filesystem::path& path) { read_mask_file(path); }, std::move(files),
                        mask(kColumns)};
  };
  return {index("Truncated", [] { return truncations(kIndex); }),
          index("Types", index_types),
          index("Structures", index_structures),
          index("PathEscapes", path_escapes),
          config("Truncated", [] { return truncations(kConfig); }),
          config("Types", config_types),
          config("Ranges", config_ranges),
          config("Contradictions", config_contradictions),
          masks("Truncated", [] { return truncations(mask(kColumns)); }),
          masks("Columns", mask_columns),
          masks("Bits", mask_bits),
          {"RecordTruncated", "lacuna.json", [](const std::filesystem::path& path) { read_output_record(path); },
           [] { return truncations(kRecord); }, kRecord},
          {"RecordDamage", "lacuna.json", [](const std::filesystem::path& path) { read_output_record(path); },
           record_damage, kRecord}};
}

}  // namespace lacuna::test
