// Any bytes as a zip archive: an Error, or members that lie apart inside the bytes and can all be extracted or refused.
#include <vector>

#include "lacuna/formats/zip_reader.hpp"
#include "touch_views.hpp"

namespace {

void extract_all(const lacuna::ZipReader& zip, std::size_t size) {
  constexpr std::uint64_t kLargest = 1 << 22;  // inflating more only costs time
  for (const auto& member : zip.members()) {
    if (zip.find(member.name) != &member) std::abort();
    if (member.data_offset > size || member.stored_bytes > size - member.data_offset) std::abort();
    if (member.bytes > kLargest) continue;
    std::vector<std::byte> out(member.bytes);
    try {
      zip.extract(member, out);
    } catch (const lacuna::Error& error) {
      lacuna::fuzz::require_proper(error, size);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    extract_all(lacuna::ZipReader(lacuna::ByteSource(std::as_bytes(std::span(data, size)), "fuzz")), size);
  } catch (const lacuna::Error& error) {
    lacuna::fuzz::require_proper(error, size);
  }
  return 0;
}
