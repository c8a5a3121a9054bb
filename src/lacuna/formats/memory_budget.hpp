// How much memory a reader may take for what a file describes, in proportion to the file.
//
// A pickle of one-byte opcodes can describe objects many times its size. Readers charge what they are about to
// allocate; an honest file stays far below the budget, since it brings its tensors' bytes along.
#pragma once

#include "lacuna/formats/byte_source.hpp"

namespace lacuna {

class MemoryBudget {
 public:
  static constexpr std::uint64_t kBaseBytes = std::uint64_t{40} << 20;
  static constexpr std::uint64_t kBytesPerFileByte = 2;

  explicit MemoryBudget(std::uint64_t file_bytes) : left_(kBaseBytes + kBytesPerFileByte * file_bytes) {}

  void charge(std::uint64_t bytes, const ByteSource& source, std::uint64_t offset) {
    if (bytes > left_) {
      source.fail(offset, "the file describes more objects than an honest file of its size", ErrorCode::limit_exceeded);
    }
    left_ -= bytes;
  }

 private:
  std::uint64_t left_;
};

}  // namespace lacuna
