// Damaged and hostile safetensors files: each is one Error that names the file, the byte and the rule, at once and
// without allocating what the file claims.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <ctime>
#include <functional>

#include "formats/error_code_of.hpp"
#include "formats/safetensors_bytes.hpp"
#include "lacuna/core/random.hpp"
#include "lacuna/formats/safetensors.hpp"
#include "support/failing_allocator.hpp"
#include "support/sanitizer.hpp"
#include "support/temp_folder.hpp"

namespace lacuna {
namespace {

using test::little_endian_u64;
using test::safetensors_bytes;

constexpr std::string_view kValid =
    R"({"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
    R"("b":{"dtype":"U8","shape":[4],"data_offsets":[8,12]}})";
const std::string kData(12, '\1');

std::string entry(const std::string& fields) { return "{\"a\":{" + fields + "}}"; }
std::string f32(const std::string& shape, const std::string& offsets) {
  return entry("\"dtype\":\"F32\",\"shape\":" + shape + ",\"data_offsets\":" + offsets);
}

struct Damaged {
  const char* name;
  std::string bytes;
  ErrorCode code = ErrorCode::corrupt_file;
  std::string says;  // part of the message
};

std::vector<Damaged> damaged_headers() {
  const std::string h(kValid);
  return {
      {"empty file", "", ErrorCode::corrupt_file, "8-byte header length"},
      {"length cut", "\x10", ErrorCode::corrupt_file, "got 1 bytes"},
      {"length only", little_endian_u64(0), ErrorCode::corrupt_file, "begin with '{'"},
      {"zero length", little_endian_u64(0) + "{}", ErrorCode::corrupt_file, "begin with '{'"},
      {"length beyond the file", little_endian_u64(200) + h, ErrorCode::corrupt_file, "but only"},
      {"length just beyond", little_endian_u64(h.size() + 1) + h, ErrorCode::corrupt_file, "but only"},
      {"length at the limit", little_endian_u64(100'000'000) + h, ErrorCode::corrupt_file, "but only"},
      {"length over the limit", little_endian_u64(100'000'001) + h, ErrorCode::corrupt_file, "more than"},
      {"length 2^63", little_endian_u64(std::uint64_t{1} << 63) + h, ErrorCode::corrupt_file, "more than"},
      {"length 2^64-1", little_endian_u64(~std::uint64_t{0}) + h, ErrorCode::corrupt_file, "more than"},
      {"length 2^64-8", little_endian_u64(~std::uint64_t{7}) + h, ErrorCode::corrupt_file, "more than"},
      {"length too short", little_endian_u64(h.size() - 1) + h + kData, ErrorCode::corrupt_file, "end of the text"},
      {"big-endian length", std::string(7, '\0') + '\x20' + h, ErrorCode::corrupt_file, "more than"},
      {"space before the brace", safetensors_bytes(" " + h, kData), ErrorCode::corrupt_file, "begin with '{'"},
      {"byte order mark", safetensors_bytes("\xef\xbb\xbf" + h, kData), ErrorCode::corrupt_file, "begin with '{'"},
      {"array", safetensors_bytes("[]"), ErrorCode::corrupt_file, "begin with '{'"},
      {"zip instead", std::string("PK\3\4", 4) + std::string(100, '\0'), ErrorCode::corrupt_file, ""},
      {"Git LFS pointer", "version https://git-lfs.github.com/spec/v1\n", ErrorCode::corrupt_file, "more than"},
      {"text after the object", safetensors_bytes(h + "x", kData), ErrorCode::corrupt_file, "only spaces"},
      {"second object", safetensors_bytes(h + "{}", kData), ErrorCode::corrupt_file, "only spaces"},
      {"zero byte after the object", safetensors_bytes(h + std::string(1, '\0'), kData), ErrorCode::corrupt_file,
       "0x00"},
      {"comment", safetensors_bytes("{/**/}"), ErrorCode::corrupt_file, "'/'"},
      {"trailing comma", safetensors_bytes("{\"__metadata__\":{},}"), ErrorCode::corrupt_file, "key in quotes"},
      {"leading comma", safetensors_bytes("{,}"), ErrorCode::corrupt_file, "','"},
      {"no colon", safetensors_bytes("{\"a\"}"), ErrorCode::corrupt_file, "':'"},
      {"no closing brace", safetensors_bytes("{"), ErrorCode::corrupt_file, "end of the text"},
      {"unquoted key", safetensors_bytes("{a:1}"), ErrorCode::corrupt_file, "key in quotes"},
      {"nested 10^5 deep", safetensors_bytes("{\"a\":" + std::string(100'000, '[')), ErrorCode::corrupt_file,
       "an object"},
      {"name not UTF-8", safetensors_bytes("{\"\xff\":{}}"), ErrorCode::corrupt_file, "UTF-8"},
      {"name overlong UTF-8", safetensors_bytes("{\"\xc0\xaf\":{}}"), ErrorCode::corrupt_file, "UTF-8"},
      {"name with a lone surrogate", safetensors_bytes(R"({"\ud800":{}})"), ErrorCode::corrupt_file, "surrogate"},
      {"name with a raw control character", safetensors_bytes("{\"a\nb\":{}}"), ErrorCode::corrupt_file, "control"},
      {"name with an escaped control character", safetensors_bytes(R"({"a\u001b[2J":{}})"), ErrorCode::corrupt_file,
       "control"},
      {"metadata a list", safetensors_bytes("{\"__metadata__\":[]}"), ErrorCode::corrupt_file, "an object"},
      {"metadata with a number", safetensors_bytes("{\"__metadata__\":{\"a\":1}}"), ErrorCode::corrupt_file,
       "a string"},
      {"metadata nested", safetensors_bytes("{\"__metadata__\":{\"a\":{}}}"), ErrorCode::corrupt_file, "a string"},
      {"metadata key twice", safetensors_bytes(R"({"__metadata__":{"a":"1","a":"2"}})"), ErrorCode::corrupt_file,
       "repeated key"},
      {"metadata twice", safetensors_bytes(R"({"__metadata__":{},"__metadata__":{}})"), ErrorCode::corrupt_file,
       "repeated key"},
  };
}

std::vector<Damaged> damaged_entries() {
  const std::string good = R"("dtype":"F32","shape":[2],"data_offsets":[0,8])";
  const std::string eight(8, '\1');
  const auto one = [&](const std::string& fields, const std::string& says) {
    return Damaged{"", safetensors_bytes(entry(fields), eight), ErrorCode::corrupt_file, says};
  };
  std::vector<Damaged> all = {
      {"entry a number", safetensors_bytes("{\"a\":1}"), ErrorCode::corrupt_file, "an object"},
      {"entry null", safetensors_bytes("{\"a\":null}"), ErrorCode::corrupt_file, "an object"},
      {"entry a list", safetensors_bytes(R"({"a":["F32",[2],[0,8]]})", eight), ErrorCode::corrupt_file, "an object"},
      {"name twice", safetensors_bytes("{\"a\":{" + good + "},\"a\":{" + good + "}}", eight), ErrorCode::corrupt_file,
       "appears twice"},
      {"name twice, escaped", safetensors_bytes("{\"a\":{" + good + "},\"\\u0061\":{" + good + "}}", eight),
       ErrorCode::corrupt_file, "appears twice"},
      {"shape of 2^63", safetensors_bytes(f32("[9223372036854775808]", "[0,8]"), eight), ErrorCode::corrupt_file,
       "extent"},
      {"product 2^64", safetensors_bytes(f32("[4294967296,4294967296]", "[0,0]")), ErrorCode::corrupt_file,
       "overflows"},
      {"product 2^64 of three", safetensors_bytes(f32("[2097152,2097152,4194304]", "[0,0]")), ErrorCode::corrupt_file,
       "overflows"},
      {"bytes 2^64", safetensors_bytes(f32("[4611686018427387904]", "[0,0]")), ErrorCode::corrupt_file, "overflows"},
      {"wraps to the right size", safetensors_bytes(f32("[4611686018427387906]", "[0,8]"), eight),
       ErrorCode::corrupt_file, "overflows"},
      {"zero hides an overflow", safetensors_bytes(f32("[0,4294967296,4294967296]", "[0,0]")), ErrorCode::corrupt_file,
       "overflows"},
      {"65 dimensions",
       safetensors_bytes(f32(
                             "[1" +
                                 [] {
                                   std::string ones;
                                   for (int i = 0; i < 64; ++i) ones += ",1";
                                   return ones;
                                 }() +
                                 "]",
                             "[0,4]"),
                         "1234"),
       ErrorCode::limit_exceeded, "dimensions"},
      {"end before begin", safetensors_bytes(f32("[2]", "[8,0]"), eight), ErrorCode::corrupt_file, "before it begins"},
      {"end beyond the file", safetensors_bytes(f32("[4]", "[0,16]"), eight), ErrorCode::corrupt_file, "8 data bytes"},
      {"end 2^64-1", safetensors_bytes(f32("[2]", "[0,18446744073709551615]"), eight), ErrorCode::corrupt_file,
       "8 data bytes"},
      {"begin 2^64-8", safetensors_bytes(f32("[2]", "[18446744073709551608,0]"), eight), ErrorCode::corrupt_file,
       "before it begins"},
      {"shorter than the shape", safetensors_bytes(f32("[3]", "[0,8]"), eight), ErrorCode::corrupt_file, "needs 12"},
      {"longer than the shape", safetensors_bytes(f32("[1]", "[0,8]"), eight), ErrorCode::corrupt_file, "needs 4"},
      {"scalar of eight bytes", safetensors_bytes(f32("[]", "[0,8]"), eight), ErrorCode::corrupt_file, "needs 4"},
      {"empty with bytes", safetensors_bytes(f32("[0]", "[0,8]"), eight), ErrorCode::corrupt_file, "needs 0"},
      {"hole at the start", safetensors_bytes(f32("[1]", "[4,8]"), eight), ErrorCode::corrupt_file, "hole"},
      {"trailing bytes", safetensors_bytes(f32("[1]", "[0,4]"), eight), ErrorCode::corrupt_file,
       "after the last tensor"},
      {"data without tensors", safetensors_bytes("{}", "x"), ErrorCode::corrupt_file, "after the last tensor"},
      {"no dtype", safetensors_bytes(entry(R"("shape":[2],"data_offsets":[0,8])"), eight), ErrorCode::corrupt_file,
       "needs dtype"},
      {"no shape", safetensors_bytes(entry(R"("dtype":"F32","data_offsets":[0,8])"), eight), ErrorCode::corrupt_file,
       "needs dtype"},
      {"no offsets", safetensors_bytes(entry(R"("dtype":"F32","shape":[2])"), eight), ErrorCode::corrupt_file,
       "needs dtype"},
      {"overlap",
       safetensors_bytes(R"({"a":{"dtype":"U8","shape":[5],"data_offsets":[0,5]},)"
                         R"("b":{"dtype":"U8","shape":[5],"data_offsets":[3,8]}})",
                         eight),
       ErrorCode::corrupt_file, "overlaps"},
      {"same bytes twice",
       safetensors_bytes(R"({"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]},)"
                         R"("b":{"dtype":"U8","shape":[8],"data_offsets":[0,8]}})",
                         eight),
       ErrorCode::corrupt_file, "overlaps"},
      {"hole in the middle",
       safetensors_bytes(R"({"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},)"
                         R"("b":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}})",
                         eight),
       ErrorCode::corrupt_file, "hole"},
      {"empty tensor inside another",
       safetensors_bytes(R"({"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]},)"
                         R"("b":{"dtype":"U8","shape":[0],"data_offsets":[4,4]}})",
                         eight),
       ErrorCode::corrupt_file, "overlaps"},
      {"empty tensor beyond the end",
       safetensors_bytes(R"({"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]},)"
                         R"("b":{"dtype":"U8","shape":[0],"data_offsets":[9,9]}})",
                         eight),
       ErrorCode::corrupt_file, "8 data bytes"},
  };
  for (const char* offsets : {"[]", "[0]", "[0,8,8]", "[0,\"8\"]", "[0,8.0]", "[0,8e0]", "[-0,8]", "[00,8]", "[0,null]",
                              "[0,-8]", "{}", "8", "[0,18446744073709551616]", "[0 8]", "[0,8,]"}) {
    all.push_back(one(R"("dtype":"F32","shape":[2],"data_offsets":)" + std::string(offsets), ""));
  }
  for (const char* shape : {"2", "{}", "[\"2\"]", "[2.0]", "[-2]", "[-0]", "[null]", "[true]", "[[2]]", "[2,]", "null",
                            "[18446744073709551616]", "[2e0]"}) {
    all.push_back(one("\"dtype\":\"F32\",\"shape\":" + std::string(shape) + ",\"data_offsets\":[0,8]", ""));
  }
  for (const char* dtype : {"\"\"", "\"f32\"", "\"F33\"", "\"F32 \"", "null", "32", "[\"F32\"]", "\"I128\"", "F32"}) {
    all.push_back(one("\"dtype\":" + std::string(dtype) + ",\"shape\":[2],\"data_offsets\":[0,8]", ""));
  }
  for (const char* extra :
       {"\"dtype\":\"F32\"", "\"shape\":[2]", "\"data_offsets\":[0,8]", "\"strides\":[1]", "\"\":0"}) {
    all.push_back(one(good + "," + extra, "key"));
  }
  return all;
}

TEST(SafetensorsDamage, EveryClassIsOneErrorWithPathAndRule) {
  const test::TempFolder folder;
  auto cases = damaged_headers();
  const auto entries = damaged_entries();
  cases.insert(cases.end(), entries.begin(), entries.end());
  ASSERT_GE(cases.size(), 100U);
  for (const auto& damaged : cases) {
    const auto path = folder.write("a.safetensors", damaged.bytes);
    try {
      read_safetensors(path);
      ADD_FAILURE() << "accepted: " << damaged.name << "\n" << damaged.bytes;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), damaged.code) << damaged.name << ": " << error.what();
      EXPECT_EQ(error.path(), path);
      EXPECT_TRUE(error.byte_offset().has_value()) << damaged.name;
      EXPECT_LE(error.byte_offset().value_or(0), damaged.bytes.size()) << damaged.name;
      EXPECT_NE(error.message().find(damaged.says), std::string::npos) << damaged.name << ": " << error.what();
    }
  }
}

TEST(SafetensorsDamage, TypesThatCannotBeHeldAreNamed) {
  const test::TempFolder folder;
  for (const std::string dtype : {"F4", "F6_E2M3", "F6_E3M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ", "C64"}) {
    const auto path = folder.write(
        "a", safetensors_bytes(entry("\"dtype\":\"" + dtype + "\",\"shape\":[8],\"data_offsets\":[0,8]"), kData));
    try {
      read_safetensors(path);
      ADD_FAILURE() << "accepted " << dtype;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::unsupported_dtype);
      EXPECT_NE(error.message().find("tensor 'a' has dtype " + dtype + ";"), std::string::npos) << error.message();
    }
  }
}

TEST(SafetensorsDamage, OffsetsPointAtTheFault) {
  const test::TempFolder folder;
  const std::string header = R"({"good":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"bad":{"dtype":"Q8"}})";
  const auto path = folder.write("a", safetensors_bytes(header, "x"));
  try {
    read_safetensors(path);
    FAIL() << "expected an Error";
  } catch (const Error& error) {
    EXPECT_EQ(error.byte_offset(), 8 + header.find("\"Q8\""));
    EXPECT_NE(std::string(error.what()).find(path.string() + " at byte"), std::string::npos);
  }
}

// Ollama CVE-2026-7482: a declared size beyond the file read the heap.
TEST(SafetensorsDamage, EveryTruncationLengthIsRefused) {
  const test::TempFolder folder;
  const std::string whole = safetensors_bytes(kValid, kData);
  EXPECT_EQ(read_safetensors(folder.write("a", whole)).tensors.size(), 2U);
  for (std::size_t length = 0; length < whole.size(); ++length) {
    const auto path = folder.write("a", whole.substr(0, length));
    EXPECT_EQ(test::error_code_of([&] { read_safetensors(path); }), ErrorCode::corrupt_file) << length;
  }
}

TEST(SafetensorsDamage, FlippedBytesNeverDoMoreThanFail) {
  const test::TempFolder folder;
  const std::string whole = safetensors_bytes(kValid, kData);
  Random random(7);
  for (int i = 0; i < 3000; ++i) {
    std::string bytes = whole;
    for (std::uint64_t edits = 1 + random.below(4); edits > 0; --edits) {
      bytes[random.below(bytes.size())] = static_cast<char>(random.below(256));
    }
    try {
      for (const auto& tensor : read_safetensors(folder.write(std::to_string(i), bytes)).tensors) {
        std::vector<std::byte> copy(tensor.view.bytes());
        copy_contiguous(tensor.view, copy.data());
      }
    } catch (const Error& error) {
      EXPECT_NE(error.code(), ErrorCode::internal);
    }
  }
}

double seconds_of(const std::function<void()>& action) {  // processor time: other programs' load does not count
  const std::clock_t start = std::clock();
  action();
  return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
}

std::string many_entries(std::size_t count, const std::function<std::string(std::size_t)>& name) {
  std::string header = "{";
  for (std::size_t i = 0; i < count; ++i) {
    header += (i == 0 ? "" : ",") + name(i) + R"(:{"dtype":"U8","shape":[0],"data_offsets":[0,0]})";
  }
  return safetensors_bytes(header + "}");
}

std::string plain_name(std::size_t i) { return "\"model.layers.mlp.experts." + std::to_string(i) + ".weight\""; }

// A second is the promise; sanitizers slow the same work down several times.
constexpr double kSecondsAllowed = test::kSanitized ? 8 : 1;

TEST(SafetensorsDamage, AHundredThousandEntriesTakeLessThanASecond) {
  const test::TempFolder folder;
  const auto path = folder.write("a", many_entries(100'000, plain_name));
  EXPECT_LT(seconds_of([&] { EXPECT_EQ(read_safetensors(path).tensors.size(), 100'000U); }), kSecondsAllowed);
  const auto repeated = folder.write("b", many_entries(100'000, [](std::size_t i) { return plain_name(i % 99'999); }));
  EXPECT_LT(
      seconds_of([&] { EXPECT_EQ(test::error_code_of([&] { read_safetensors(repeated); }), ErrorCode::corrupt_file); }),
      kSecondsAllowed);
}

TEST(SafetensorsDamage, MoreEntriesThanAnyModelHasAreRefused) {
  const test::TempFolder folder;
  const auto path = folder.write("a", many_entries(kMaxSafetensorsTensors + 1, plain_name));
  EXPECT_EQ(test::error_code_of([&] { read_safetensors(path); }), ErrorCode::limit_exceeded);
}

std::size_t peak_memory() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::size_t>(usage.ru_maxrss) * 1024;
}

TEST(SafetensorsDamage, NothingIsAllocatedForWhatTheHeaderClaims) {
  const test::TempFolder folder;
  const std::size_t before = peak_memory();
  for (const std::string shape : {"[1099511627776]", "[1048576,1048576]", "[1,1,1099511627776]"}) {
    const auto path = folder.write("a", safetensors_bytes(f32(shape, "[0,4398046511104]"), kData));
    EXPECT_EQ(test::error_code_of([&] { read_safetensors(path); }), ErrorCode::corrupt_file);
  }
  EXPECT_LT(peak_memory() - before, std::size_t{16} << 20);  // P2 allows 64 MiB
}

TEST(SafetensorsDamage, RunningOutOfMemoryIsAnErrorAtEveryAllocation) {
  const test::TempFolder folder;
  const auto path = folder.write("a", safetensors_bytes(kValid, kData));
  for (std::uint64_t nth = 0;; ++nth) {
    ASSERT_LT(nth, 10'000U);
    auto code = ErrorCode::internal;
    bool failed = false;
    bool read = false;
    {
      const test::FailingAllocation failing(nth);
      try {
        read = read_safetensors(path).tensors.size() == 2;
      } catch (const Error& error) {
        code = error.code();
      }
      failed = failing.happened();
    }
    if (!failed) {
      EXPECT_TRUE(read);
      EXPECT_GT(nth, 10U);
      return;
    }
    EXPECT_EQ(code, ErrorCode::out_of_memory) << nth;
  }
}

}  // namespace
}  // namespace lacuna
