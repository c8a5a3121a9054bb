// Promise P2 for one bad tensor file.
#pragma once

#include <string>
#include <string_view>

#include "support/bad_file.hpp"

namespace lacuna::test {

// Opens the bytes as a file by open_tensor_file() and expects what expect_one_error() does.
Error expect_refused(std::string_view what, const std::string& bytes);

}  // namespace lacuna::test
