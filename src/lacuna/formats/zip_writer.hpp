// Writes a zip archive front to back: members stored, each payload aligned to 64 bytes in the file, sizes in 64 bits
// where they must be.
//
//   [local header | name | padding in an extra field | payload | descriptor]* [directory] [zip64 end + locator]? [end]
//
// CRCs are known only after a payload has passed, so they stand in the descriptors and in the directory (as torch.save
// does it). Dates are zero: equal input gives equal bytes.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lacuna/formats/tensor_output.hpp"

namespace lacuna {

inline constexpr std::uint64_t kZipAlignment = 64;
inline constexpr std::uint64_t kZip64From = 0xffffffff;  // sizes and offsets from here on need 64 bits

class ZipWriter {
 public:
  // `out` is empty so far and outlives the writer. Tests lower `zip64_from` to write small zip64 archives.
  explicit ZipWriter(TensorOutput& out, std::uint64_t zip64_from = kZip64From) : out_(out), zip64_from_(zip64_from) {}

  void begin(std::string name, std::uint64_t bytes);  // a member of exactly so many bytes
  void write(std::span<const std::byte> bytes);
  void end();
  void add(std::string name, std::string_view content);
  void finish();  // writes the directory; committing is up to the owner of `out`

 private:
  struct Entry {
    std::string name;
    std::uint64_t header_offset = 0;
    std::uint64_t bytes = 0;
    std::uint32_t crc = 0;
  };
  bool is_wide(std::uint64_t value) const { return value >= zip64_from_; }
  void put(const std::string& bytes);
  std::string directory_entry(const Entry& entry) const;

  TensorOutput& out_;
  std::uint64_t zip64_from_;
  std::vector<Entry> entries_;
  std::uint64_t left_ = 0;  // bytes of the open member still to come
};

}  // namespace lacuna
