#include "python_oracle.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdio>
#include <fstream>
#include <memory>
#include <sstream>
#include <stdexcept>

#include "lacuna/core/digest.hpp"
#include "support/shared_data.hpp"

namespace lacuna::test {
namespace {

std::filesystem::path python() { return source_path(".deps/oracle/bin/python"); }

}  // namespace

bool has_oracle() { return std::filesystem::exists(python()); }

std::vector<std::string> run_oracle(const std::string& script, const std::string& command,
                                    const std::vector<std::filesystem::path>& arguments) {
  std::string line = fmt::format("OMP_NUM_THREADS=1 '{}' '{}' {}", python().string(),
                                 source_path("tests/formats/" + script).string(), command);
  for (const auto& argument : arguments) line += fmt::format(" '{}'", argument.string());
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(line.c_str(), "r"), pclose);
  if (!pipe) throw std::runtime_error("cannot run the oracle");
  std::string text;
  char buffer[4096];
  while (const std::size_t n = std::fread(buffer, 1, sizeof buffer, pipe.get())) text.append(buffer, n);
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string found; std::getline(stream, found);) lines.push_back(std::move(found));
  return lines;
}

std::vector<std::string> describe_archive(const std::string& file, const TensorArchive& archive) {
  std::vector<std::string> lines = {file + "\t?"};
  for (const auto& [name, view] : archive.tensors) {
    const auto bytes = [&] {
      std::vector<std::byte> out(view.bytes());
      copy_contiguous(view, out.data());
      return out;
    }();
    lines.push_back(fmt::format("{}\t{}\t{}\t{}\t{}", file, name, dtype_name(view.dtype), fmt::join(view.shape, ","),
                                sha256_hex(bytes)));
  }
  return lines;
}

std::map<std::string, std::vector<std::string>> lines_by_file(const std::vector<std::string>& lines) {
  std::map<std::string, std::vector<std::string>> files;
  for (const auto& line : lines) files[line.substr(0, line.find('\t'))].push_back(line);
  return files;
}

std::vector<std::string> read_lines(const std::filesystem::path& path) {
  std::vector<std::string> lines;
  std::ifstream stream(path);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

}  // namespace lacuna::test
