#include "lacuna/core/error.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <set>

namespace lacuna {
namespace {

TEST(Error, WhatNamesPathAndOffset) {
  Error error(ErrorCode::corrupt_file, "expected 8 bytes, got 3");
  error.at("a/b.pt", 17);
  EXPECT_STREQ(error.what(), "a/b.pt at byte 17: expected 8 bytes, got 3");
}

TEST(Error, EveryCodeHasItsOwnIdAndAnExplanation) {
  std::set<std::string_view> ids;
  for (const auto& info : all_error_codes()) {
    EXPECT_TRUE(ids.insert(info.id).second) << info.id;
    EXPECT_EQ(&error_code_info(info.code), &info);
    EXPECT_GT(info.explanation.size(), 20U) << info.id;
  }
}

TEST(Error, FindsCodesWhateverTheirCase) {
  ASSERT_TRUE(find_error_code("e0301").has_value());
  EXPECT_EQ(find_error_code("e0301")->code, ErrorCode::corrupt_file);
  EXPECT_FALSE(find_error_code("E9999").has_value());
  EXPECT_FALSE(find_error_code("").has_value());
}

TEST(Error, ErrnoPicksTheCode) {
  EXPECT_EQ(errno_error(ENOENT, "open", "x").code(), ErrorCode::not_found);
  EXPECT_EQ(errno_error(ENOSPC, "write", "x").code(), ErrorCode::no_space);
  EXPECT_EQ(errno_error(EACCES, "open", "x").code(), ErrorCode::permission_denied);
  EXPECT_EQ(errno_error(EIO, "read", "x").code(), ErrorCode::io_failed);
}

}  // namespace
}  // namespace lacuna
