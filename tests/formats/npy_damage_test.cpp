// Damaged and dishonest .npy files.
#include <gtest/gtest.h>

#include "lacuna/formats/npz.hpp"
#include "pickle_bytes.hpp"
#include "refusal.hpp"
#include "zip_bytes.hpp"

namespace lacuna {
namespace {

using test::pickle::little;

std::string npy(const std::string& header, const std::string& values, char major = 1) {
  return std::string("\x93NUMPY") + major + std::string(1, '\0') + little(header.size(), major == 1 ? 2 : 4) + header +
         values;
}

std::string header(const std::string& descr, const std::string& order, const std::string& shape) {
  return "{'descr': " + descr + ", 'fortran_order': " + order + ", 'shape': " + shape + ", }\n";
}

TensorArchive read(const std::string& bytes) { return read_npy(ByteSource(std::as_bytes(std::span(bytes)), "bytes")); }

TEST(NpyDamage, HonestHeadersOfOtherWritersOpen) {
  const std::string eight(8, 'v');
  for (const auto& text : {header("'<f4'", "False", "(2,)"), header("\"<f4\"", "False", "(2L,)"),
                           std::string("{'shape':(1,2),'fortran_order':True,'descr':'<f4'}"),
                           std::string("{ 'descr' : '<f4' , 'fortran_order' : False , 'shape' : ( 2 , 1 , ) }   \n")}) {
    EXPECT_EQ(read(npy(text, eight)).tensors.at(0).view.numel(), 2) << text;
  }
  EXPECT_EQ(read(npy(header("'<f8'", "False", "()"), eight)).tensors.at(0).view.numel(), 1);
  EXPECT_EQ(read(npy(header("'|i1'", "False", "(8,)"), eight)).tensors.at(0).view.dtype, DType::i8);
  EXPECT_EQ(read(npy(header("'<f4'", "False", "(0, 3)"), "")).tensors.at(0).view.numel(), 0);
}

TEST(NpyDamage, EveryTruncationIsRefused) {
  const auto bytes = npy(header("'<f4'", "False", "(2,)"), std::string(8, 'v'));
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    test::expect_refused("truncated to " + std::to_string(length), bytes.substr(0, length));
  }
}

TEST(NpyDamage, LyingHeadersAreRefused) {
  const std::string eight(8, 'v');
  const auto expect = [&](const char* what, const std::string& bytes, ErrorCode code = ErrorCode::corrupt_file) {
    const auto error = test::expect_refused(what, bytes);
    EXPECT_EQ(error.code(), code) << what << ": " << error.what();
    EXPECT_TRUE(error.byte_offset().has_value()) << what;
  };
  const auto shape = [&](const std::string& text) { return npy(header("'<f4'", "False", text), eight); };
  expect("more elements than bytes", shape("(3,)"));
  expect("fewer elements than bytes", shape("(1,)"));
  expect("bytes after the values", npy(header("'<f4'", "False", "(2,)"), eight + "x"));
  expect("2^62 elements", shape("(4611686018427387904,)"));
  expect("product overflows", shape("(4611686018427387904, 8)"));
  expect("product overflows behind a zero", shape("(0, 4611686018427387904, 8)"));
  expect("bytes overflow", shape("(4611686018427387904, 2)"));
  expect("extent beyond 64 bits", shape("(99999999999999999999,)"));
  expect("negative extent", shape("(-2,)"));
  expect("negative zero", shape("(-0,)"));
  expect("leading zero", shape("(02,)"));
  expect("a number, no tuple", shape("(2)"));
  expect("a list", shape("[2]"));
  expect("text", shape("('2',)"));
  expect("a float", shape("(2.0,)"));
  expect("an expression", shape("(1+1,)"));
  expect("a call", shape("(__import__('os').system('id'),)"));
  expect("an open tuple", shape("(2,"));
  expect("nested tuples", shape("((2,),)"));
  std::string many = "(";
  for (int i = 0; i < 33; ++i) many += "1, ";
  expect("33 dimensions", shape(many + "2)"), ErrorCode::limit_exceeded);
  expect("a million brackets", npy(header("'<f4'", "False", std::string(9000, '(')), eight));
  const auto with = [&](const std::string& text) { return npy(text, eight); };
  expect("no dict", with("hello"));
  expect("empty", with(""));
  expect("a missing key", with("{'descr': '<f4', 'shape': (2,), }"));
  expect("an unknown key", with("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'x': 1}"));
  expect("a key twice", with("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2,)}"));
  expect("something after the dict", with(header("'<f4'", "False", "(2,)") + "x"));
  expect("order as a number", with(header("'<f4'", "0", "(2,)")));
  expect("an escape in a string", with(header("'\\x3cf4'", "False", "(2,)")));
  expect("an open string", with("{'descr': '<f4"));
  expect("version 4", npy(header("'<f4'", "False", "(2,)"), eight, 4), ErrorCode::unsupported_format);
  expect("version 0", npy(header("'<f4'", "False", "(2,)"), eight, 0), ErrorCode::unsupported_format);
  expect("header beyond the end", std::string("\x93NUMPY\1") + std::string(1, '\0') + "\xff\xff{");
  expect("header of 4 GiB", std::string("\x93NUMPY\2") + std::string(1, '\0') + little(0xffffffff, 4) + "{");
  expect("header over the limit", npy(header("'<f4'", "False", "(2,)") + std::string(20'000, ' '), eight, 2),
         ErrorCode::limit_exceeded);
}

TEST(NpyDamage, OtherElementTypesAreNamed) {
  const auto code = [](const std::string& descr) {
    return test::expect_refused(descr, npy(header(descr, "False", "(1,)"), std::string(8, 'v'))).code();
  };
  EXPECT_EQ(code("'>f8'"), ErrorCode::unsupported_format);
  EXPECT_EQ(code("'>i2'"), ErrorCode::unsupported_format);
  for (const char* descr : {"'|O'", "'O'", "'<c8'", "'<U2'", "'|S8'", "'<M8[ns]'", "'|V8'", "'<V2'", "'<f16'", "'f8'",
                            "'=f8'", "'|f8'", "''", "'<'", "[('a', '<f8')]", "[('a', '|O')]"}) {
    EXPECT_EQ(code(descr), ErrorCode::unsupported_dtype) << descr;
  }
}

TEST(NpyDamage, MembersOfAnNpzFollowTheSameRules) {
  const std::string bad = npy(header("'<f4'", "False", "(9,)"), std::string(8, 'v'));
  const auto stored = test::expect_refused("stored", test::zip_bytes({{"a.npy", bad}}));
  EXPECT_EQ(stored.code(), ErrorCode::corrupt_file);
  const auto inflated = test::expect_refused("inflated", test::zip_bytes({test::deflated_part("a.npy", bad)}));
  EXPECT_EQ(inflated.code(), ErrorCode::corrupt_file);
  EXPECT_NE(inflated.message().find("a.npy"), std::string::npos);
  const std::string good = npy(header("'<f4'", "False", "(2,)"), std::string(8, 'v'));
  test::expect_refused("wrong CRC", test::zip_bytes({{.name = "a.npy", .payload = good, .crc = 5}}));
  test::expect_refused("control character", test::zip_bytes({{"a\nb.npy", good}}));
  test::expect_refused("not UTF-8", test::zip_bytes({{"\xff.npy", good}}));
}

}  // namespace
}  // namespace lacuna
