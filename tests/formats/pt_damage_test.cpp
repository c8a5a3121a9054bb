// Dishonest .pt files: tensors that reach beyond their storages, sizes that overflow, objects without end.
#include <gtest/gtest.h>

#include "lacuna/formats/pt_objects.hpp"
#include "lacuna/formats/pt_reader.hpp"
#include "pickle_bytes.hpp"
#include "refusal.hpp"
#include "zip_bytes.hpp"

namespace lacuna {
namespace {

using namespace test::pickle;

constexpr std::int64_t kHuge = std::int64_t{1} << 62;
const std::string kFour(16, 'f');  // four floats

std::string float_storage(std::int64_t numel = 4) { return storage("FloatStorage", "0", numel); }

// A file whose object is one tensor over four floats.
std::string one_tensor(const std::string& pickle) { return test::pt_zip_bytes(proto() + pickle + ".", {{"0", kFour}}); }

TensorArchive read(const std::string& bytes) { return read_pt(ByteSource(std::as_bytes(std::span(bytes)), "bytes")); }

TEST(PtDamage, AnHonestTensorOpens) {
  const auto bytes = one_tensor(tensor(float_storage(), 1, integer(3), integer(1)));
  const auto archive = read(bytes);
  EXPECT_EQ(archive.tensors.at(0).view.shape, (Shape{3}));
}

TEST(PtDamage, TensorsBeyondTheirStorageAreRefused) {
  const auto expect = [](const char* what, std::int64_t offset, const std::string& size, const std::string& stride) {
    const auto error = test::expect_refused(what, one_tensor(tensor(float_storage(), offset, size, stride)));
    EXPECT_TRUE(error.byte_offset().has_value()) << what;
  };
  expect("one element more", 0, integer(5), integer(1));
  expect("one element more by offset", 1, integer(4), integer(1));
  expect("offset beyond", 4, integer(1), integer(1));
  expect("huge offset", kHuge, integer(1), integer(1));
  expect("negative offset", -1, integer(1), integer(1));
  expect("negative size", 0, integer(-1), integer(1));
  expect("negative stride", 3, integer(2), integer(-1));
  expect("huge size", 0, integer(kHuge), integer(1));
  expect("huge size, no stride", 0, integer(kHuge), integer(0));
  expect("huge stride", 0, integer(2), integer(kHuge));
  expect("product of sizes overflows", 0, integer(kHuge) + integer(8), integer(0) + integer(0));
  expect("product overflows behind a zero", 0, integer(0) + integer(kHuge) + integer(8),
         integer(1) + integer(1) + integer(1));
  expect("size times stride overflows", 0, integer(5) + integer(2), integer(kHuge) + integer(1));
  expect("sum of strides overflows", 0, integer(2) + integer(2) + integer(2),
         integer(kHuge) + integer(kHuge) + integer(kHuge));
  expect("offset plus stride overflows", 3, integer(2), integer(INT64_MAX));
  expect("fewer strides than sizes", 0, integer(2) + integer(2), integer(1));
  expect("more strides than sizes", 0, integer(2), integer(1) + integer(1));
  expect("a bool as size", 0, "\x88", integer(1));
  expect("text as size", 0, text("4"), integer(1));
  expect("None as stride", 0, integer(4), "N");
  expect("a big integer as size", 0, "\x8a\x09" + std::string(9, '\x11'), integer(1));
  std::string many;
  for (int i = 0; i < 65; ++i) many += "K\1";
  expect("65 dimensions", 0, many, many);
}

TEST(PtDamage, RepeatedElementsStayWithinALimit) {
  // Stride 0 repeats stored elements, as torch.expand does: fine while the copy a user may make of it is small.
  const auto honest = one_tensor(tensor(float_storage(), 0, integer(1000) + integer(4), integer(0) + integer(1)));
  EXPECT_EQ(read(honest).tensors.at(0).view.numel(), 4000);
  const auto bomb = tensor(float_storage(), 0, integer(std::int64_t{1} << 40) + integer(4), integer(0) + integer(1));
  EXPECT_EQ(test::expect_refused("expansion", one_tensor(bomb)).code(), ErrorCode::limit_exceeded);
}

TEST(PtDamage, EmptyTensorsNeedNoBytes) {
  const auto bytes = one_tensor(tensor(float_storage(), 100, integer(0) + integer(3), integer(3) + integer(1)));
  const auto archive = read(bytes);
  EXPECT_EQ(archive.tensors.at(0).view.numel(), 0);
  EXPECT_EQ(archive.tensors.at(0).view.strides, (std::vector<std::int64_t>{3, 1}));
}

TEST(PtDamage, MalformedCallsAreRefused) {
  const std::string v2 = global("torch._utils", "_rebuild_tensor_v2");
  const std::string v1 = global("torch._utils", "_rebuild_tensor");
  const std::string parameter = global("torch._utils", "_rebuild_parameter");
  const std::string good = tensor(float_storage(), 0, integer(4), integer(1));
  const std::string four = integer(0) + tuple(integer(4)) + tuple(integer(1));
  const std::vector<std::pair<const char*, std::string>> cases = {
      {"no arguments", v2 + ")R"},
      {"three arguments", v2 + tuple(float_storage() + "NN") + "R"},
      {"eight arguments", v2 + tuple(float_storage() + four + "\x89NNN") + "R"},
      {"a number as storage", v2 + tuple("K\1" + four + "\x89N") + "R"},
      {"a tensor as storage", v2 + tuple(good + four + "\x89N") + "R"},
      {"a storage type as storage", v2 + tuple(global("torch", "FloatStorage") + four + "\x89N") + "R"},
      {"a list as size", v2 + tuple(float_storage() + integer(0) + "]" + tuple("") + "\x89N") + "R"},
      {"requires_grad as a number", v2 + tuple(float_storage() + four + "K\1N") + "R"},
      {"hooks as text", v2 + tuple(float_storage() + four + "\x89" + text("x")) + "R"},
      {"metadata", v2 + tuple(float_storage() + four + "\x89N}" + text("neg") + "\x88s") + "R"},
      {"v1 with six arguments", v1 + tuple(float_storage() + four + "\x89N") + "R"},
      {"parameter of a storage", parameter + tuple(float_storage() + "\x89N") + "R"},
      {"parameter of a number", parameter + tuple("K\1\x89N") + "R"},
      {"parameter without arguments", parameter + ")R"},
      {"parameter with a number as flag", parameter + tuple(good + "K\1N") + "R"},
      {"malformed, in a value that is not used", "}" + text("a") + tuple(v2 + ")R") + "s"},
      {"malformed, in the hooks", v2 + tuple(float_storage() + four + "\x89}" + text("a") + v2 + ")Rs") + "R"},
  };
  for (const auto& [what, pickle] : cases) test::expect_refused(what, one_tensor(pickle));
  const std::string integers = storage("LongStorage", "0", 2);
  const std::string gradient =
      v2 + tuple(integers + integer(0) + tuple(integer(2)) + tuple(integer(1)) + "\x88N") + "R";
  test::expect_refused("gradient of integers", one_tensor(gradient));
}

TEST(PtDamage, StoragesThatLieAreRefused) {
  const auto pickle = [](const std::string& from) { return proto() + tensor(from, 0, integer(1), integer(1)) + "."; };
  const auto expect = [&](const char* what, const std::string& from, const std::string& bytes) {
    const auto error = test::expect_refused(what, test::pt_zip_bytes(pickle(from), {{"0", bytes}}));
    EXPECT_TRUE(error.byte_offset().has_value()) << what;
  };
  expect("declares more than its member holds", float_storage(5), kFour);
  expect("declares less than its member holds", float_storage(3), kFour);
  expect("declares gigabytes", float_storage(std::int64_t{1} << 30), kFour);
  expect("declares 2^62 elements", float_storage(kHuge), kFour);
  expect("bytes overflow", storage("DoubleStorage", "0", INT64_MAX), kFour);
  expect("a member that is missing", storage("FloatStorage", "1", 4), kFour);
  expect("a key that leaves its folder", storage("FloatStorage", "../data.pkl", 4), kFour);
  expect("a complex type", storage("ComplexFloatStorage", "0", 2), kFour);
  const std::string two = tuple(tensor(float_storage(), 0, integer(1), integer(1)) +
                                tensor(storage("IntStorage", "0", 4), 0, integer(1), integer(1)));
  test::expect_refused("one storage of two types", one_tensor(two));
  const std::string sizes =
      tuple(tensor(float_storage(), 0, integer(1), integer(1)) + tensor(float_storage(3), 0, integer(1), integer(1)));
  test::expect_refused("one storage of two sizes", one_tensor(sizes));
}

TEST(PtDamage, ArchiveMembersThatLieAreRefused) {
  const std::string pickle = proto() + vector(4) + ".";
  const auto with = [&](const std::function<void(std::vector<test::ZipPart>&)>& change) {
    auto parts = test::pt_parts(pickle, {{"0", kFour}});
    change(parts);
    return test::zip_bytes(parts);
  };
  using Parts = std::vector<test::ZipPart>;
  const auto add = [&](const char* name, const char* content) {
    return with([&](Parts& parts) { parts.push_back({name, content}); });
  };
  EXPECT_NO_THROW(read(add("archive/byteorder", "little")));
  EXPECT_EQ(test::expect_refused("big-endian", add("archive/byteorder", "big")).code(), ErrorCode::unsupported_format);
  test::expect_refused("unknown byte order", add("archive/byteorder", "middle"));
  test::expect_refused("long byte order", add("archive/byteorder", std::string(100, 'x').c_str()));
  test::expect_refused("no version", with([](Parts& parts) { parts.erase(parts.begin() + 1); }));
  for (const char* version : {"", "0", "11", "-3", "3x", "99999999999999999999999", " 3"}) {
    test::expect_refused("version", with([&](Parts& parts) { parts[1].payload = version; }));
  }
  test::expect_refused("version of the data", add("archive/.data/version", "77"));
  test::expect_refused("bytes after STOP", with([](Parts& parts) { parts[0].payload += "N"; }));
  test::expect_refused("two pickles", with([&](Parts& parts) { parts[0].payload += pickle; }));
  test::expect_refused("empty pickle", with([](Parts& parts) { parts[0].payload.clear(); }));
}

TEST(PtDamage, KeysThatRepeatOrCollideAreRefused) {
  const std::string one = vector(4);
  const auto dict = [](const std::string& items) { return one_tensor("}(" + items + "u"); };
  test::expect_refused("key twice", dict(text("a") + one + text("a") + "K\1"));
  test::expect_refused("key twice by memo", one_tensor("}(" + text("a") + "q\1" + one + "h\1K\1u"));
  test::expect_refused("number twice", dict("K\1" + one + "K\1K\2"));
  test::expect_refused("1 and '1'", dict("K\1" + one + text("1") + one));
  test::expect_refused("a.b twice", dict(text("a.b") + one + text("a") + "}" + text("b") + one + "s"));
  test::expect_refused("newline in a name", dict(text("a\nb") + one));
  test::expect_refused("escape in a name", dict(text("a\x1b[31m") + one));
  test::expect_refused("a float as key of a tensor", dict("G" + std::string(8, '\1') + one));
  test::expect_refused("a long name", dict(text(std::string(5000, 'x')) + one));
}

TEST(PtDamage, ObjectsWithoutEndAreRefused) {
  const auto limited = [](const char* what, const std::string& pickle) {
    const auto error = test::expect_refused(what, test::pt_zip_bytes(pickle, {{"0", kFour}}));
    EXPECT_EQ(error.code(), ErrorCode::limit_exceeded) << what << ": " << error.what();
  };
  constexpr std::size_t kMany = 1'000'000;
  limited("a million lists inside each other", proto() + std::string(kMany, ']') + std::string(kMany - 1, 'a') + ".");
  std::string tuples = proto() + ")";
  for (std::size_t i = 0; i < kMany; ++i) tuples += "\x85";
  limited("a million tuples inside each other", tuples + ".");
  limited("a list inside itself", proto() + "]q\1h\1a.");
  limited("a dict inside itself", proto() + "}q\1K\1h\1s.");

  // Each list holds the one before twice: 2^40 leaves from 300 bytes.
  std::string laughs = proto() + "(](" + vector(4) + "e";
  for (int i = 1; i <= 40; ++i) {
    laughs += "q" + std::string(1, static_cast<char>(i)) + "](h" + std::string(1, static_cast<char>(i)) + "h" +
              std::string(1, static_cast<char>(i)) + "e";
  }
  limited("billion laughs", laughs + "t.");
}

TEST(PtDamage, ManyOpcodesStayWithinMemory) {
  constexpr std::size_t kMany = 8'000'000;
  const auto refused = [](const char* what, const std::string& pickle) {
    test::expect_refused(what, test::pt_zip_bytes(pickle, {{"0", kFour}}));
  };
  refused("eight million dicts", proto() + std::string(kMany, '}') + ".");
  refused("eight million marks", proto() + std::string(kMany, '(') + ".");
  refused("eight million None", proto() + std::string(kMany, 'N') + ".");
  std::string memo = proto() + "N";
  for (std::uint64_t i = 1; i < kMany / 5; ++i) memo += "r" + little(4 * i, 4);
  refused("a sparse memo", memo);

  // A long tuple, copied by call after call.
  std::string calls =
      proto() + "(" + std::string(200'000, 'N') + "tq\1" + global("torch._utils", "_rebuild_tensor_v2") + "q\2";
  for (int i = 0; i < 100'000; ++i) calls += "h\2h\1R";
  refused("copied arguments", calls + ".");

  // One state, a hundred thousand keys long, for a million BUILDs.
  std::string builds = proto() + ordered_dict() + "}(";
  for (int i = 0; i < 100'000; ++i) builds += text(std::to_string(i)) + "N";
  builds += "uq\1";
  for (int i = 0; i < 1'000'000; ++i) builds += "bh\1";
  refused("many BUILDs", builds + "b.");

  // Long keys, compared again and again.
  std::string keys = proto() + "}(";
  for (char c = 1; c < 5; ++c) keys += text(std::string(1'000'000, 'x') + c) + "q" + c + "N";
  for (int i = 0; i < 300'000; ++i) keys += std::string("h") + static_cast<char>(1 + i % 4) + "N";
  refused("long keys", keys + "u.");

  // Long names for many tensors.
  std::string names = proto() + "}" + text(std::string(4000, 'x')) + "}(";
  for (int i = 0; i < 50'000; ++i) names += text(std::to_string(i)) + (i == 0 ? vector(4) + "q\1" : std::string("h\1"));
  refused("long names", names + "us.");
}

TEST(PtDamage, TheMemoryMeterSeesMemory) {
  const test::PeakMemory memory;
  {
    const std::string large(std::size_t{100} << 20, 'x');
  }
  EXPECT_GT(memory.growth(), std::uint64_t{90} << 20);
}

TEST(PtDamage, EveryTruncationOfALegacyFileIsRefused) {
  const auto bytes = test::pt_legacy_bytes(proto() + vector(4, "N") + ".", {{"0", 4, kFour}});
  EXPECT_EQ(read(bytes).tensors.size(), 1U);
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    test::expect_refused("truncated to " + std::to_string(length), bytes.substr(0, length));
  }
}

TEST(PtDamage, LegacyStreamsThatLieAreRefused) {
  const std::string object = proto() + vector(4, "N") + ".";
  const auto expect = [](const char* what, const std::string& bytes) {
    const auto error = test::expect_refused(what, bytes);
    EXPECT_TRUE(error.byte_offset().has_value()) << what;
  };
  expect("bytes after the end", test::pt_legacy_bytes(object, {{"0", 4, kFour}}) + "x");
  expect("another count", test::pt_legacy_bytes(object, {{"0", 5, kFour + "1234"}}));
  expect("a count of 2^63", test::pt_legacy_bytes(object, {{"0", std::uint64_t{1} << 63, kFour}}));
  expect("a count of 2^64 - 1", test::pt_legacy_bytes(object, {{"0", ~std::uint64_t{0}, kFour}}));
  expect("no storage", test::pt_legacy_bytes(object, {}));
  expect("a storage too many", test::pt_legacy_bytes(object, {{"0", 4, kFour}, {"1", 4, kFour}}));
  expect("a storage twice", test::pt_legacy_bytes(object, {{"0", 4, kFour}, {"0", 4, kFour}}));
  expect("a storage of another key", test::pt_legacy_bytes(object, {{"1", 4, kFour}}));
  const std::string head = test::pt_legacy_head();
  expect("keys in a dict", head + object + proto() + "}." + little(4, 8) + kFour);
  expect("keys that are numbers", head + object + proto() + "]K\1a." + little(4, 8) + kFour);
  expect("a gigabyte from nothing", test::pt_legacy_bytes(proto() + vector(1 << 28, "N") + ".", {{"0", 1 << 28, ""}}));
  expect("zip-style persistent id", test::pt_legacy_bytes(proto() + vector(4) + ".", {{"0", 4, kFour}}));
  std::string other = test::pt_legacy_bytes(object, {{"0", 4, kFour}});
  other[other.find(integer(1001)) + 2] = 2;
  expect("another protocol", other);
  std::string big = test::pt_legacy_bytes(object, {{"0", 4, kFour}});
  big[big.find("little_endian") + 13] = '\x89';
  EXPECT_EQ(test::expect_refused("big-endian", big).code(), ErrorCode::unsupported_format);
  std::string magic = test::pt_legacy_bytes(object, {{"0", 4, kFour}});
  magic[4] ^= 1;
  EXPECT_EQ(test::expect_refused("another magic number", magic).code(), ErrorCode::unsupported_format);
  EXPECT_EQ(test::expect_refused("a plain pickle", proto() + "K\1.").code(), ErrorCode::unsupported_format);
}

TEST(PtDamage, StorageViewsOfOldStreamsAreBounded) {
  const auto viewed = [](const std::string& view, std::int64_t n) {
    return proto() + tensor(storage("FloatStorage", "0", 4, view), 0, integer(n), integer(1)) + ".";
  };
  const auto bytes = [&](const std::string& pickle) {
    return test::pt_legacy_bytes(pickle, {{"0", 4, "aaaabbbbccccdddd"}});
  };
  const auto view = tuple(text("v") + integer(1) + integer(2));
  const auto honest = bytes(viewed(view, 2));
  const auto archive = read(honest);
  EXPECT_EQ(archive.tensors.at(0).view.data[0], std::byte{'b'});
  test::expect_refused("beyond the view", bytes(viewed(view, 3)));
  test::expect_refused("beyond the storage", bytes(viewed(tuple(text("v") + integer(3) + integer(2)), 1)));
  test::expect_refused("huge view", bytes(viewed(tuple(text("v") + integer(kHuge) + integer(kHuge)), 1)));
  test::expect_refused("negative view", bytes(viewed(tuple(text("v") + integer(-1) + integer(2)), 1)));
  test::expect_refused("two fields", bytes(viewed(tuple(text("v") + integer(1)), 1)));
  test::expect_refused("text", bytes(viewed(text("v"), 1)));
  const auto other = tuple(text("v") + integer(0) + integer(2));
  const auto twice = tuple(tensor(storage("FloatStorage", "0", 4, view), 0, integer(1), integer(1)) +
                           tensor(storage("FloatStorage", "0", 4, other), 0, integer(1), integer(1)));
  test::expect_refused("one view described twice", bytes(proto() + twice + "."));
}

TEST(PtDamage, TarFilesOfTheOldestKindAreNamed) {
  std::string tar(1024, '\0');
  tar.replace(0, 8, "sys_info");
  tar.replace(257, 5, "ustar");
  const auto error = test::expect_refused("tar", tar);
  EXPECT_EQ(error.code(), ErrorCode::unsupported_format);
  EXPECT_NE(error.message().find("tar"), std::string::npos);
}

}  // namespace
}  // namespace lacuna
