// PyTorch and NumPy as oracles: what they make of a file, as lines of text (pt_oracle.py and npy_oracle.py say which).
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "lacuna/formats/tensor_archive.hpp"

namespace lacuna::test {

bool has_oracle();
std::vector<std::string> run_oracle(const std::string& script, const std::string& command,
                                    const std::vector<std::filesystem::path>& arguments);

// Our own lines for a file: `file \t ?`, then one per tensor.
std::vector<std::string> describe_archive(const std::string& file, const TensorArchive& archive);

std::map<std::string, std::vector<std::string>> lines_by_file(const std::vector<std::string>& lines);
std::vector<std::string> read_lines(const std::filesystem::path& path);

// Row-major values of a view as T.
template <typename T>
std::vector<T> view_values(const TensorView& view) {
  std::vector<T> out(static_cast<std::size_t>(view.numel()));
  copy_contiguous(view, reinterpret_cast<std::byte*>(out.data()));
  return out;
}

}  // namespace lacuna::test

#define LACUNA_REQUIRE_ORACLE()      \
  if (!::lacuna::test::has_oracle()) \
  GTEST_SKIP() << "needs the Python environment of packaging/setup.sh (.deps/oracle), absent"
