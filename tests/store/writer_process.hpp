// Runs store_writer as a child process and reads what it says, line by line.
#pragma once

#include <sys/types.h>

#include <cstdio>
#include <filesystem>
#include <string>

namespace lacuna::test {

class WriterProcess {
 public:
  WriterProcess(const std::string& mode, const std::filesystem::path& database);
  ~WriterProcess();  // kills it
  WriterProcess(const WriterProcess&) = delete;
  WriterProcess& operator=(const WriterProcess&) = delete;

  pid_t pid() const { return pid_; }
  std::string line();  // the next line it printed; empty when it ended
  void kill();         // SIGKILL

 private:
  pid_t pid_ = -1;
  FILE* output_ = nullptr;
};

}  // namespace lacuna::test
