// Zip archives and .pt files assembled in memory, for tests; any header field can be made to lie.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace lacuna::test {

struct ZipPart {
  std::string name;
  std::string payload;  // as it stands in the file
  std::uint16_t method = 0;
  std::uint16_t flags = 0;
  std::uint16_t disk = 0;
  std::uint32_t attributes = 0;
  std::string local_extra = {};
  std::string extra = {};
  std::optional<std::string> local_name = {};
  std::optional<std::uint32_t> crc = {};  // of both headers; right when absent
  std::optional<std::uint32_t> local_crc = {};
  std::optional<std::uint32_t> stored_bytes = {};
  std::optional<std::uint32_t> bytes = {};  // announced size once inflated
  std::optional<std::uint32_t> local_bytes = {};
  std::optional<std::uint16_t> local_method = {};
  std::optional<std::uint16_t> local_flags = {};
  std::optional<std::uint32_t> header_offset = {};
};

struct ZipEnd {
  std::optional<std::uint16_t> entries = {};
  std::optional<std::uint32_t> directory_bytes = {};
  std::optional<std::uint32_t> directory_offset = {};
  std::uint16_t disk = 0;
  std::uint16_t comment_bytes = 0;  // announced
  std::string before = {};          // bytes between the directory and the end record
  std::string after = {};           // bytes after the end record
};

std::string zip_bytes(const std::vector<ZipPart>& parts, const ZipEnd& end = {});
std::string deflated(const std::string& bytes);
ZipPart deflated_part(std::string name, const std::string& content);

using Storages = std::vector<std::pair<std::string, std::string>>;  // key, bytes

// archive/data.pkl, archive/version and the storages.
std::vector<ZipPart> pt_parts(const std::string& pickle, const Storages& storages);
std::string pt_zip_bytes(const std::string& pickle, const Storages& storages = {});

// The legacy stream; element counts are given, since the stream stores them beside the bytes.
struct LegacyStorage {
  std::string key;
  std::uint64_t numel = 0;
  std::string bytes;
};
std::string pt_legacy_head();  // magic, protocol, machine
std::string pt_legacy_bytes(const std::string& pickle, const std::vector<LegacyStorage>& storages = {});

}  // namespace lacuna::test
