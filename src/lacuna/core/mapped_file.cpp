// The truncation guard keeps a fixed table of live mappings, because a signal handler may neither lock nor allocate.
#include "lacuna/core/mapped_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>

#include "lacuna/core/error.hpp"

namespace lacuna {
namespace {

struct GuardSlot {
  std::atomic<std::uintptr_t> begin{0};  // 0: free, 1: reserved
  std::atomic<std::uintptr_t> end{0};
  std::atomic<bool> faulted{false};
};

constexpr std::size_t kGuardSlots = 4096;
std::array<GuardSlot, kGuardSlots> guard_slots;
struct sigaction previous_action;

int register_mapping(const void* data, std::size_t size) {
  for (std::size_t i = 0; i < kGuardSlots; ++i) {
    std::uintptr_t expected = 0;
    if (guard_slots[i].begin.compare_exchange_strong(expected, 1)) {
      guard_slots[i].faulted.store(false);
      guard_slots[i].end.store(reinterpret_cast<std::uintptr_t>(data) + size);
      guard_slots[i].begin.store(reinterpret_cast<std::uintptr_t>(data));
      return static_cast<int>(i);
    }
  }
  return -1;
}

void on_bus_error(int signal, siginfo_t* info, void* /*context*/) {
  const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
  for (auto& slot : guard_slots) {
    const auto begin = slot.begin.load();
    if (begin <= 1 || address < begin || address >= slot.end.load()) continue;
    static const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
    // NOLINTNEXTLINE(performance-no-int-to-ptr): the page of an address that the kernel reported
    void* page_start = reinterpret_cast<void*>(address / page * page);
    if (mmap(page_start, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED) break;
    slot.faulted.store(true);
    return;
  }
  sigaction(signal, &previous_action, nullptr);  // not ours: the faulting instruction runs again and ends the process
}

std::int64_t modified_ns(const struct stat& status) {
  return static_cast<std::int64_t>(status.st_mtim.tv_sec) * 1'000'000'000 + status.st_mtim.tv_nsec;
}

}  // namespace

std::shared_ptr<const MappedFile> MappedFile::open(const std::filesystem::path& path) {
  std::shared_ptr<MappedFile> file(new MappedFile);  // allocates before anything is open, so that nothing can leak
  file->path_ = path;
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) throw errno_error(errno, "open", path);
  struct stat status{};
  const bool known = fstat(fd, &status) == 0;
  if (!known || !S_ISREG(status.st_mode)) {
    ::close(fd);
    throw Error(ErrorCode::io_failed, "expected a regular file").at(path);
  }
  file->size_ = static_cast<std::size_t>(status.st_size);
  file->modified_ns_ = modified_ns(status);
  if (file->size_ != 0) {
    void* data = mmap(nullptr, file->size_, PROT_READ, MAP_SHARED, fd, 0);
    const int reason = errno;
    ::close(fd);
    if (data == MAP_FAILED) throw errno_error(reason, "map", path);
    file->data_ = static_cast<const std::byte*>(data);
    file->slot_ = register_mapping(data, file->size_);
  } else {
    ::close(fd);
  }
  return file;
}

MappedFile::~MappedFile() {
  if (slot_ >= 0) guard_slots[static_cast<std::size_t>(slot_)].begin.store(0);
  if (data_ != nullptr) munmap(const_cast<std::byte*>(data_), size_);
}

void MappedFile::check_intact() const {
  const bool faulted = slot_ >= 0 && guard_slots[static_cast<std::size_t>(slot_)].faulted.load();
  struct stat status{};
  const bool changed = stat(path_.c_str(), &status) != 0 || static_cast<std::uint64_t>(status.st_size) != size_ ||
                       modified_ns(status) != modified_ns_;
  if (faulted || changed) {
    throw Error(ErrorCode::file_changed, "the file changed while it was being read").at(path_);
  }
}

void install_truncation_guard() {
  struct sigaction action{};
  action.sa_sigaction = on_bus_error;
  action.sa_flags = SA_SIGINFO;
  sigemptyset(&action.sa_mask);
  sigaction(SIGBUS, &action, &previous_action);
}

}  // namespace lacuna
