#include "lacuna/render/child_process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <thread>

#include "lacuna/core/error.hpp"

namespace lacuna {
namespace {

using Clock = std::chrono::steady_clock;

class MemoryFile {
 public:
  explicit MemoryFile(const char* name) : fd_(memfd_create(name, MFD_CLOEXEC)) {
    if (fd_ < 0) throw errno_error(errno, "make a file in memory", name);
  }
  ~MemoryFile() { close(fd_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  int fd() const { return fd_; }

  void fill(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t n = write(fd_, bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) throw errno_error(errno, "write", "a file in memory");
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    lseek(fd_, 0, SEEK_SET);
  }

  std::string content() const {
    struct stat status{};
    if (fstat(fd_, &status) != 0) throw errno_error(errno, "read", "a file in memory");
    std::string bytes(static_cast<std::size_t>(status.st_size), '\0');
    for (std::size_t at = 0; at < bytes.size();) {
      const ssize_t n = pread(fd_, bytes.data() + at, bytes.size() - at, static_cast<off_t>(at));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) throw errno_error(n < 0 ? errno : EIO, "read", "a file in memory");
      at += static_cast<std::size_t>(n);
    }
    return bytes;
  }

 private:
  int fd_;
};

std::vector<char*> child_environment() {
  static char kSameBytesEachTime[] = "SOURCE_DATE_EPOCH=0";  // PDF would hold the time it was made
  std::vector<char*> variables;
  bool dated = false;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view variable = *entry;
    if (variable.starts_with("NODE_")) continue;
    dated = dated || variable.starts_with("SOURCE_DATE_EPOCH=");
    variables.push_back(*entry);
  }
  if (!dated) variables.push_back(kSameBytesEachTime);
  variables.push_back(nullptr);
  return variables;
}

pid_t spawn(const ChildProgram& program, const std::array<const MemoryFile*, 3>& files) {
  std::vector<char*> arguments;
  arguments.reserve(program.arguments.size() + 1);
  for (const auto& argument : program.arguments) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  auto variables = child_environment();
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  for (int fd = 0; fd < 3; ++fd)
    posix_spawn_file_actions_adddup2(&actions, files[static_cast<std::size_t>(fd)]->fd(), fd);
  pid_t child = 0;
  const int failure = posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), variables.data());
  posix_spawn_file_actions_destroy(&actions);
  if (failure == ENOENT) {
    throw Error(ErrorCode::not_found, fmt::format("the program {} is needed and is not in PATH", program.arguments[0]))
        .hint(program.hint);
  }
  if (failure != 0) throw errno_error(failure, "start", program.arguments[0]);
  return child;
}

void kill_child(pid_t child) {
  kill(child, SIGKILL);
  while (waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
}

int wait_for(pid_t child, const ChildProgram& program, const RunContext& context) {
  const auto deadline = Clock::now() + std::chrono::duration<double>(program.max_seconds);
  for (;;) {
    int status = 0;
    const pid_t ended = waitpid(child, &status, WNOHANG);
    if (ended == child) return status;
    if (ended < 0 && errno != EINTR) throw errno_error(errno, "wait for", program.arguments[0]);
    if (context.stop_requested() || Clock::now() > deadline) {
      kill_child(child);
      context.check_stop();
      throw Error(ErrorCode::io_failed, fmt::format("{} was stopped: expected it to end within {:g} s",
                                                    program.arguments[0], program.max_seconds));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

std::string first_words(std::string text) {
  constexpr std::size_t kMost = 400;
  if (text.size() > kMost) text = text.substr(0, kMost) + "…";
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text.empty() ? "it wrote nothing to stderr" : text;
}

}  // namespace

std::string run_child(const ChildProgram& program, std::string_view input, const RunContext& context) {
  const MemoryFile in("lacuna-in");
  const MemoryFile out("lacuna-out");
  const MemoryFile trouble("lacuna-err");
  in.fill(input);
  const int status = wait_for(spawn(program, {&in, &out, &trouble}), program, context);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return out.content();
  const std::string how = WIFSIGNALED(status) ? fmt::format("died of signal {}", WTERMSIG(status))
                                              : fmt::format("ended with status {}", WEXITSTATUS(status));
  throw Error(ErrorCode::io_failed,
              fmt::format("{} {}: {}", program.arguments[0], how, first_words(trouble.content())));
}

}  // namespace lacuna
