// Runs tests/bits/oracle.py (numpy) on raw matrices.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace lacuna::test {

// The numbers it prints, one a line; nullopt where the Python environment of the oracles is absent.
std::optional<std::vector<std::string>> run_oracle(const std::vector<std::string>& arguments);

}  // namespace lacuna::test

#define LACUNA_REQUIRE_ORACLE(result) \
  if (!(result)) GTEST_SKIP() << "needs the Python environment of packaging/setup.sh (.deps/oracle), absent"
