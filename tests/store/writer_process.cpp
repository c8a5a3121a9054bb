#include "writer_process.hpp"

#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <stdexcept>

namespace lacuna::test {

WriterProcess::WriterProcess(const std::string& mode, const std::filesystem::path& database) {
  int ends[2];
  if (pipe(ends) != 0) throw std::runtime_error("pipe failed");
  const std::string program = LACUNA_STORE_WRITER;
  const std::string path = database.string();
  pid_ = fork();
  if (pid_ < 0) throw std::runtime_error("fork failed");
  if (pid_ == 0) {
    dup2(ends[1], STDOUT_FILENO);
    close(ends[0]);
    close(ends[1]);
    execl(program.c_str(), program.c_str(), mode.c_str(), path.c_str(), static_cast<char*>(nullptr));
    _exit(127);
  }
  close(ends[1]);
  output_ = fdopen(ends[0], "r");
}

WriterProcess::~WriterProcess() {
  kill();
  std::fclose(output_);
}

std::string WriterProcess::line() {
  char text[256];
  if (std::fgets(text, sizeof(text), output_) == nullptr) return "";
  std::string result(text);
  if (!result.empty() && result.back() == '\n') result.pop_back();
  return result;
}

void WriterProcess::kill() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

}  // namespace lacuna::test
