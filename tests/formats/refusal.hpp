// Promise P2 for one bad file: one Error with its path, within a second of processor time, in little memory.
#pragma once

#include <string>
#include <string_view>

#include "lacuna/core/error.hpp"

namespace lacuna::test {

// Opens the bytes as a file by open_tensor_file(), and expects an Error with the file's path and, unless the rule
// concerns the file as a whole, a byte offset inside it. Returns it; an Error of code `internal` when nothing was
// thrown.
Error expect_refused(std::string_view what, const std::string& bytes);

// How far resident memory rose at its peak since construction.
class PeakMemory {
 public:
  PeakMemory();
  std::uint64_t growth() const;  // bytes

 private:
  std::uint64_t before_ = 0;
};

}  // namespace lacuna::test
