// Parse the header into entries (names, types, shapes, offsets as written), then prove that together they cover the
// data part of the file exactly once, and only then make views.
#include "lacuna/formats/safetensors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <optional>
#include <tuple>

#include "lacuna/core/checked.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/formats/allocation_guard.hpp"
#include "lacuna/formats/json_cursor.hpp"
#include "lacuna/formats/printable.hpp"

namespace lacuna {
namespace {

constexpr std::size_t kLengthBytes = 8;
constexpr std::array<std::string_view, 7> kKnownUnsupported = {"F4",          "F6_E2M3",     "F6_E3M2", "F8_E8M0",
                                                               "F8_E4M3FNUZ", "F8_E5M2FNUZ", "C64"};

struct Entry {
  std::uint64_t header_offset = 0;  // of the entry in the file, for messages
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  std::string name;
  DType dtype = DType::f32;
  Shape shape;
};

struct Header {
  std::vector<Entry> entries;
  std::map<std::string, std::string> metadata;
};

std::uint64_t length_field(std::span<const std::byte> file) {
  std::uint64_t length = 0;
  for (std::size_t i = 0; i < kLengthBytes; ++i) length |= std::to_integer<std::uint64_t>(file[i]) << (8 * i);
  return length;
}

std::string_view header_text(const MappedFile& file) {
  const auto bytes = file.bytes();
  const auto fail = [&](std::string message, std::uint64_t offset) {
    throw Error(ErrorCode::corrupt_file, std::move(message))
        .at(file.path(), offset)
        .hint("an interrupted download, or a Git LFS pointer instead of the file? Compare the file's size");
  };
  if (bytes.size() < kLengthBytes) {
    fail(fmt::format("expected the 8-byte header length of a safetensors file, got {} bytes", bytes.size()), 0);
  }
  const std::uint64_t length = length_field(bytes);
  if (length > kMaxSafetensorsHeaderBytes) {
    fail(fmt::format("header of {} bytes, more than the {} allowed", length, kMaxSafetensorsHeaderBytes), 0);
  }
  if (length > bytes.size() - kLengthBytes) {
    fail(fmt::format("header of {} bytes, but only {} follow", length, bytes.size() - kLengthBytes), 0);
  }
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + kLengthBytes, length);
  if (text.empty() || text[0] != '{') fail("the header does not begin with '{'", kLengthBytes);
  return text;
}

void read_metadata(JsonCursor& json, std::map<std::string, std::string>& metadata) {
  json.begin_object();
  std::string key;
  while (true) {
    const std::uint64_t offset = json.offset();
    if (!json.next_key(key)) return;
    auto value = json.string();
    if (!metadata.emplace(key, std::move(value)).second) {
      json.fail_at(fmt::format("repeated key {} in __metadata__", printable(key)), offset);
    }
  }
}

DType read_dtype(JsonCursor& json, const Entry& entry, const std::filesystem::path& path) {
  const std::uint64_t offset = json.offset();
  const std::string text = json.string();
  if (const auto dtype = dtype_from_safetensors(text)) return *dtype;
  if (std::find(kKnownUnsupported.begin(), kKnownUnsupported.end(), text) == kKnownUnsupported.end()) {
    json.fail_at(fmt::format("tensor {} has the unknown dtype {}", printable(entry.name), printable(text)), offset);
  }
  throw Error(ErrorCode::unsupported_dtype,
              fmt::format("tensor {} has dtype {}; supported are F64, F32, F16, BF16, F8_E4M3, F8_E5M2, "
                          "I64, I32, I16, I8, U64, U32, U16, U8 and BOOL",
                          printable(entry.name), text))
      .at(path, offset);
}

Shape read_shape(JsonCursor& json, const Entry& entry, const std::filesystem::path& path) {
  const std::uint64_t offset = json.offset();
  Shape shape;
  json.begin_array();
  while (json.next_item()) {
    const std::uint64_t extent = json.unsigned_integer();
    if (extent > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      json.fail_at(fmt::format("tensor {} has an extent of {}", printable(entry.name), extent), offset);
    }
    if (shape.size() == kMaxTensorRank) {
      throw Error(ErrorCode::limit_exceeded,
                  fmt::format("tensor {} has more than {} dimensions", printable(entry.name), kMaxTensorRank))
          .at(path, offset);
    }
    shape.push_back(static_cast<std::int64_t>(extent));
  }
  return shape;
}

void read_offsets(JsonCursor& json, Entry& entry) {
  const std::uint64_t offset = json.offset();
  const auto fail = [&] { json.fail_at("data_offsets must hold two numbers, begin and end", offset); };
  json.begin_array();
  if (!json.next_item()) fail();
  entry.begin = json.unsigned_integer();
  if (!json.next_item()) fail();
  entry.end = json.unsigned_integer();
  if (json.next_item()) fail();
}

Entry read_entry(JsonCursor& json, std::string name, std::uint64_t header_offset, const std::filesystem::path& path) {
  Entry entry;
  entry.name = std::move(name);
  entry.header_offset = header_offset;
  bool has_dtype = false;
  bool has_shape = false;
  bool has_offsets = false;
  std::string key;
  json.begin_object();
  while (true) {
    const std::uint64_t offset = json.offset();
    if (!json.next_key(key)) break;
    const auto once = [&](bool& seen) {
      if (seen)
        json.fail_at(fmt::format("tensor {} has the key {} twice", printable(entry.name), printable(key)), offset);
      seen = true;
    };
    if (key == "dtype") {
      once(has_dtype);
      entry.dtype = read_dtype(json, entry, path);
    } else if (key == "shape") {
      once(has_shape);
      entry.shape = read_shape(json, entry, path);
    } else if (key == "data_offsets") {
      once(has_offsets);
      read_offsets(json, entry);
    } else {
      json.fail_at(fmt::format("tensor {} has the unknown key {}", printable(entry.name), printable(key)), offset);
    }
  }
  if (!has_dtype || !has_shape || !has_offsets) {
    json.fail_at(fmt::format("tensor {} needs dtype, shape and data_offsets", printable(entry.name)), header_offset);
  }
  return entry;
}

Header read_header(std::string_view text, const std::filesystem::path& path) {
  Header header;
  JsonCursor json(text, path, kLengthBytes);
  bool has_metadata = false;
  std::string key;
  json.begin_object();
  while (true) {
    const std::uint64_t offset = json.offset();
    if (!json.next_key(key)) break;
    if (key == "__metadata__") {
      if (has_metadata) json.fail_at("repeated key '__metadata__'", offset);
      has_metadata = true;
      read_metadata(json, header.metadata);
      continue;
    }
    const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
    if (std::any_of(key.begin(), key.end(), control)) json.fail_at("control character in a tensor name", offset);
    if (header.entries.size() == kMaxSafetensorsTensors) {
      throw Error(ErrorCode::limit_exceeded, fmt::format("more than {} tensors", kMaxSafetensorsTensors))
          .at(path, offset);
    }
    header.entries.push_back(read_entry(json, std::move(key), offset, path));
  }
  json.finish();
  return header;
}

// Sorting keeps this O(n log n) whatever the names are; a hash table could be attacked with chosen collisions.
void require_unique_names(const std::vector<Entry>& entries, const std::filesystem::path& path) {
  std::vector<const Entry*> sorted;
  sorted.reserve(entries.size());
  for (const auto& entry : entries) sorted.push_back(&entry);
  std::sort(sorted.begin(), sorted.end(), [](const Entry* a, const Entry* b) {
    const int order = a->name.compare(b->name);
    return order != 0 ? order < 0 : a->header_offset < b->header_offset;
  });
  const auto twin = std::adjacent_find(sorted.begin(), sorted.end(),
                                       [](const Entry* a, const Entry* b) { return a->name == b->name; });
  if (twin != sorted.end()) {
    const Entry& repeated = **std::next(twin);
    throw Error(ErrorCode::corrupt_file, fmt::format("tensor {} appears twice", printable(repeated.name)))
        .at(path, repeated.header_offset);
  }
}

// Bytes of a tensor; absent when the extents other than zero, times the element size, leave the signed 64-bit range, so
// that later arithmetic on shapes and strides cannot overflow.
std::optional<std::uint64_t> tensor_bytes(const Entry& entry) {
  std::uint64_t bytes = dtype_bytes(entry.dtype);
  bool empty = false;
  for (const auto extent : entry.shape) {
    empty = empty || extent == 0;
    const auto next = checked_mul(bytes, static_cast<std::uint64_t>(std::max<std::int64_t>(extent, 1)));
    if (!next || *next > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return std::nullopt;
    bytes = *next;
  }
  return empty ? 0 : bytes;
}

// Each entry starts where the one before ended, is as long as its shape says, and the last ends with the file.
void require_exact_cover(const std::vector<Entry>& entries, std::uint64_t data_bytes, std::uint64_t data_start,
                         const std::filesystem::path& path) {
  std::uint64_t expected = 0;
  for (const auto& entry : entries) {
    const auto fail = [&](const std::string& message) {
      throw Error(ErrorCode::corrupt_file, fmt::format("tensor {} {}", printable(entry.name), message))
          .at(path, entry.header_offset);
    };
    if (entry.end < entry.begin) fail(fmt::format("ends at {}, before it begins at {}", entry.end, entry.begin));
    if (entry.end > data_bytes) {
      fail(fmt::format("ends at data offset {}, but the file holds {} data bytes", entry.end, data_bytes));
    }
    if (entry.begin < expected) fail(fmt::format("overlaps: begins at {}, expected {}", entry.begin, expected));
    if (entry.begin > expected) fail(fmt::format("leaves a hole: begins at {}, expected {}", entry.begin, expected));
    const auto bytes = tensor_bytes(entry);
    if (!bytes) fail(fmt::format("has the shape {}, whose size overflows", shape_text(entry.shape)));
    if (*bytes != entry.end - entry.begin) {
      fail(fmt::format("has {} data bytes, but {} {} needs {}", entry.end - entry.begin, safetensors_name(entry.dtype),
                       shape_text(entry.shape), *bytes));
    }
    expected = entry.end;
  }
  if (expected != data_bytes) {
    throw Error(ErrorCode::corrupt_file, fmt::format("{} bytes after the last tensor", data_bytes - expected))
        .at(path, data_start + expected);
  }
}

TensorArchive read_checked(std::shared_ptr<const MappedFile> file) {
  const auto text = header_text(*file);
  auto header = read_header(text, file->path());
  auto& entries = header.entries;
  require_unique_names(entries, file->path());
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::tie(a.begin, a.end, a.header_offset) < std::tie(b.begin, b.end, b.header_offset);
  });
  const auto data = file->bytes().subspan(kLengthBytes + text.size());
  require_exact_cover(entries, data.size(), kLengthBytes + text.size(), file->path());

  TensorArchive archive;
  archive.format = FileFormat::safetensors;
  archive.metadata = std::move(header.metadata);
  archive.tensors.reserve(entries.size());
  for (auto& entry : entries) {
    archive.tensors.push_back(
        {std::move(entry.name), make_tensor_view(entry.dtype, std::move(entry.shape), data.data() + entry.begin)});
  }
  archive.files.push_back(std::move(file));
  return archive;
}

}  // namespace

TensorArchive read_safetensors(const std::filesystem::path& path) {
  return guard_allocation(path, [&] { return read_checked(MappedFile::open(path)); });
}

TensorArchive read_safetensors(std::shared_ptr<const MappedFile> file) {
  return guard_allocation(file->path(), [&] { return read_checked(file); });
}

bool looks_like_safetensors(std::span<const std::byte> file) {
  return file.size() > kLengthBytes && length_field(file) <= kMaxSafetensorsHeaderBytes &&
         file[kLengthBytes] == std::byte{'{'};
}

std::span<const std::byte> safetensors_header(const MappedFile& file) {
  return file.bytes().first(kLengthBytes + header_text(file).size());
}

}  // namespace lacuna
