// Read the directory, hold every local header against it, prove that members are unique and disjoint; only then hand
// out payloads.
#include "lacuna/formats/zip_reader.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <numeric>

#include "lacuna/core/checked.hpp"
#include "lacuna/formats/printable.hpp"

namespace lacuna {
namespace {

using namespace std::string_view_literals;

constexpr auto kEntrySignature = "PK\1\2"sv;
constexpr auto kLocalSignature = "PK\3\4"sv;
constexpr std::uint64_t kEntryBytes = 46;
constexpr std::uint64_t kLocalBytes = 30;
constexpr std::uint16_t kDescriptorFlag = 1U << 3;
constexpr std::uint16_t kHarmlessFlags = kDescriptorFlag | 1U << 1 | 1U << 2 | 1U << 11;  // speed hints, UTF-8 names
constexpr std::uint32_t kSaturated = 0xffffffff;
constexpr std::uint32_t kFolderAttribute = 0x10;  // of MS-DOS; torch reads members that bear it as empty

struct Entry {
  ZipMember member;
  std::uint16_t flags = 0;
  std::uint64_t end = 0;  // of the directory entry
};

void require_supported(const ByteSource& source, std::uint64_t at, std::uint16_t flags, std::uint16_t method) {
  if ((flags & 1U) != 0) source.fail(at, "encrypted zip member", ErrorCode::unsupported_format);
  if ((flags & ~kHarmlessFlags) != 0) {
    source.fail(at, fmt::format("zip member with unknown flags {:#06x}", flags), ErrorCode::unsupported_format);
  }
  if (method != 0 && method != 8) {
    source.fail(at, fmt::format("zip compression method {}; supported are 0 (stored) and 8 (deflate)", method),
                ErrorCode::unsupported_format);
  }
}

void require_plausible_sizes(const ByteSource& source, std::uint64_t at, const ZipMember& member) {
  if (!member.deflated && member.stored_bytes != member.bytes) {
    source.fail(at, fmt::format("stored zip member {}: {} bytes in the file, {} announced", printable(member.name),
                                member.stored_bytes, member.bytes));
  }
  if (member.deflated && member.bytes / kMaxDeflateRatio > member.stored_bytes) {
    source.fail(at,
                fmt::format("zip member {}: {} deflated bytes cannot expand to the {} announced",
                            printable(member.name), member.stored_bytes, member.bytes),
                ErrorCode::limit_exceeded);
  }
}

Entry read_entry(const ByteSource& source, std::uint64_t at, std::uint64_t directory_end) {
  if (directory_end - at < kEntryBytes || !source.starts_with(kEntrySignature, at)) {
    source.fail(at, "expected an entry of the zip directory");
  }
  Entry entry;
  entry.flags = source.u16(at + 8, "zip flags");
  const std::uint16_t method = source.u16(at + 10, "zip method");
  require_supported(source, at, entry.flags, method);
  entry.member.deflated = method == 8;
  entry.member.crc = source.u32(at + 16, "zip CRC");
  Zip64Fields fields;
  fields.stored_bytes = source.u32(at + 20, "zip compressed size");
  fields.bytes = source.u32(at + 24, "zip size");
  const std::uint64_t name_bytes = source.u16(at + 28, "zip name length");
  const std::uint64_t extra_bytes = source.u16(at + 30, "zip extra length");
  const std::uint64_t comment_bytes = source.u16(at + 32, "zip comment length");
  if (source.u16(at + 34, "zip disk") != 0) {
    source.fail(at, "zip archive over several disks", ErrorCode::unsupported_format);
  }
  fields.header_offset = source.u32(at + 42, "zip header offset");
  entry.end = at + kEntryBytes + name_bytes + extra_bytes + comment_bytes;
  if (entry.end > directory_end) source.fail(at, "zip directory entry runs over the end of the directory");
  entry.member.name = source.text(at + kEntryBytes, name_bytes, "zip name");
  if (entry.member.name.empty() || entry.member.name.find('\0') != std::string::npos) {
    source.fail(at, fmt::format("zip member name {} is empty or holds a NUL", printable(entry.member.name)));
  }
  const bool folder_attribute = (source.u32(at + 38, "zip attributes") & kFolderAttribute) != 0;
  if (folder_attribute && entry.member.name.back() != '/') {
    source.fail(at, fmt::format("zip member {} is marked as a folder", printable(entry.member.name)));
  }
  apply_zip64_extra(source, at + kEntryBytes + name_bytes, extra_bytes, fields);
  entry.member.header_offset = fields.header_offset;
  entry.member.stored_bytes = fields.stored_bytes;
  entry.member.bytes = fields.bytes;
  require_plausible_sizes(source, at, entry.member);
  return entry;
}

}  // namespace

ZipReader::ZipReader(ByteSource source) : source_(std::move(source)) {
  const ZipDirectory directory = find_zip_directory(source_);
  members_.reserve(directory.entries);
  const std::uint64_t end = directory.offset + directory.bytes;
  std::uint64_t at = directory.offset;
  for (std::uint64_t i = 0; i < directory.entries; ++i) {
    Entry entry = read_entry(source_, at, end);
    check_local_header(entry.member, entry.flags, at, directory.offset);
    at = entry.end;
    members_.push_back(std::move(entry.member));
  }
  if (at != end) source_.fail(at, fmt::format("{} bytes after the last entry of the zip directory", end - at));
  require_disjoint_members();
  std::erase_if(members_, [](const ZipMember& member) { return member.name.back() == '/' && member.bytes == 0; });
  require_unique_names();
}

void ZipReader::check_local_header(ZipMember& member, std::uint16_t flags, std::uint64_t entry,
                                   std::uint64_t directory_offset) const {
  const std::uint64_t at = member.header_offset;
  const auto disagree = [&](std::string_view what) {
    source_.fail(at, fmt::format("zip member {}: local header and directory disagree about its {}",
                                 printable(member.name), what));
  };
  if (!range_inside(at, kLocalBytes, directory_offset) || !source_.starts_with(kLocalSignature, at)) {
    source_.fail(entry, fmt::format("zip member {}: expected its local header at byte {}", printable(member.name), at));
  }
  if (source_.u16(at + 6, "zip flags") != flags) disagree("flags");
  if (source_.u16(at + 8, "zip method") != (member.deflated ? 8 : 0)) disagree("method");
  const std::uint32_t crc = source_.u32(at + 14, "zip CRC");
  Zip64Fields sizes;
  sizes.stored_bytes = source_.u32(at + 18, "zip compressed size");
  sizes.bytes = source_.u32(at + 22, "zip size");
  const std::uint64_t name_bytes = source_.u16(at + 26, "zip name length");
  const std::uint64_t extra_bytes = source_.u16(at + 28, "zip extra length");
  const std::uint64_t data = at + kLocalBytes + name_bytes + extra_bytes;
  if (!range_inside(data, member.stored_bytes, directory_offset)) {
    source_.fail(at, fmt::format("zip member {}: {} bytes at byte {} reach into the directory at byte {}",
                                 printable(member.name), member.stored_bytes, data, directory_offset));
  }
  if (source_.text(at + kLocalBytes, name_bytes, "zip name") != member.name) disagree("name");
  apply_zip64_extra(source_, at + kLocalBytes + name_bytes, extra_bytes, sizes);
  const bool deferred = (flags & kDescriptorFlag) != 0;  // zeros here, the truth in a descriptor after the payload
  const auto agrees = [&](std::uint64_t local, std::uint64_t central) {
    return local == central || (deferred && (local == 0 || local == kSaturated));
  };
  if (!agrees(crc, member.crc)) disagree("CRC");
  if (!agrees(sizes.stored_bytes, member.stored_bytes) || !agrees(sizes.bytes, member.bytes)) disagree("size");
  member.data_offset = data;
}

void ZipReader::require_unique_names() {
  by_name_.resize(members_.size());
  std::iota(by_name_.begin(), by_name_.end(), 0U);
  std::sort(by_name_.begin(), by_name_.end(), [&](auto a, auto b) { return members_[a].name < members_[b].name; });
  const auto twin = std::adjacent_find(by_name_.begin(), by_name_.end(),
                                       [&](auto a, auto b) { return members_[a].name == members_[b].name; });
  if (twin != by_name_.end()) {
    source_.fail(std::max(members_[*twin].header_offset, members_[*std::next(twin)].header_offset),
                 fmt::format("zip archive holds {} twice", printable(members_[*twin].name)));
  }
}

void ZipReader::require_disjoint_members() const {
  std::vector<const ZipMember*> order;
  order.reserve(members_.size());
  for (const auto& member : members_) order.push_back(&member);
  std::sort(order.begin(), order.end(),
            [](const auto* a, const auto* b) { return a->header_offset < b->header_offset; });
  for (std::size_t i = 1; i < order.size(); ++i) {
    const ZipMember& before = *order[i - 1];
    if (order[i]->header_offset < before.data_offset + before.stored_bytes) {
      source_.fail(order[i]->header_offset,
                   fmt::format("zip members {} and {} overlap", printable(before.name), printable(order[i]->name)));
    }
  }
}

const ZipMember* ZipReader::find(std::string_view name) const {
  const auto found = std::lower_bound(by_name_.begin(), by_name_.end(), name, [&](auto index, std::string_view wanted) {
    return members_[index].name < wanted;
  });
  return found == by_name_.end() || members_[*found].name != name ? nullptr : &members_[*found];
}

std::span<const std::byte> ZipReader::stored(const ZipMember& member) const {
  if (member.deflated) {
    source_.fail(member.header_offset,
                 fmt::format("zip member {} is compressed; expected it to be stored", printable(member.name)));
  }
  return source_.range(member.data_offset, member.stored_bytes, "zip payload");
}

namespace {

void require_crc(const ZipReader& zip, const ZipMember& member, std::span<const std::byte> bytes) {
  const auto crc = static_cast<std::uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
  if (crc == member.crc) return;
  zip.source().fail(member.data_offset, fmt::format("zip member {}: its CRC is {:#010x}, expected {:#010x}",
                                                    printable(member.name), crc, member.crc));
}

}  // namespace

void ZipReader::check_crc(const ZipMember& member) const { require_crc(*this, member, stored(member)); }

void ZipReader::extract(const ZipMember& member, std::span<std::byte> out) const {
  LACUNA_ASSERT(out.size() == member.bytes);
  if (member.deflated) {
    inflate_into(member, out);
  } else if (!out.empty()) {
    const auto bytes = stored(member);
    std::memcpy(out.data(), bytes.data(), bytes.size());
  }
  require_crc(*this, member, out);
}

void ZipReader::inflate_into(const ZipMember& member, std::span<std::byte> out) const {
  const auto in = source_.range(member.data_offset, member.stored_bytes, "zip payload");
  z_stream stream{};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) {
    throw Error(ErrorCode::out_of_memory, "not enough memory to inflate").at(source_.path());
  }
  std::uint64_t read = 0;
  std::uint64_t written = 0;
  int status = Z_OK;
  std::byte overflow{};  // one byte more than announced would be written here
  while (status == Z_OK) {
    constexpr std::uint64_t kChunk = std::numeric_limits<uInt>::max() / 2;
    const auto n_in = static_cast<uInt>(std::min<std::uint64_t>(in.size() - read, kChunk));
    const auto n_out = static_cast<uInt>(std::min<std::uint64_t>(out.size() - written, kChunk));
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(in.data() + read));
    stream.avail_in = n_in;
    stream.next_out = reinterpret_cast<Bytef*>(n_out == 0 ? &overflow : out.data() + written);
    stream.avail_out = n_out == 0 ? 1 : n_out;
    status = inflate(&stream, Z_NO_FLUSH);
    if (n_out == 0 && stream.avail_out == 0) status = Z_DATA_ERROR;
    read += n_in - stream.avail_in;
    if (n_out != 0) written += n_out - stream.avail_out;
  }
  inflateEnd(&stream);
  if (status != Z_STREAM_END || written != out.size() || read != in.size()) {
    source_.fail(member.data_offset + read,
                 fmt::format("zip member {}: damaged deflate stream ({} of {} bytes, {} of {} inflated)",
                             printable(member.name), read, in.size(), written, out.size()));
  }
}

}  // namespace lacuna
