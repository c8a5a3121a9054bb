#include "bad_file.hpp"

#include <gtest/gtest.h>
#include <malloc.h>

#include <ctime>
#include <fstream>
#include <string>

#include "sanitizer.hpp"

namespace lacuna::test {
namespace {

constexpr double kSecondsAllowed = kSanitized ? 8.0 : 1.0;
constexpr std::uint64_t kBytesAllowed = std::uint64_t{kSanitized ? 256 : 64} << 20;

// Of this process: a busy machine must not fail the tests.
double processor_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

std::uint64_t status_bytes(const std::string& field) {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    std::uint64_t kib = 0;
    if (word == field + ":" && status >> kib) return kib * 1024;
  }
  return 0;
}

}  // namespace

PeakMemory::PeakMemory() {
  malloc_trim(0);                                 // what earlier work left in the heap must not hide what comes
  std::ofstream("/proc/self/clear_refs") << "5";  // resets the high-water mark
  before_ = status_bytes("VmRSS");
}

std::uint64_t PeakMemory::growth() const {
  const std::uint64_t peak = status_bytes("VmHWM");
  return peak > before_ ? peak - before_ : 0;
}

Error expect_one_error(std::string_view what, const std::filesystem::path& path, std::uint64_t file_bytes,
                       const std::function<void()>& read) {
  const PeakMemory memory;
  const double start = processor_seconds();
  Error found(ErrorCode::internal, "nothing was thrown");
  try {
    read();
    ADD_FAILURE() << what << ": accepted";
  } catch (const Error& error) {
    found = error;
    EXPECT_EQ(error.path(), path) << what << ": " << error.what();
    EXPECT_NE(error.code(), ErrorCode::internal) << what << ": " << error.what();
    EXPECT_LE(error.byte_offset().value_or(0), file_bytes) << what << ": " << error.what();
  } catch (const std::exception& error) {
    ADD_FAILURE() << what << ": not an Error: " << error.what();
  }
  EXPECT_LT(processor_seconds() - start, kSecondsAllowed) << what << ": " << found.what();
  EXPECT_LT(memory.growth(), kBytesAllowed + 4 * file_bytes) << what << ": " << found.what();
  return found;
}

}  // namespace lacuna::test
