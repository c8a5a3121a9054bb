#include "lacuna/store/file_claims.hpp"

#include <unistd.h>

#include <map>
#include <mutex>

#include <fmt/format.h>

#include "lacuna/core/error.hpp"

namespace lacuna {
namespace {

struct Claims {
  std::mutex mutex;
  std::map<std::string, int> open;  // readers, or −1 for a writer
};

Claims& claims() {
  static Claims instance;
  return instance;
}

}  // namespace

FileClaim::FileClaim(const std::filesystem::path& path, bool writing) : writing_(writing) {
  std::error_code failed;
  const auto canonical = std::filesystem::weakly_canonical(path, failed);
  key_ = failed ? path.string() : canonical.string();
  const std::lock_guard<std::mutex> lock(claims().mutex);
  int& state = claims().open[key_];
  if (state < 0 || (writing && state > 0)) {
    throw Error(ErrorCode::store_locked, fmt::format("the database is open already in this process (PID {})", getpid()))
        .at(path);
  }
  state = writing ? -1 : state + 1;
}

FileClaim::~FileClaim() {
  const std::lock_guard<std::mutex> lock(claims().mutex);
  int& state = claims().open[key_];
  state = writing_ ? 0 : state - 1;
  if (state == 0) claims().open.erase(key_);
}

}  // namespace lacuna
