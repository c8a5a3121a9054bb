#include "lacuna/core/atomic_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>

#include "lacuna/core/error.hpp"

namespace lacuna {
namespace fs = std::filesystem;
namespace {

struct Descriptor {  // closes on every way out, running out of memory included
  int fd = -1;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

}  // namespace

AtomicFile::AtomicFile(fs::path target) : target_(std::move(target)) {
  static std::atomic<unsigned> counter{0};
  temporary_ = target_;
  temporary_ += fmt::format(".{}-{}.tmp", ::getpid(), counter.fetch_add(1));
  fd_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd_ < 0) throw errno_error(errno, "create", target_);
}

AtomicFile::~AtomicFile() {
  if (fd_ < 0) return;
  ::close(fd_);
  ::unlink(temporary_.c_str());
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  constexpr std::size_t kChunk = std::size_t{1} << 30;  // Linux writes at most 2^31 - 4096 bytes a call
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd_, bytes.data(), std::min(bytes.size(), kChunk));
    if (n < 0) {
      if (errno == EINTR) continue;
      throw errno_error(errno, "write", target_);
    }
    written_ += static_cast<std::uint64_t>(n);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
}

void AtomicFile::commit() {
  const fs::path folder = target_.parent_path();  // from the rename on nothing allocates: the file is in place then
  if (::fsync(fd_) != 0) throw errno_error(errno, "sync", target_);
  const int closed = ::close(fd_);
  fd_ = -1;
  if (closed != 0 || ::rename(temporary_.c_str(), target_.c_str()) != 0) {
    const int reason = errno;
    ::unlink(temporary_.c_str());
    throw errno_error(reason, "rename into place", target_);
  }
  sync_folder(folder);
}

void write_file_atomic(const fs::path& target, std::string_view content) {
  AtomicFile file(target);
  file.write(content);
  file.commit();
}

std::string read_file(const fs::path& path, std::uint64_t max_bytes) {
  std::string content;
  std::string chunk(1 << 16, '\0');
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (file.fd < 0) throw errno_error(errno, "open", path);
  while (true) {
    const ssize_t n = ::read(file.fd, chunk.data(), chunk.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw errno_error(errno, "read", path);
    if (n == 0) return content;
    content.append(chunk.data(), static_cast<std::size_t>(n));
    if (content.size() > max_bytes) {
      throw Error(ErrorCode::limit_exceeded,
                  fmt::format("the file is larger than the {} bytes allowed here", max_bytes))
          .at(path);
    }
  }
}

void sync_folder(const fs::path& folder) {
  const int fd = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) throw errno_error(errno, "open folder", folder);
  const int result = ::fsync(fd);
  const int reason = errno;
  ::close(fd);
  if (result != 0 && reason != EINVAL) throw errno_error(reason, "sync folder", folder);  // EINVAL: not supported there
}

void publish_folder(const fs::path& from, const fs::path& to) {
  for (const auto& entry : fs::recursive_directory_iterator(from)) {
    if (entry.is_directory()) sync_folder(entry.path());
    if (!entry.is_regular_file()) continue;
    const int fd = ::open(entry.path().c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) throw errno_error(errno, "open", entry.path());
    const int result = ::fsync(fd);
    const int reason = errno;
    ::close(fd);
    if (result != 0) throw errno_error(reason, "sync", entry.path());
  }
  sync_folder(from);
  if (::rename(from.c_str(), to.c_str()) != 0) {
    if (errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR) {
      throw Error(ErrorCode::already_exists, "the output path already holds something").at(to);
    }
    throw errno_error(errno, "rename the finished folder into place", to);
  }
  sync_folder(fs::absolute(to).lexically_normal().parent_path());
}

void require_distinct_paths(const fs::path& output, const fs::path& input) {
  const auto clash = [&] {
    return Error(ErrorCode::output_is_input, fmt::format("the output path clashes with the input {}", input.string()))
        .at(output)
        .hint("choose an output path outside the input");
  };
  std::error_code ignored;
  if (fs::exists(output, ignored) && fs::equivalent(output, input, ignored)) throw clash();
  const fs::path out = fs::weakly_canonical(output);
  const fs::path in = fs::weakly_canonical(input);
  const auto starts_with = [](const fs::path& path, const fs::path& prefix) {
    return std::mismatch(prefix.begin(), prefix.end(), path.begin(), path.end()).first == prefix.end();
  };
  if (starts_with(out, in) || starts_with(in, out)) throw clash();
}

}  // namespace lacuna
