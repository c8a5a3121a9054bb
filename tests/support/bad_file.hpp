// Promise P2 for one bad file: one Error with its path, within a second of processor time, in little memory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string_view>

#include "lacuna/core/error.hpp"

namespace lacuna::test {

// Runs `read` on a bad file of `file_bytes` bytes and expects an Error with the file's path, of no code `internal`,
// whose byte offset, if it has one, lies inside the file; in less than a second of processor time and with resident
// memory growing by less than 64 MiB + 4 × the file. Returns the Error; one of code `internal` when nothing was thrown.
Error expect_one_error(std::string_view what, const std::filesystem::path& path, std::uint64_t file_bytes,
                       const std::function<void()>& read);

// How far resident memory rose at its peak since construction.
class PeakMemory {
 public:
  PeakMemory();
  std::uint64_t growth() const;  // bytes

 private:
  std::uint64_t before_ = 0;
};

}  // namespace lacuna::test
