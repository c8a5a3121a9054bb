#include "zip_bytes.hpp"

#include <zlib.h>

#include "pickle_bytes.hpp"

namespace lacuna::test {
namespace {

using pickle::little;

std::uint32_t crc_of(const std::string& bytes) {
  return static_cast<std::uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

}  // namespace

std::string zip_bytes(const std::vector<ZipPart>& parts, const ZipEnd& end) {
  std::string out;
  std::string directory;
  for (const auto& part : parts) {
    const auto size = static_cast<std::uint32_t>(part.payload.size());
    const std::uint32_t crc = part.crc.value_or(crc_of(part.payload));
    const std::uint32_t stored = part.stored_bytes.value_or(size);
    const std::uint32_t bytes = part.bytes.value_or(size);
    const std::string local_name = part.local_name.value_or(part.name);
    const std::uint32_t offset = part.header_offset.value_or(static_cast<std::uint32_t>(out.size()));
    out += "PK\3\4" + little(20, 2) + little(part.local_flags.value_or(part.flags), 2) +
           little(part.local_method.value_or(part.method), 2) + little(0, 4) + little(part.local_crc.value_or(crc), 4) +
           little(stored, 4) + little(part.local_bytes.value_or(bytes), 4) + little(local_name.size(), 2) +
           little(part.local_extra.size(), 2) + local_name + part.local_extra + part.payload;
    directory += "PK\1\2" + little(20, 2) + little(20, 2) + little(part.flags, 2) + little(part.method, 2) +
                 little(0, 4) + little(crc, 4) + little(stored, 4) + little(bytes, 4) + little(part.name.size(), 2) +
                 little(part.extra.size(), 2) + little(0, 2) + little(part.disk, 2) + little(0, 2) +
                 little(part.attributes, 4) + little(offset, 4) + part.name + part.extra;
  }
  const auto offset = end.directory_offset.value_or(static_cast<std::uint32_t>(out.size()));
  const auto entries = end.entries.value_or(static_cast<std::uint16_t>(parts.size()));
  return out + directory + end.before + "PK\5\6" + little(end.disk, 2) + little(0, 2) + little(entries, 2) +
         little(entries, 2) + little(end.directory_bytes.value_or(static_cast<std::uint32_t>(directory.size())), 4) +
         little(offset, 4) + little(end.comment_bytes, 2) + end.after;
}

std::string deflated(const std::string& bytes) {
  z_stream stream{};
  deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, bytes.size()) + 16, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

ZipPart deflated_part(std::string name, const std::string& content) {
  ZipPart part{std::move(name), deflated(content)};
  part.method = 8;
  part.crc = crc_of(content);
  part.bytes = static_cast<std::uint32_t>(content.size());
  return part;
}

std::vector<ZipPart> pt_parts(const std::string& pickle, const Storages& storages) {
  std::vector<ZipPart> parts = {{"archive/data.pkl", pickle}, {"archive/version", "3\n"}};
  for (const auto& [key, bytes] : storages) parts.push_back({"archive/data/" + key, bytes});
  return parts;
}

std::string pt_zip_bytes(const std::string& pickle, const Storages& storages) {
  return zip_bytes(pt_parts(pickle, storages));
}

std::string pt_legacy_head() {
  const std::string magic = "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
  return pickle::proto() + magic + pickle::proto() + pickle::integer(1001) + "." + pickle::proto() + "}" +
         pickle::text("little_endian") + "\x88s.";
}

std::string pt_legacy_bytes(const std::string& objects, const std::vector<LegacyStorage>& storages) {
  std::string out = pt_legacy_head() + objects + pickle::proto() + "](";
  for (const auto& storage : storages) out += pickle::text(storage.key);
  out += "e.";
  for (const auto& storage : storages) out += little(storage.numel, 8) + storage.bytes;
  return out;
}

}  // namespace lacuna::test
