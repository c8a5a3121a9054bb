// A read-only memory-mapped file.
//
// The mapping is shared and read in place. If another program truncates the file while it is mapped, touching the lost
// pages would raise SIGBUS; install_truncation_guard() makes such pages read as zeros and marks the mapping instead,
// and check_intact() turns the mark (or a change of size or modification time) into Error{file_changed}. Call
// check_intact() after reading and before publishing a result made from the bytes.
//
// Threads  safe to read from any thread.
// Errors   not_found, permission_denied, io_failed; directories are io_failed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>

namespace lacuna {

class MappedFile {
 public:
  static std::shared_ptr<const MappedFile> open(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::span<const std::byte> bytes() const { return {data_, size_}; }
  std::uint64_t size() const { return size_; }
  void check_intact() const;  // throws Error{file_changed}

 private:
  MappedFile() = default;

  std::filesystem::path path_;
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  std::int64_t modified_ns_ = 0;
  int slot_ = -1;  // in the truncation guard's table; -1 when the table was full
};

// Installs the process-wide SIGBUS handler. Faults outside mapped files still end the process as before.
void install_truncation_guard();

}  // namespace lacuna
