#include "bad_files/bad_file_classes.hpp"
#include "formats/safetensors_bytes.hpp"
#include "lacuna/formats/safetensors.hpp"

namespace lacuna::test {
namespace {

const std::string kData(20, '\1');
const std::string kHeader = R"({"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},)"
                            R"("b":{"dtype":"U8","shape":[4],"data_offsets":[16,20]}})";

std::string good() { return safetensors_bytes(kHeader, kData); }

// One tensor "a" with the fields given, over `bytes` bytes of data.
std::string one(const std::string& dtype, const std::string& shape, const std::string& offsets,
                std::size_t bytes = 16) {
  return safetensors_bytes(
      R"({"a":{"dtype":)" + dtype + R"(,"shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}",
      std::string(bytes, '\1'));
}

BadFiles lengths() {
  BadFiles files;
  for (const std::uint64_t length :
       {std::uint64_t{0}, std::uint64_t{1}, kHeader.size() - 1, kHeader.size() + 1, kHeader.size() + kData.size() + 1,
        std::uint64_t{100'000'000}, std::uint64_t{100'000'001}, std::uint64_t{1} << 31, std::uint64_t{1} << 32,
        std::uint64_t{1} << 56, std::uint64_t{1} << 63, ~std::uint64_t{0}, ~std::uint64_t{7}}) {
    files.push_back({"header length " + std::to_string(length), little_endian_u64(length) + kHeader + kData});
  }
  return files;
}

BadFiles overflowing_shapes() {
  BadFiles files;
  for (const std::string shape :
       {"[9223372036854775807]", "[9223372036854775808]", "[18446744073709551615]", "[18446744073709551616]",
        "[4294967296,4294967296]", "[4611686018427387904,4]", "[2305843009213693952,8]", "[65536,65536,65536,65536]",
        "[4294967297,4294967297]", "[1099511627776]", "[3,6148914691236517206]", "[4294967296,4294967295,2]",
        "[18446744073709551615,18446744073709551615]", "[-1]", "[-4,-1]"}) {
    files.push_back({"shape " + shape, one("\"F32\"", shape, "[0,16]")});
  }
  return files;
}

BadFiles disagreeing_offsets() {
  BadFiles files;
  for (const std::string offsets :
       {"[0,15]", "[0,17]", "[0,0]", "[1,17]", "[4,20]", "[16,0]", "[16,16]", "[0,8]", "[0,32]",
        "[0,18446744073709551615]", "[18446744073709551600,0]", "[9223372036854775807,16]"}) {
    files.push_back({"offsets " + offsets, one("\"F32\"", "[2,2]", offsets)});
  }
  return files;
}

std::string two(const std::string& first, const std::string& second, std::size_t bytes) {
  return safetensors_bytes(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":)" + first +
                               R"(},"b":{"dtype":"U8","shape":[4],"data_offsets":)" + second + "}}",
                           std::string(bytes, '\1'));
}

BadFiles overlaps() {
  return {{"the same bytes", two("[0,4]", "[0,4]", 4)},
          {"half", two("[0,4]", "[2,6]", 6)},
          {"one byte", two("[0,4]", "[3,7]", 7)},
          {"backwards", two("[4,8]", "[2,6]", 8)},
          {"the same, and a tail", two("[0,4]", "[0,4]", 8)},
          {"both at the end", two("[4,8]", "[4,8]", 8)}};
}

BadFiles holes() {
  return {{"before the first", two("[1,5]", "[5,9]", 9)},
          {"between", two("[0,4]", "[5,9]", 9)},
          {"behind the last", two("[0,4]", "[4,8]", 9)},
          {"large, between", two("[0,4]", "[100,104]", 104)},
          {"a megabyte behind", two("[0,4]", "[4,8]", 1 << 20)},
          {"missing data", two("[0,4]", "[4,8]", 7)},
          {"no data", two("[0,4]", "[4,8]", 0)}};
}

BadFiles duplicates() {
  const std::string tensor = R"(:{"dtype":"U8","shape":[0],"data_offsets":[0,0]})";
  BadFiles files;
  for (const std::string second : {"\"a\"", "\"\\u0061\"", "\"\\U0061\""}) {
    files.push_back({"name " + second, safetensors_bytes("{\"a\"" + tensor + "," + second + tensor + "}")});
  }
  for (const std::string field : {R"("dtype":"U8")", R"("shape":[0])", R"("data_offsets":[0,0])"}) {
    files.push_back({"field " + field,
                     safetensors_bytes(R"({"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0],)" + field + "}}")});
  }
  files.push_back({"metadata", safetensors_bytes(R"({"__metadata__":{},"__metadata__":{}})")});
  files.push_back({"a key of the metadata", safetensors_bytes(R"({"__metadata__":{"x":"1","x":"2"}})")});
  return files;
}

BadFiles wrong_types() {
  BadFiles files;
  for (const std::string value : {"null", "true", "1", "-1", "1.5", "\"x\"", "[]", "[[]]", "{}"}) {
    files.push_back({"a tensor is " + value, safetensors_bytes("{\"a\":" + value + "}")});
    files.push_back({"a dtype is " + value, one(value, "[4]", "[0,16]")});
    if (value != "[]") files.push_back({"a shape is " + value, one("\"F32\"", value, "[0,16]")});
    files.push_back({"offsets are " + value, one("\"F32\"", "[4]", value)});
    if (value != "{}") files.push_back({"metadata is " + value, safetensors_bytes("{\"__metadata__\":" + value + "}")});
  }
  return files;
}

BadFiles nested() {
  BadFiles files;
  for (const std::size_t depth : {100, 10'000, 1'000'000}) {
    for (const std::string open : {"[", "{\"a\":"}) {
      files.push_back({std::to_string(depth) + " × " + open, safetensors_bytes("{\"a\":" + repeated(open, depth))});
      files.push_back(
          {std::to_string(depth) + " in a shape × " + open, one("\"F32\"", repeated(open, depth), "[0,4]")});
    }
  }
  return files;
}

BadFiles huge_counts() {
  return {{"a hundred thousand dimensions", one("\"U8\"", "[1" + repeated(",1", 100'000) + "]", "[0,1]", 1)},
          {"a thousand zero dimensions", one("\"U8\"", "[0" + repeated(",0", 1000) + "]", "[0,0]", 0)},
          {"a hundred thousand offsets", one("\"U8\"", "[1]", "[0" + repeated(",1", 100'000) + "]", 1)},
          {"a million commas", safetensors_bytes("{" + repeated(",", 1'000'000) + "}")},
          {"a million quotes", safetensors_bytes("{" + repeated("\"", 1'000'000))},
          {"a million digits", one("\"U8\"", "[" + repeated("9", 1'000'000) + "]", "[0,1]", 1)},
          {"a million backslashes", safetensors_bytes("{\"" + repeated("\\\\", 500'000) + "\":1}")}};
}

BadFiles bad_texts() {
  return with_values(little_endian_u64(7).substr(0, 0),
                     {safetensors_bytes("{\"\xff\":{}}"), safetensors_bytes("{\"\xc0\xaf\":{}}"),
                      safetensors_bytes("{\"\xed\xa0\x80\":{}}"), safetensors_bytes("{\"\xf4\x90\x80\x80\":{}}"),
                      safetensors_bytes(R"({"\ud800":{}})"), safetensors_bytes(R"({"\udc00\ud800":{}})"),
                      safetensors_bytes(R"({"\x":{}})"), safetensors_bytes(R"({"\u12":{}})"),
                      safetensors_bytes("{\"a\nb\":{}}"), safetensors_bytes(std::string("{\"a\0b\":{}}", 10)),
                      safetensors_bytes(R"({"a\u0000b":{}})"), safetensors_bytes(R"({"\u001b[2J":{}})")},
                     "");
}

}  // namespace

BadFileClasses safetensors_classes() {
  const auto read = [](const std::filesystem::path& path) { read_safetensors(path); };
  const auto make = [&](const std::string& name, std::function<BadFiles()> files, bool offset = false) {
    return BadFileClass{"Safetensors" + name, "model.safetensors", read, std::move(files), good(), offset};
  };
  return {make("Truncated", [] { return truncations(good()); }),
          make("HeaderLengths", lengths),
          make("OverflowingShapes", overflowing_shapes, true),
          make("DisagreeingOffsets", disagreeing_offsets, true),
          make("Overlapping", overlaps, true),
          make("Holes", holes),
          make("Duplicates", duplicates, true),
          make("WrongTypes", wrong_types, true),
          make("Nested", nested, true),
          make("HugeCounts", huge_counts, true),
          make("BadTexts", bad_texts, true)};
}

}  // namespace lacuna::test
