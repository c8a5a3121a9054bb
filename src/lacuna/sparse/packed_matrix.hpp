// One packed matrix of an opened file: held against its own structure, ready for the kernels.
//
//   rows()    what kernels/packed_gemv multiplies and kernels/expand unpacks; grouped layouts come as a bitmap too,
//             made when the file was read
//   unpack()  the dense matrix, bit for bit
//   verify()  the digest over its name, layout, shape and all its bytes, as its file says it must be
//
// Memory   values and bitmaps stay mapped; 8 bytes a row, and one bit per element for grouped layouts, are owned.
// Lifetime holds its file open; rows() is valid as long as the object.
// Threads  safe to read from any thread; unpack is parallel inside.
// Errors   verify: Error{corrupt_file} with the offset of the values.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "lacuna/core/buffer.hpp"
#include "lacuna/core/mapped_file.hpp"
#include "lacuna/kernels/expand/expand.hpp"
#include "lacuna/sparse/layout.hpp"
#include "lacuna/sparse/packer.hpp"

namespace lacuna {

class PackedMatrix {
 public:
  // Made in memory, owning all of it, with no file to verify; null where packing would not make the matrix smaller.
  // Throws out_of_memory; invalid_argument: not a matrix.
  static std::shared_ptr<const PackedMatrix> pack(std::string name, const TensorView& matrix);

  const std::string& name() const { return name_; }  // of the dense tensor
  const PackingPlan& plan() const { return plan_; }  // nonzeros: not counted here, equal to stored
  Shape shape() const { return {plan_.rows, plan_.cols}; }
  kernels::PackedRows rows() const;

  void unpack(std::byte* out) const { kernels::expand_rows(rows(), 0, plan_.rows, out); }  // plan().dense_bytes()
  void verify() const;

 private:
  friend class PackedReader;

  std::string name_;
  PackingPlan plan_;
  std::string digest_;
  std::span<const std::byte> structure_;  // of the file: bitmap or indices
  std::span<const std::byte> starts_;     // of the file; empty for grouped layouts
  std::span<const std::byte> values_;
  AlignedBuffer<std::uint8_t> bitmap_;  // grouped layouts
  AlignedBuffer<std::uint64_t> row_starts_;
  AlignedBuffer<std::byte> owned_values_;  // of a matrix made in memory
  std::shared_ptr<const MappedFile> file_;
};

}  // namespace lacuna
