// The header of an .npy array: a Python dict literal with the keys descr, fortran_order and shape, each once.
#pragma once

#include <optional>
#include <string_view>

#include "lacuna/core/tensor.hpp"
#include "lacuna/formats/byte_source.hpp"

namespace lacuna {

struct NpyHeader {
  DType dtype = DType::f32;
  bool fortran_order = false;
  Shape shape;
  std::uint64_t data_offset = 0;  // of the values, in the source
};

// The array lies in [begin, end) of the source.
NpyHeader read_npy_header(const ByteSource& source, std::uint64_t begin, std::uint64_t end);

std::optional<DType> npy_dtype(std::string_view code);  // "f4"; null for what Lacuna does not read

}  // namespace lacuna
