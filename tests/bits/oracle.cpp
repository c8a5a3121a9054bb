#include "oracle.hpp"

#include <cstdio>
#include <fstream>
#include <memory>
#include <stdexcept>

#include "support/shared_data.hpp"

namespace lacuna::test {

std::optional<std::vector<std::string>> run_oracle(const std::vector<std::string>& arguments) {
  const auto python = source_path(".deps/oracle/bin/python");
  if (!std::filesystem::exists(python)) return std::nullopt;
  std::string command = python.string() + " " + source_path("tests/bits/oracle.py").string();
  for (const auto& argument : arguments) command += " '" + argument + "'";
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  if (!pipe) throw std::runtime_error("cannot run " + command);
  std::vector<std::string> lines;
  char line[256];
  while (std::fgets(line, sizeof(line), pipe.get()) != nullptr) {
    std::string text(line);
    if (!text.empty() && text.back() == '\n') text.pop_back();
    lines.push_back(std::move(text));
  }
  if (lines.empty()) throw std::runtime_error("no output from " + command);
  return lines;
}

}  // namespace lacuna::test
