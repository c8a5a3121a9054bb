#include "lacuna/formats/zip_writer.hpp"

#include <zlib.h>

#include <algorithm>

#include "lacuna/core/error.hpp"

namespace lacuna {
namespace {

constexpr std::uint16_t kFlags = 1U << 3 | 1U << 11;  // CRC in a descriptor, UTF-8 names
constexpr std::uint64_t kLocalBytes = 30;
constexpr std::uint64_t kZip64LocalExtra = 20;
constexpr std::uint16_t kVersionNeeded = 45;  // zip64

// Little-endian; bytes beyond the eighth are zero.
void append(std::string& out, std::uint64_t value, unsigned bytes) {
  for (unsigned i = 0; i < bytes; ++i) out += static_cast<char>(i < 8 ? value >> (8 * i) : 0);
}

std::uint64_t narrow(std::uint64_t value, bool wide) { return wide ? 0xffffffff : value; }

}  // namespace

void ZipWriter::begin(std::string name, std::uint64_t bytes) {
  LACUNA_ASSERT(left_ == 0);
  if (name.size() > 0xffff) throw Error(ErrorCode::limit_exceeded, "a zip member name of more than 65535 bytes");
  Entry entry{std::move(name), out_.written(), bytes, static_cast<std::uint32_t>(crc32_z(0, nullptr, 0))};
  const bool wide = is_wide(bytes);
  const std::uint64_t zip64 = wide ? kZip64LocalExtra : 0;
  const std::uint64_t before = entry.header_offset + kLocalBytes + entry.name.size() + zip64 + 4;
  const std::uint64_t padding = (kZipAlignment - before % kZipAlignment) % kZipAlignment;
  std::string header = "PK\3\4";
  append(header, kVersionNeeded, 2);
  append(header, kFlags, 2);
  append(header, 0, 2 + 2 + 2 + 4);  // stored; time, date, CRC
  append(header, wide ? 0xffffffff : 0, 4);
  append(header, wide ? 0xffffffff : 0, 4);
  append(header, entry.name.size(), 2);
  append(header, zip64 + 4 + padding, 2);
  header += entry.name;
  if (wide) {
    append(header, 1, 2);
    append(header, 16, 2);
    append(header, bytes, 8);
    append(header, bytes, 8);
  }
  header += "FB";  // torch's own padding field
  append(header, padding, 2);
  header.append(padding, 'Z');
  put(header);
  left_ = bytes;
  entries_.push_back(std::move(entry));
}

void ZipWriter::write(std::span<const std::byte> bytes) {
  LACUNA_ASSERT(bytes.size() <= left_);
  auto& crc = entries_.back().crc;
  constexpr std::size_t kHot = std::size_t{1} << 20;  // checksummed and written while it is in the cache
  while (!bytes.empty()) {
    const auto chunk = bytes.first(std::min(bytes.size(), kHot));
    crc = static_cast<std::uint32_t>(crc32_z(crc, reinterpret_cast<const Bytef*>(chunk.data()), chunk.size()));
    out_.write(chunk);
    left_ -= chunk.size();
    bytes = bytes.subspan(chunk.size());
  }
}

void ZipWriter::end() {
  LACUNA_ASSERT(left_ == 0);
  const Entry& entry = entries_.back();
  const unsigned size_bytes = is_wide(entry.bytes) ? 8 : 4;
  std::string descriptor = "PK\7\10";
  append(descriptor, entry.crc, 4);
  append(descriptor, entry.bytes, size_bytes);
  append(descriptor, entry.bytes, size_bytes);
  put(descriptor);
}

void ZipWriter::add(std::string name, std::string_view content) {
  begin(std::move(name), content.size());
  write(std::as_bytes(std::span(content.data(), content.size())));
  end();
}

std::string ZipWriter::directory_entry(const Entry& entry) const {
  const bool wide_size = is_wide(entry.bytes);
  const bool wide_offset = is_wide(entry.header_offset);
  std::string extra;
  if (wide_size || wide_offset) {
    append(extra, 1, 2);
    append(extra, (wide_size ? 16 : 0) + (wide_offset ? 8 : 0), 2);
    if (wide_size) {
      append(extra, entry.bytes, 8);
      append(extra, entry.bytes, 8);
    }
    if (wide_offset) append(extra, entry.header_offset, 8);
  }
  std::string out = "PK\1\2";
  append(out, kVersionNeeded, 2);  // made by
  append(out, kVersionNeeded, 2);
  append(out, kFlags, 2);
  append(out, 0, 2 + 2 + 2);  // stored; time, date
  append(out, entry.crc, 4);
  append(out, narrow(entry.bytes, wide_size), 4);
  append(out, narrow(entry.bytes, wide_size), 4);
  append(out, entry.name.size(), 2);
  append(out, extra.size(), 2);
  append(out, 0, 2 + 2 + 2 + 4);  // comment, disk, attributes
  append(out, narrow(entry.header_offset, wide_offset), 4);
  return out + entry.name + extra;
}

void ZipWriter::finish() {
  const std::uint64_t offset = out_.written();
  for (const auto& entry : entries_) put(directory_entry(entry));
  const std::uint64_t end = out_.written();
  const std::uint64_t count = entries_.size();
  const bool wide = count >= 0xffff || is_wide(offset) || is_wide(end - offset);
  std::string tail;
  if (wide) {
    tail += "PK\6\6";
    append(tail, 44, 8);  // bytes that follow in this record
    append(tail, kVersionNeeded, 2);
    append(tail, kVersionNeeded, 2);
    append(tail, 0, 4 + 4);  // disks
    append(tail, count, 8);
    append(tail, count, 8);
    append(tail, end - offset, 8);
    append(tail, offset, 8);
    tail += "PK\6\7";
    append(tail, 0, 4);
    append(tail, end, 8);
    append(tail, 1, 4);
  }
  tail += "PK\5\6";
  append(tail, 0, 2 + 2);
  append(tail, std::min<std::uint64_t>(count, 0xffff), 2);
  append(tail, std::min<std::uint64_t>(count, 0xffff), 2);
  append(tail, narrow(end - offset, wide), 4);
  append(tail, narrow(offset, wide), 4);
  append(tail, 0, 2);
  put(tail);
}

void ZipWriter::put(const std::string& bytes) { out_.write(std::as_bytes(std::span(bytes.data(), bytes.size()))); }

}  // namespace lacuna
