// Golden results and models that live outside the repository (../shared, or LACUNA_SHARED). Tests that need them skip,
// saying so, where they are absent.
#pragma once

#include <filesystem>

namespace lacuna::test {

std::filesystem::path shared_path(const std::filesystem::path& relative);  // may not exist
std::filesystem::path source_path(const std::filesystem::path& relative);  // inside the repository

}  // namespace lacuna::test

#define LACUNA_REQUIRE_SHARED(relative)                                \
  if (!std::filesystem::exists(::lacuna::test::shared_path(relative))) \
  GTEST_SKIP() << "needs shared data that is absent: " << ::lacuna::test::shared_path(relative)
