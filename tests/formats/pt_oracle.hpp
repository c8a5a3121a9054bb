// PyTorch as an oracle: what torch makes of a .pt file, as lines of text (tests/formats/pt_oracle.py says which).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "lacuna/formats/tensor_archive.hpp"

namespace lacuna::test {

bool has_pt_oracle();
std::vector<std::string> run_pt_oracle(const std::string& command, const std::vector<std::filesystem::path>& arguments);

// Our own lines for a file: `file \t ?`, then one per tensor.
std::vector<std::string> describe_archive(const std::string& file, const TensorArchive& archive);

// Row-major values of a view as T.
template <typename T>
std::vector<T> view_values(const TensorView& view) {
  std::vector<T> out(static_cast<std::size_t>(view.numel()));
  copy_contiguous(view, reinterpret_cast<std::byte*>(out.data()));
  return out;
}

}  // namespace lacuna::test

#define LACUNA_REQUIRE_PT_ORACLE()      \
  if (!::lacuna::test::has_pt_oracle()) \
  GTEST_SKIP() << "needs the Python environment of packaging/setup.sh (.deps/oracle), absent"
