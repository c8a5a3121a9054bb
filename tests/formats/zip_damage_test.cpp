// Damaged and dishonest zip archives, as .pt and as .npz: each is one Error with path and offset.
#include <gtest/gtest.h>

#include "lacuna/core/random.hpp"
#include "lacuna/formats/npz.hpp"
#include "lacuna/formats/pt_reader.hpp"
#include "pickle_bytes.hpp"
#include "refusal.hpp"
#include "support/temp_folder.hpp"
#include "zip_bytes.hpp"

namespace lacuna {
namespace {

using test::ZipEnd;
using test::ZipPart;
using test::pickle::little;
using Parts = std::vector<ZipPart>;

const std::string kFloats(8, 'f');

Parts honest_parts() { return test::pt_parts(test::pickle::proto() + test::pickle::vector(2) + ".", {{"0", kFloats}}); }

// An honest .pt archive with one thing changed.
std::string with(const std::function<void(Parts&)>& change, const ZipEnd& end = {}) {
  auto parts = honest_parts();
  change(parts);
  return test::zip_bytes(parts, end);
}
std::string with_end(const ZipEnd& end) {
  return with([](Parts&) {}, end);
}

std::string zip64_end(std::uint64_t entries, std::uint64_t bytes, std::uint64_t offset, std::uint64_t record_offset,
                      std::uint32_t disks = 1) {
  return "PK\6\6" + little(44, 8) + little(45, 2) + little(45, 2) + little(0, 8) + little(entries, 8) +
         little(entries, 8) + little(bytes, 8) + little(offset, 8) + "PK\6\7" + little(0, 4) +
         little(record_offset, 8) + little(disks, 4);
}

TEST(ZipDamage, TheHonestArchiveOpens) {
  const auto bytes = with_end({});
  const auto archive = read_pt(ByteSource(std::as_bytes(std::span(bytes)), "honest"));
  ASSERT_EQ(archive.tensors.size(), 1U);
  EXPECT_EQ(archive.tensors[0].view.shape, (Shape{2}));
}

TEST(ZipDamage, EveryTruncationIsRefused) {
  const auto bytes = with_end({});
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    test::expect_refused("truncated to " + std::to_string(length), bytes.substr(0, length));
  }
}

TEST(ZipDamage, EveryByteBeforeTheFileIsRefused) {  // a prefix moves everything: offsets no longer hold
  test::expect_refused("prefix", "PK\3\4 and more" + with_end({}));
}

TEST(ZipDamage, LyingHeadersAreRefused) {
  const auto expect = [](const char* what, ErrorCode code, const std::function<void(Parts&)>& change) {
    const auto error = test::expect_refused(what, with(change));
    EXPECT_EQ(error.code(), code) << error.what();
    EXPECT_TRUE(error.byte_offset().has_value()) << what;
  };
  constexpr auto kCorrupt = ErrorCode::corrupt_file;
  constexpr auto kUnsupported = ErrorCode::unsupported_format;
  expect("encrypted", kUnsupported, [](Parts& p) { p[0].flags = 1; });
  expect("strong encryption", kUnsupported, [](Parts& p) { p[0].flags = 1 << 6; });
  expect("patched data", kUnsupported, [](Parts& p) { p[0].flags = 1 << 5; });
  expect("method bzip2", kUnsupported, [](Parts& p) { p[0].method = 12; });
  expect("local flags differ", kCorrupt, [](Parts& p) { p[0].local_flags = 1; });
  expect("local method differs", kCorrupt, [](Parts& p) { p[0].local_method = 8; });
  expect("local name differs", kCorrupt, [](Parts& p) { p[0].local_name = "archive/else.pkl"; });
  expect("local name longer", kCorrupt, [](Parts& p) { p[0].local_name = "archive/data.pklx"; });
  expect("local CRC differs", kCorrupt, [](Parts& p) { p[0].local_crc = 7; });
  expect("local size differs", kCorrupt, [](Parts& p) { p[0].local_bytes = 7; });
  expect("wrong CRC of the pickle", kCorrupt, [](Parts& p) { p[0].crc = 7; });
  expect("wrong CRC of a small storage", kCorrupt, [](Parts& p) { p[2].crc = 7; });
  expect("stored size differs from size", kCorrupt, [](Parts& p) { p[2].bytes = 9; });
  expect("size beyond the directory", kCorrupt, [](Parts& p) { p[2].bytes = p[2].stored_bytes = 5000; });
  expect("size of 4 GiB", kCorrupt, [](Parts& p) { p[2].bytes = p[2].stored_bytes = 0xfffffffe; });
  expect("saturated size without zip64", kCorrupt, [](Parts& p) { p[2].bytes = p[2].stored_bytes = 0xffffffff; });
  expect("header offset beyond the file", kCorrupt, [](Parts& p) { p[2].header_offset = 0xfffffff0; });
  expect("header offset inside a member", kCorrupt, [](Parts& p) { p[2].header_offset = 3; });
  expect("two entries for one member", kCorrupt, [](Parts& p) { p[2].header_offset = 0; });
  expect("folder attribute", kCorrupt, [](Parts& p) { p[2].attributes = 0x10; });
  expect("another disk", kUnsupported, [](Parts& p) { p[2].disk = 1; });
  expect("empty name", kCorrupt, [](Parts& p) { p[2].name = ""; });
  expect("NUL in a name", kCorrupt, [](Parts& p) { p[2].name = std::string("archive/data/0\0x", 16); });
  expect("duplicate name", kCorrupt, [](Parts& p) { p.push_back(p[2]); });
  expect("names equal but for case", kCorrupt, [](Parts& p) {
    p.push_back(p[0]);
    p.back().name = "archive/DATA.pkl";
  });
  expect("member outside the folder", kCorrupt, [](Parts& p) { p.push_back({"elsewhere/x", "1"}); });
  expect("extra field over its end", kCorrupt, [](Parts& p) { p[2].extra = "FB" + little(50, 2) + "ZZ"; });
  expect("extra field of two bytes", kCorrupt, [](Parts& p) { p[2].extra = "FB"; });
  expect("local extra field over its end", kCorrupt, [](Parts& p) { p[2].local_extra = "FB" + little(50, 2); });
  expect("two zip64 fields", kCorrupt, [](Parts& p) {
    p[2].bytes = p[2].stored_bytes = 0xffffffff;
    p[2].extra = little(1, 2) + little(16, 2) + little(8, 8) + little(8, 8);
    p[2].extra += p[2].extra;
  });
  expect("zip64 field too short", kCorrupt, [](Parts& p) {
    p[2].bytes = p[2].stored_bytes = 0xffffffff;
    p[2].extra = little(1, 2) + little(8, 2) + little(8, 8);
  });
  expect("zip64 size of 2^63", kCorrupt, [](Parts& p) {
    p[2].bytes = p[2].stored_bytes = 0xffffffff;
    p[2].extra = little(1, 2) + little(16, 2) + little(std::uint64_t{1} << 63, 8) + little(std::uint64_t{1} << 63, 8);
  });
  expect("zip64 offset of 2^64 - 1", kCorrupt, [](Parts& p) {
    p[2].header_offset = 0xffffffff;
    p[2].extra = little(1, 2) + little(8, 2) + little(~std::uint64_t{0}, 8);
  });
}

TEST(ZipDamage, OverlappingMembersAreRefused) {
  // The second member's local header lies inside the first one's payload.
  const std::string inner = test::zip_bytes({{"archive/data/0", kFloats}});
  const std::string local = inner.substr(0, 30 + 14 + kFloats.size());
  Parts parts = honest_parts();
  const std::string before = test::zip_bytes({parts[0], parts[1]});
  ZipPart outer{"archive/extra", local};
  ZipPart overlapping = parts[2];
  const auto start = before.find("PK\1\2") + 30 + outer.name.size();
  overlapping.header_offset = static_cast<std::uint32_t>(start);
  const auto error = test::expect_refused("overlap", test::zip_bytes({parts[0], parts[1], outer, overlapping}));
  EXPECT_NE(error.message().find("overlap"), std::string::npos) << error.what();
}

TEST(ZipDamage, LyingEndRecordsAreRefused) {
  const auto expect = [](const char* what, const ZipEnd& end) {
    const auto error = test::expect_refused(what, with_end(end));
    EXPECT_TRUE(error.byte_offset().has_value()) << what;
  };
  const auto parts = test::zip_bytes(honest_parts());
  const auto directory = parts.find("PK\1\2");
  const auto end = parts.find("PK\5\6");
  const auto bytes = end - directory;
  expect("65535 entries", {.entries = 0xffff});
  expect("one entry more", {.entries = 4});
  expect("one entry fewer", {.entries = 2});
  expect("directory of 4 GiB", {.directory_bytes = 0xfffffffe});
  expect("directory one byte shorter", {.directory_bytes = static_cast<std::uint32_t>(bytes - 1)});
  expect("directory elsewhere", {.directory_offset = 0});
  expect("directory beyond the end", {.directory_offset = 0xfffffffe});
  expect("offset and size that wrap", {.directory_bytes = 0xffffffff, .directory_offset = 0xffffffff});
  expect("another disk", {.disk = 3});
  expect("a comment that is not there", {.comment_bytes = 5});
  expect("bytes after the end", {.after = "hidden"});
  expect("a second archive after the end", {.after = with_end({})});
  expect("bytes before the end", {.before = "hidden"});
  expect("an end record inside the comment", {.comment_bytes = 22, .after = "PK\5\6" + std::string(18, '\0')});
  expect("zip64 of many disks", {.before = zip64_end(3, bytes, directory, end, 2)});
  expect("zip64 record elsewhere", {.before = zip64_end(3, bytes, directory, 0)});
  expect("zip64 record beyond the end", {.before = zip64_end(3, bytes, directory, ~std::uint64_t{0})});
  expect("zip64 entries disagree", {.before = zip64_end(4, bytes, directory, end)});
  expect("zip64 of 2^60 entries", {.entries = 0xffff, .before = zip64_end(1ULL << 60, bytes, directory, end)});
  constexpr std::uint64_t kHalf = std::uint64_t{1} << 63;  // offset + size wraps around to where the directory ends
  expect(
      "zip64 size that wraps",
      {.directory_bytes = 0xffffffff, .directory_offset = 0xffffffff, .before = zip64_end(3, kHalf + end, kHalf, end)});
  expect("zip64 offset of 2^63",
         {.directory_offset = 0xffffffff, .before = zip64_end(3, bytes, std::uint64_t{1} << 63, end)});
}

TEST(ZipDamage, AHonestZip64EndOpens) {
  const auto plain = test::zip_bytes(honest_parts());
  const auto directory = plain.find("PK\1\2");
  const auto end = plain.find("PK\5\6");
  const auto bytes = with_end({.entries = 0xffff,
                               .directory_bytes = 0xffffffff,
                               .directory_offset = 0xffffffff,
                               .before = zip64_end(3, end - directory, directory, end)});
  EXPECT_EQ(read_pt(ByteSource(std::as_bytes(std::span(bytes)), "zip64")).tensors.size(), 1U);
}

TEST(ZipDamage, ArchivesOfOtherKindsAreNamed) {
  const auto code = [](const Parts& parts) { return test::expect_refused("kind", test::zip_bytes(parts)).code(); };
  EXPECT_EQ(code({{"a.txt", "hello"}}), ErrorCode::unsupported_format);
  EXPECT_EQ(code({{"a.npy", npy_header(DType::u8, std::vector<std::int64_t>{1}) + "x"}, {"b.txt", "hello"}}),
            ErrorCode::unsupported_format);
  EXPECT_EQ(code({{"m/data.pkl", "\x80\x02N."}, {"m/constants.pkl", "\x80\x02).", 0}}), ErrorCode::torchscript_archive);
  EXPECT_EQ(code({{"m/data.pkl", "\x80\x02N."}, {"m/code/__torch__.py", "x"}}), ErrorCode::torchscript_archive);
  EXPECT_EQ(code({{"data.pkl", "\x80\x02N."}, {"version", "3\n"}}), ErrorCode::unsupported_format);
}

// Bombs: what DEFLATE could never hold, what it could but no honest file does, and what ends too early or too late.
TEST(ZipDamage, BombsAreRefusedBeforeTheyGrow) {
  const std::string array = npy_header(DType::u8, std::vector<std::int64_t>{100'000}) + std::string(100'000, '\0');
  const auto honest = test::deflated_part("a.npy", array);
  const auto bytes = test::zip_bytes({honest});
  EXPECT_EQ(read_npz(ZipReader(ByteSource(std::as_bytes(std::span(bytes)), "npz"))).tensors.size(), 1U);
  const auto expect = [&](const char* what, ErrorCode code, const std::function<void(ZipPart&)>& change) {
    auto part = honest;
    change(part);
    const auto error = test::expect_refused(what, test::zip_bytes({part}));
    EXPECT_EQ(error.code(), code) << error.what();
    EXPECT_TRUE(error.byte_offset().has_value()) << what;
  };
  expect("4 GiB from 300 bytes", ErrorCode::limit_exceeded, [](ZipPart& p) { p.bytes = 0xfffffffe; });
  expect("announces less", ErrorCode::corrupt_file, [&](ZipPart& p) { p.bytes = *honest.bytes - 1; });
  expect("announces more", ErrorCode::corrupt_file, [&](ZipPart& p) { p.bytes = *honest.bytes + 1; });
  expect("stream cut short", ErrorCode::corrupt_file, [](ZipPart& p) { p.payload.resize(p.payload.size() - 3); });
  expect("bytes after the stream", ErrorCode::corrupt_file, [](ZipPart& p) { p.payload += "tail"; });
  expect("damaged stream", ErrorCode::corrupt_file, [](ZipPart& p) { p.payload[p.payload.size() / 2] ^= 0x55; });
  expect("no stream", ErrorCode::corrupt_file, [](ZipPart& p) { p.payload.assign(p.payload.size(), '\xff'); });
  expect("wrong CRC", ErrorCode::corrupt_file, [](ZipPart& p) { p.crc = 1; });

  // 40 members of 2 MB each from 2 KB each: every ratio is possible, the sum is not.
  const std::string large = npy_header(DType::u8, std::vector<std::int64_t>{2'000'000}) + std::string(2'000'000, '\0');
  std::vector<ZipPart> many(40, test::deflated_part("x.npy", large));
  for (std::size_t i = 0; i < many.size(); ++i) many[i].name = std::to_string(i) + ".npy";
  EXPECT_EQ(test::expect_refused("sum of members", test::zip_bytes(many)).code(), ErrorCode::limit_exceeded);
}

TEST(ZipDamage, CompressedMembersOfAPtAreRefused) {
  auto parts = honest_parts();
  parts[0] = test::deflated_part(parts[0].name, parts[0].payload);
  test::expect_refused("deflated pickle", test::zip_bytes(parts));
  parts = honest_parts();
  parts[2] = test::deflated_part(parts[2].name, parts[2].payload);
  test::expect_refused("deflated storage", test::zip_bytes(parts));
}

// No archive of random headers crashes or is accepted with tensors outside it; the fuzzers say the rest.
TEST(ZipDamage, RandomFieldsAreRefusedOrHarmless) {
  Random rng(99);
  const auto seed = with_end({});
  for (int i = 0; i < 3000; ++i) {
    std::string bytes = seed;
    for (int k = 0; k < 3; ++k) bytes[rng.below(bytes.size())] = static_cast<char>(rng.next());
    try {
      const auto archive = read_pt(ByteSource(std::as_bytes(std::span(bytes)), "random"));
      for (const auto& [name, view] : archive.tensors) {
        const auto* begin = reinterpret_cast<const std::byte*>(bytes.data());
        EXPECT_GE(view.data, begin);
        EXPECT_LE(view.data + view.bytes(), begin + bytes.size());
      }
    } catch (const Error& error) {
      EXPECT_EQ(error.path(), "random");
    }
  }
}

}  // namespace
}  // namespace lacuna
