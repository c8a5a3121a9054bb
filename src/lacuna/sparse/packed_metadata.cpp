#include "lacuna/sparse/packed_metadata.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "lacuna/core/error.hpp"
#include "lacuna/formats/json_cursor.hpp"
#include "lacuna/formats/json_text.hpp"
#include "lacuna/formats/packed_mark.hpp"
#include "lacuna/formats/printable.hpp"

namespace lacuna {
namespace {

const std::string kVersionKey = "lacuna.version";
const std::string kMatricesKey = "lacuna.packed";
constexpr std::uint64_t kMaxExtent = std::uint64_t{1} << 31;  // rows, columns: sizes stay far from overflow

Error damaged(const TensorArchive& archive, const std::string& message) {
  Error error(ErrorCode::corrupt_file, message);
  error.at(archive.files.front()->path());
  return error;
}

std::int64_t extent(JsonCursor& json) {
  const std::uint64_t value = json.unsigned_integer();
  if (value == 0 || value >= kMaxExtent)
    json.fail(fmt::format("expected an extent from 1 to {}, found {}", kMaxExtent - 1, value));
  return static_cast<std::int64_t>(value);
}

void parse_shape(JsonCursor& json, PackingPlan& plan) {
  json.begin_array();
  std::vector<std::int64_t> extents;
  while (json.next_item()) extents.push_back(extent(json));
  if (extents.size() != 2) json.fail(fmt::format("expected a shape of two extents, found {}", extents.size()));
  plan.rows = extents[0];
  plan.cols = extents[1];
}

bool is_digest(const std::string& text) {
  const auto hexadecimal = [](char c) { return ('0' <= c && c <= '9') || ('a' <= c && c <= 'f'); };
  return text.size() == 64 && std::all_of(text.begin(), text.end(), hexadecimal);
}

PackedEntry parse_entry(JsonCursor& json, const std::string& name) {
  PackedEntry entry;
  entry.name = name;
  std::string layout;
  std::string key;
  std::set<std::string> seen;
  json.begin_object();
  while (json.next_key(key)) {
    if (!seen.insert(key).second) json.fail(fmt::format("key {} twice", printable(key)));
    if (key == "layout") {
      layout = json.string();
    } else if (key == "shape") {
      parse_shape(json, entry.plan);
    } else if (key == "kept" || key == "group") {
      const std::uint64_t value = std::min<std::uint64_t>(json.unsigned_integer(), 1U << 20U);
      (key == "kept" ? entry.plan.layout.kept : entry.plan.layout.group) = static_cast<int>(value);
    } else if (key == "sha256") {
      entry.digest = json.string();
    } else {
      json.fail(fmt::format("unknown key {}", printable(key)));
    }
  }
  const bool grouped = layout == "grouped" && is_valid_grouping(entry.plan.layout.kept, entry.plan.layout.group);
  const bool bitmap = layout == "bitmap" && entry.plan.layout.kept == 0 && entry.plan.layout.group == 0;
  if (!grouped && !bitmap) json.fail(fmt::format("{} has no layout that Lacuna knows", printable(name)));
  if (entry.plan.rows == 0) json.fail(fmt::format("{} has no shape", printable(name)));
  if (!is_digest(entry.digest)) json.fail(fmt::format("{} has no SHA-256", printable(name)));
  return entry;
}

std::string entry_json(const PackedEntry& entry) {
  const PackedLayout& layout = entry.plan.layout;
  const std::string kind = layout.grouped()
                               ? fmt::format(R"("layout":"grouped","kept":{},"group":{})", layout.kept, layout.group)
                               : R"("layout":"bitmap")";
  return fmt::format(R"({}:{{{},"shape":[{},{}],"sha256":"{}"}})", json_text(entry.name), kind, entry.plan.rows,
                     entry.plan.cols, entry.digest);
}

}  // namespace

std::vector<PackedEntry> parse_packed_metadata(const TensorArchive& archive) {
  const auto version = archive.metadata.find(kVersionKey);
  if (version == archive.metadata.end() || version->second != "1") {
    throw Error(ErrorCode::unsupported_format,
                fmt::format("expected a packed file of version 1, got {}",
                            version == archive.metadata.end() ? "none" : printable(version->second)))
        .at(archive.files.front()->path());
  }
  const auto text = archive.metadata.find(kMatricesKey);
  if (text == archive.metadata.end()) throw damaged(archive, "the packed file lacks its lacuna.packed");
  std::vector<PackedEntry> entries;
  std::set<std::string> names;
  JsonCursor json(text->second, archive.files.front()->path());
  std::string name;
  json.begin_object();
  while (json.next_key(name)) {
    if (!names.insert(name).second) throw damaged(archive, fmt::format("lacuna.packed has {} twice", printable(name)));
    entries.push_back(parse_entry(json, name));
  }
  json.finish();
  return entries;
}

void add_packed_metadata(const std::vector<PackedEntry>& entries, std::map<std::string, std::string>& metadata) {
  std::string json = "{";
  for (const auto& entry : entries) json += (json.size() > 1 ? "," : "") + entry_json(entry);
  metadata[kPackedFormatKey] = kPackedFormat;
  metadata[kVersionKey] = "1";
  metadata[kMatricesKey] = json + "}";
}

void erase_packed_metadata(std::map<std::string, std::string>& metadata) {
  for (const auto& key : {std::string(kPackedFormatKey), kVersionKey, kMatricesKey}) metadata.erase(key);
}

}  // namespace lacuna
