// scan_script_tree(): the walk over the scripts' folders.
#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "lacuna/core/error.hpp"
#include "lacuna/formats/allocation_guard.hpp"
#include "lacuna/formats/script_names.hpp"

namespace lacuna {
namespace {
namespace fs = std::filesystem;

constexpr std::size_t kMaxEntries = 1'000'000;
constexpr int kMaxDepth = 8;

// The nearest folder above the file, up to the root's own ancestors, that names a method and a pattern.
std::optional<ScriptFolderName> folder_of(const fs::path& file) {
  for (fs::path folder = file.parent_path(); !folder.filename().empty(); folder = folder.parent_path()) {
    if (auto name = parse_script_folder_name(folder.filename().string())) return name;
    if (!parse_layer_folder_name(folder.filename().string())) return std::nullopt;
  }
  return std::nullopt;
}

std::optional<ScriptFile> describe(const fs::path& absolute, const fs::path& path) {
  const auto name = parse_script_file_name(path.filename().string());
  if (!name) return std::nullopt;
  const auto folder = folder_of(absolute);
  ScriptFile file;
  file.method = folder ? folder->method : "";
  file.pattern = name->pattern.value_or(folder ? folder->pattern : SparsityPattern{});
  file.layer = name->layer;
  file.component = name->component;
  file.sparsity = name->sparsity;
  file.path = path;
  return file;
}

auto sort_key(const ScriptFile& file) {
  return std::tuple(file.method, file.pattern.m, file.pattern.n, file.sparsity.value_or(-1.0), file.layer,
                    file.component, file.path.string());
}

}  // namespace

std::vector<ScriptFile> scan_script_tree(const fs::path& root) {
  return guard_allocation(root, [&] {
    std::error_code failure;
    const fs::path base = fs::weakly_canonical(root, failure);
    fs::recursive_directory_iterator entry(root, failure);
    if (failure) throw errno_error(failure.value(), "list the folder", root);
    std::vector<ScriptFile> files;
    std::size_t entries = 0;
    for (const fs::recursive_directory_iterator end; entry != end; entry.increment(failure)) {
      if (++entries > kMaxEntries || entry.depth() > kMaxDepth) {
        throw Error(ErrorCode::limit_exceeded, fmt::format("more than {} entries or {} levels", kMaxEntries, kMaxDepth))
            .at(root);
      }
      std::error_code dangling;
      if (!entry->is_regular_file(dangling)) continue;
      if (auto file = describe(base / entry->path().lexically_relative(root), entry->path())) {
        files.push_back(std::move(*file));
      }
    }
    if (failure) throw errno_error(failure.value(), "list the folder", root);  // a failed step ends the walk
    std::sort(files.begin(), files.end(),
              [](const ScriptFile& a, const ScriptFile& b) { return sort_key(a) < sort_key(b); });
    return files;
  });
}

}  // namespace lacuna
