// Outputs that appear complete or not at all.
//
// AtomicFile writes to a temporary file in the target's folder; commit() syncs it, renames it over the target and
// syncs the folder. Without commit() the destructor removes the temporary file and the target stays as it was.
//
// Errors   no_space, permission_denied, io_failed, with the path of the target.
// Threads  one writer per object.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace lacuna {

class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path target);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::span<const std::byte> bytes);
  void write(std::string_view text) { write(std::as_bytes(std::span(text.data(), text.size()))); }
  std::uint64_t written() const { return written_; }
  void commit();

 private:
  std::filesystem::path target_;
  std::filesystem::path temporary_;
  int fd_ = -1;
  std::uint64_t written_ = 0;
};

// Writes a whole file atomically.
void write_file_atomic(const std::filesystem::path& target, std::string_view content);

// Reads a whole file. Throws Error{limit_exceeded} when it is larger than max_bytes.
std::string read_file(const std::filesystem::path& path, std::uint64_t max_bytes);

// fsync of a folder, so that renames inside it survive a power loss.
void sync_folder(const std::filesystem::path& folder);

// Publishes a finished folder: syncs every file below `from`, renames it to `to` (absent, or an empty folder), syncs
// the parent. Throws Error{already_exists} when `to` holds something.
void publish_folder(const std::filesystem::path& from, const std::filesystem::path& to);

// Throws Error{output_is_input} when `output` is `input`, lies inside it, or contains it, links resolved.
void require_distinct_paths(const std::filesystem::path& output, const std::filesystem::path& input);

}  // namespace lacuna
