// A zip archive read in place: the container of .pt and .npz files.
//
//   [local header | name | extra | payload | descriptor?]* [central directory] [zip64 end + locator]? [end record]
//
// The central directory is the truth, and every local header must repeat it (method, name, and sizes and CRC unless a
// descriptor replaces them). Refused, because readers disagree about such files: bytes after the end record, a gap
// before it, repeated names, members that overlap each other or the directory, encrypted or multi-disk archives,
// methods other than STORED and DEFLATE, a deflated member that claims more than DEFLATE can expand to.
//
// Cost     O(members · log members); payloads are not touched until stored(), extract() or check_crc().
// Errors   corrupt_file, limit_exceeded, unsupported_format, with path and byte offset.
// Threads  const members are safe from any thread. The bytes must outlive the reader.
#pragma once

#include <optional>
#include <vector>

#include "lacuna/formats/byte_source.hpp"

namespace lacuna {

inline constexpr std::uint64_t kMaxZipMembers = 1 << 19;
inline constexpr std::uint64_t kMaxDeflateRatio = 1032;  // of DEFLATE itself: 258 bytes from two bits

struct ZipMember {
  std::string name;
  bool deflated = false;
  std::uint32_t crc = 0;
  std::uint64_t header_offset = 0;  // of the local header
  std::uint64_t data_offset = 0;    // of the payload
  std::uint64_t stored_bytes = 0;   // of the payload in the file
  std::uint64_t bytes = 0;          // of the payload once inflated
};

class ZipReader {
 public:
  explicit ZipReader(ByteSource source);

  const ByteSource& source() const { return source_; }
  const std::vector<ZipMember>& members() const { return members_; }  // directory order, folders left out
  const ZipMember* find(std::string_view name) const;                 // null when absent

  std::span<const std::byte> stored(const ZipMember& member) const;       // in place; corrupt_file when deflated
  void check_crc(const ZipMember& member) const;                          // of a stored member; reads all of it
  void extract(const ZipMember& member, std::span<std::byte> out) const;  // out.size() == member.bytes; CRC checked

 private:
  void check_local_header(ZipMember& member, std::uint16_t flags, std::uint64_t entry,
                          std::uint64_t directory_offset) const;
  void require_unique_names();
  void require_disjoint_members() const;
  void inflate_into(const ZipMember& member, std::span<std::byte> out) const;

  ByteSource source_;
  std::vector<ZipMember> members_;
  std::vector<std::uint32_t> by_name_;  // indices of members_, sorted by name
};

// Where the central directory lies (zip_directory.cpp).
struct ZipDirectory {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  std::uint64_t entries = 0;
};
ZipDirectory find_zip_directory(const ByteSource& source);

// The sizes and offset that zip64 moves into an extra field. Absent fields keep their 32-bit value.
struct Zip64Fields {
  std::uint64_t bytes = 0;
  std::uint64_t stored_bytes = 0;
  std::uint64_t header_offset = 0;
};
// Walks the extra fields in [offset, offset + length) and replaces the saturated (0xffffffff) members of `fields`.
void apply_zip64_extra(const ByteSource& source, std::uint64_t offset, std::uint64_t length, Zip64Fields& fields);

}  // namespace lacuna
