#include "lacuna/formats/shard_index.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "lacuna/core/atomic_file.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/formats/allocation_guard.hpp"
#include "lacuna/formats/json_cursor.hpp"
#include "lacuna/formats/json_text.hpp"
#include "lacuna/formats/printable.hpp"

namespace lacuna {
namespace {
namespace fs = std::filesystem;

void read_weight_map(JsonCursor& json, const fs::path& path, ShardIndex& index) {
  std::vector<std::pair<std::string, std::uint64_t>> seen;  // name and where; sorted below to find repetitions
  std::string name;
  json.begin_object();
  while (true) {
    const std::uint64_t offset = json.offset();
    if (!json.next_key(name)) break;
    if (index.weight_map.size() == kMaxIndexTensors) {
      throw Error(ErrorCode::limit_exceeded, fmt::format("more than {} tensors", kMaxIndexTensors)).at(path, offset);
    }
    seen.emplace_back(name, offset);
    index.weight_map.emplace_back(name, json.string());
  }
  std::sort(seen.begin(), seen.end());
  const auto twin =
      std::adjacent_find(seen.begin(), seen.end(), [](const auto& a, const auto& b) { return a.first == b.first; });
  if (twin != seen.end()) {
    json.fail_at(fmt::format("weight_map has the tensor {} twice", printable(twin->first)), std::next(twin)->second);
  }
}

bool is_plain_file_name(std::string_view name) {
  const auto plain = [](char c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return letter || (c >= '0' && c <= '9') || std::string_view("._-+=@,() ").find(c) != std::string_view::npos;
  };
  return !name.empty() && name.size() <= 255 && name.front() != '.' && std::all_of(name.begin(), name.end(), plain);
}

// models--o--n/snapshots/REV → models--o--n/blobs; empty for any other folder.
fs::path hub_blobs_of(const fs::path& folder) {
  const fs::path snapshots = folder.parent_path();
  const fs::path model = snapshots.parent_path();
  if (snapshots.filename() != "snapshots" || model.filename().string().rfind("models--", 0) != 0) return {};
  return model / "blobs";
}

}  // namespace

std::vector<std::string> ShardIndex::files() const {
  std::map<std::string_view, bool> seen;
  std::vector<std::string> files;
  for (const auto& [name, file] : weight_map) {
    if (seen.emplace(file, true).second) files.push_back(file);
  }
  return files;
}

ShardIndex parse_shard_index(std::string_view text, const fs::path& path) {
  return guard_allocation(path, [&] {
    ShardIndex index;
    JsonCursor json(text, path);
    bool has_map = false;
    bool has_metadata = false;
    std::string key;
    json.begin_object();
    while (true) {
      const std::uint64_t offset = json.offset();
      if (!json.next_key(key)) break;
      if (key == "weight_map") {
        if (has_map) json.fail_at("repeated key 'weight_map'", offset);
        has_map = true;
        read_weight_map(json, path, index);
      } else if (key == "metadata") {
        if (has_metadata) json.fail_at("repeated key 'metadata'", offset);
        has_metadata = true;
        index.metadata_json = std::string(json.skip_value());
      } else {
        json.skip_value();
      }
    }
    json.finish();
    if (!has_map) json.fail_at("expected the key 'weight_map'", 0);
    if (index.weight_map.empty()) json.fail_at("weight_map is empty", 0);
    if (index.files().size() > kMaxShards) {
      throw Error(ErrorCode::limit_exceeded, fmt::format("more than {} shards", kMaxShards)).at(path);
    }
    return index;
  });
}

ShardIndex read_shard_index(const fs::path& path) {
  const std::string text = guard_allocation(path, [&] { return read_file(path, kMaxIndexBytes); });
  return parse_shard_index(text, path);
}

void write_shard_index(const fs::path& path, const ShardIndex& index) {
  guard_allocation(path, [&] {
    std::string text = fmt::format("{{\n  \"metadata\": {},\n  \"weight_map\": {{", index.metadata_json);
    std::string_view separator = "\n";
    for (const auto& [name, file] : index.weight_map) {
      text += fmt::format("{}    {}: {}", separator, json_text(name), json_text(file));
      separator = ",\n";
    }
    write_file_atomic(path, text + "\n  }\n}\n");
  });
}

fs::path shard_path(const fs::path& index_path, std::string_view file) {
  const auto escape = [&](std::string_view why) {
    return Error(ErrorCode::path_escape, fmt::format("the index names the shard {}, {}", printable(file), why))
        .at(index_path)
        .hint("a shard is a file beside its index, named with letters, digits and ._-+=@,() only");
  };
  if (!is_plain_file_name(file)) throw escape("expected a plain file name");
  const fs::path folder = index_path.has_parent_path() ? index_path.parent_path() : fs::path(".");
  const fs::path path = folder / file;
  std::error_code failure;
  const fs::path target = fs::canonical(path, failure);
  if (failure) {
    throw Error(ErrorCode::not_found, fmt::format("the shard {} named by {} is missing ({})", printable(file),
                                                  index_path.filename().string(), failure.message()))
        .at(path)
        .hint("download the model again, or compare the folder's files with the index");
  }
  const fs::path real_folder = fs::canonical(folder, failure);
  const fs::path blobs = hub_blobs_of(real_folder);
  const bool inside = target.parent_path() == real_folder || (!blobs.empty() && target.parent_path() == blobs);
  if (!inside) throw escape(fmt::format("a link to {} outside the folder", target.string()));
  return path;
}

}  // namespace lacuna
