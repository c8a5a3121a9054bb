// What Lacuna says of safetensors files, for safetensors_oracle_test.py.
//
//   safetensors_verdicts read FOLDER   for each file, in name order: NAME, then "refused CODE", or the tensors as
//                                      NAME DTYPE SHAPE SHA256, tab-separated, and an empty line
//   safetensors_verdicts copy IN OUT   reads IN and writes its tensors and metadata to OUT
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <vector>

#include "lacuna/core/digest.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/formats/json_text.hpp"
#include "lacuna/formats/safetensors.hpp"
#include "lacuna/formats/safetensors_writer.hpp"

namespace {

void print_verdict(const std::filesystem::path& path) {
  fmt::print("{}\n", path.filename().string());
  try {
    for (const auto& [name, view] : lacuna::read_safetensors(path).tensors) {
      fmt::print("{}\t{}\t{}\t{}\n", lacuna::json_text(name), lacuna::safetensors_name(view.dtype),
                 lacuna::shape_text(view.shape), lacuna::sha256_hex({view.data, view.bytes()}));
    }
  } catch (const lacuna::Error& error) {
    fmt::print("refused {}\n", lacuna::error_code_info(error.code()).id);
  }
  fmt::print("\n");
}

int run(const std::vector<std::string>& arguments) {
  if (arguments.size() == 2 && arguments[0] == "read") {
    std::vector<std::filesystem::path> paths;
    for (const auto& entry : std::filesystem::directory_iterator(arguments[1])) paths.push_back(entry.path());
    std::sort(paths.begin(), paths.end());
    for (const auto& path : paths) print_verdict(path);
    return 0;
  }
  if (arguments.size() == 3 && arguments[0] == "copy") {
    const auto archive = lacuna::read_safetensors(arguments[1]);
    lacuna::write_safetensors(arguments[2], archive.tensors, archive.metadata);
    return 0;
  }
  fmt::print(stderr, "usage: safetensors_verdicts read FOLDER | copy IN OUT\n");
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
