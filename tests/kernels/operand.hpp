// A random f32 matrix whose rows lie further apart than they are long.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/random_values.hpp"
#include "lacuna/core/tensor.hpp"

namespace lacuna::test {

struct Operand {
  std::vector<float> values;
  std::int64_t rows;
  std::int64_t cols;
  std::int64_t stride;
  Operand(std::int64_t r, std::int64_t c, std::uint64_t seed)
      : values(normal_values(static_cast<std::size_t>(r * (c + 5)), seed)), rows(r), cols(c), stride(c + 5) {}
  MatrixView<const float> view() const { return {values.data(), rows, cols, stride}; }
  MatrixView<float> view() { return {values.data(), rows, cols, stride}; }
};

}  // namespace lacuna::test
