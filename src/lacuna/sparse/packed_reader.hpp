// Opening packed safetensors files (docs/formats/packed.md): every count is held against the bitmap before any kernel
// may read a value.
//
//   const PackedSet packed = PackedSet::open(checkpoint);         // empty for a dense model
//   if (const auto matrix = packed.find("model.layers.0.mlp.down_proj.weight")) …
//
// Checked  metadata, types and shapes of all parts; padding bits; row_starts against the bitmap's ones, and their total
//          against the values; indices that rise within their group; PackedSet::open also the SHA-256 of all bytes,
//          those of tensors that are not packed too, so that a changed weight is an error and not another model.
// Cost     reading bitmaps, or indices; PackedSet::open reads all bytes once, at the speed of SHA-256 times the
//          threads.
// Threads  parallel inside; the set is safe to read from any thread.
// Errors   corrupt_file with the byte offset; unsupported_format (another version); out_of_memory; file_changed.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "lacuna/formats/checkpoint.hpp"
#include "lacuna/sparse/packed_matrix.hpp"

namespace lacuna {

using PackedMatrixPtr = std::shared_ptr<const PackedMatrix>;

// All packed matrices of a file, in the order of its metadata; its digests are not computed.
std::vector<PackedMatrixPtr> read_packed(const TensorArchive& archive);

class PackedSet {
 public:
  static PackedSet open(const Checkpoint& checkpoint);

  bool empty() const { return matrices_.empty(); }
  const std::map<std::string, PackedMatrixPtr>& matrices() const { return matrices_; }
  PackedMatrixPtr find(const std::string& name) const;  // null when absent

 private:
  std::map<std::string, PackedMatrixPtr> matrices_;
};

}  // namespace lacuna
