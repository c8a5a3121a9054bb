// Finding the central directory of a zip archive, in 32 and 64 bits.
#include <fmt/format.h>

#include <algorithm>

#include "lacuna/core/checked.hpp"
#include "lacuna/formats/zip_reader.hpp"

namespace lacuna {
namespace {

using namespace std::string_view_literals;

constexpr auto kEndSignature = "PK\5\6"sv;
constexpr auto kZip64EndSignature = "PK\6\6"sv;
constexpr auto kZip64LocatorSignature = "PK\6\7"sv;
constexpr std::uint64_t kEndBytes = 22;
constexpr std::uint64_t kLocatorBytes = 20;
constexpr std::uint64_t kZip64EndBytes = 56;
constexpr std::uint64_t kMaxCommentBytes = 0xffff;
constexpr std::uint64_t kMinEntryBytes = 46;

// The end record must be the last signature of its kind and reach exactly to the end of the file; readers that search
// less strictly find different records in the same file.
std::uint64_t find_end_record(const ByteSource& source) {
  if (source.size() < kEndBytes) {
    source.fail(source.size(), "zip archive: the file ends before an end record (truncated?)");
  }
  const std::uint64_t last = source.size() - kEndBytes;
  const std::uint64_t first = last - std::min(last, kMaxCommentBytes);
  for (std::uint64_t at = last + 1; at-- > first;) {
    if (!source.starts_with(kEndSignature, at)) continue;
    const std::uint64_t comment = source.u16(at + 20, "zip comment length");
    if (comment != last - at) {
      source.fail(at, fmt::format("zip end record: expected it to end the file, but {} bytes follow and it announces a "
                                  "comment of {}",
                                  last - at, comment));
    }
    return at;
  }
  source.fail(source.size(), "zip archive: no end record (truncated file?)");
}

void require_field(const ByteSource& source, std::uint64_t at, std::string_view what, std::uint64_t narrow,
                   std::uint64_t saturated, std::uint64_t wide) {
  if (narrow != saturated && narrow != wide) {
    source.fail(at, fmt::format("zip end records disagree about {}: {} and, in 64 bits, {}", what, narrow, wide));
  }
}

ZipDirectory narrow_directory(const ByteSource& source, std::uint64_t end) {
  ZipDirectory directory;
  directory.entries = source.u16(end + 10, "zip entry count");
  directory.bytes = source.u32(end + 12, "zip directory size");
  directory.offset = source.u32(end + 16, "zip directory offset");
  return directory;
}

// Returns where the zip64 end record starts.
std::uint64_t read_zip64_end(const ByteSource& source, std::uint64_t end, ZipDirectory& directory) {
  const std::uint64_t locator = end - kLocatorBytes;
  const std::uint64_t record = source.u64(locator + 8, "zip64 end record offset");
  if (source.u32(locator + 4, "zip64 disk") != 0 || source.u32(locator + 16, "zip64 disk count") != 1) {
    source.fail(locator, "zip archive over several disks", ErrorCode::unsupported_format);
  }
  if (!range_inside(record, kZip64EndBytes, locator) || !source.starts_with(kZip64EndSignature, record)) {
    source.fail(locator, fmt::format("zip64 locator: expected an end record at byte {}", record));
  }
  const std::uint64_t body = source.u64(record + 4, "zip64 end record size");
  if (body != locator - record - 12) {
    source.fail(record, fmt::format("zip64 end record: expected {} bytes, got {}", locator - record - 12, body));
  }
  if (source.u32(record + 16, "zip64 disk") != 0 || source.u32(record + 20, "zip64 directory disk") != 0) {
    source.fail(record, "zip archive over several disks", ErrorCode::unsupported_format);
  }
  ZipDirectory wide;
  wide.entries = source.u64(record + 32, "zip64 entry count");
  wide.bytes = source.u64(record + 40, "zip64 directory size");
  wide.offset = source.u64(record + 48, "zip64 directory offset");
  require_field(source, record, "the entries on this disk", source.u64(record + 24, "zip64 entries"), wide.entries,
                wide.entries);
  require_field(source, record, "the number of entries", directory.entries, 0xffff, wide.entries);
  require_field(source, record, "the directory's size", directory.bytes, 0xffffffff, wide.bytes);
  require_field(source, record, "the directory's offset", directory.offset, 0xffffffff, wide.offset);
  directory = wide;
  return record;
}

}  // namespace

ZipDirectory find_zip_directory(const ByteSource& source) {
  const std::uint64_t end = find_end_record(source);
  ZipDirectory directory = narrow_directory(source, end);
  std::uint64_t directory_end = end;
  if (end >= kLocatorBytes && source.starts_with(kZip64LocatorSignature, end - kLocatorBytes)) {
    directory_end = read_zip64_end(source, end, directory);
  }
  const auto one_disk = [&](std::uint64_t field) {
    const auto disk = source.u16(end + field, "zip disk number");
    return disk == 0 || disk == 0xffff;
  };
  if (!one_disk(4) || !one_disk(6)) {
    source.fail(end, "zip archive over several disks", ErrorCode::unsupported_format);
  }
  const auto here = source.u16(end + 8, "zip entries on this disk");
  if (here != 0xffff && here != directory.entries) {
    source.fail(end, fmt::format("zip end record: {} entries on this disk, {} in all", here, directory.entries));
  }
  if (checked_add(directory.offset, directory.bytes) != directory_end) {
    source.fail(end, fmt::format("zip directory: {} bytes at byte {}, expected it to end at byte {}", directory.bytes,
                                 directory.offset, directory_end));
  }
  if (directory.entries > directory.bytes / kMinEntryBytes) {
    source.fail(end,
                fmt::format("zip directory: {} entries cannot fit into {} bytes", directory.entries, directory.bytes));
  }
  if (directory.entries > kMaxZipMembers) {
    source.fail(end,
                fmt::format("zip archive of {} members, more than the {} allowed", directory.entries, kMaxZipMembers),
                ErrorCode::limit_exceeded);
  }
  return directory;
}

void apply_zip64_extra(const ByteSource& source, std::uint64_t offset, std::uint64_t length, Zip64Fields& fields) {
  const std::uint64_t end = offset + length;
  bool found = false;
  while (offset != end) {
    const auto overrun = [&] { source.fail(offset, "zip extra field runs over its end"); };
    if (end - offset < 4) overrun();
    const std::uint16_t id = source.u16(offset, "zip extra field");
    const std::uint16_t bytes = source.u16(offset + 2, "zip extra field");
    std::uint64_t at = offset + 4;
    if (bytes > end - at) overrun();
    const std::uint64_t next = at + bytes;
    if (id == 1) {
      if (found) source.fail(offset, "zip member with two zip64 fields");
      found = true;
      for (auto* field : {&fields.bytes, &fields.stored_bytes, &fields.header_offset}) {
        if (*field != 0xffffffff) continue;
        if (next - at < 8) source.fail(offset, "zip64 field: too short for what the header moves into it");
        *field = source.u64(at, "zip64 field");
        at += 8;
      }
    }
    offset = next;
  }
}

}  // namespace lacuna
