// Which database files this process has open. Internal to store.
//
// DuckDB locks a file against other processes, but not against a second instance in the same process, which would
// damage it. A claim stands for one open instance: one writer, or any number of readers.
//
// Threads  safe.
// Errors   Error{store_locked}: the file is open here already, in a mode that excludes this one.
#pragma once

#include <filesystem>
#include <string>

namespace lacuna {

class FileClaim {
 public:
  FileClaim(const std::filesystem::path& path, bool writing);
  ~FileClaim();
  FileClaim(const FileClaim&) = delete;
  FileClaim& operator=(const FileClaim&) = delete;

 private:
  std::string key_;
  bool writing_;
};

}  // namespace lacuna
