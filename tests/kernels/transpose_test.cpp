#include "lacuna/kernels/transpose/transpose.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "support/isa_levels.hpp"

namespace lacuna::kernels {
namespace {

// Every element its own value; gaps between rows of both sides, which must stay as they are.
template <typename T>
void expect_exchanged(std::int64_t rows, std::int64_t cols) {
  const std::int64_t in_stride = cols + 3;
  const std::int64_t out_stride = rows + 5;
  std::vector<T> in(static_cast<std::size_t>(rows * in_stride));
  for (std::size_t i = 0; i < in.size(); ++i) in[i] = static_cast<T>(i * 2654435761U + 1);
  constexpr T kGap = 7;
  std::vector<T> out(static_cast<std::size_t>(cols * out_stride), kGap);
  transpose(MatrixView<const T>(in.data(), rows, cols, in_stride), MatrixView<T>(out.data(), cols, rows, out_stride));
  for (std::int64_t c = 0; c < cols; ++c) {
    for (std::int64_t r = 0; r < out_stride; ++r) {
      const T expected = r < rows ? in[static_cast<std::size_t>(r * in_stride + c)] : kGap;
      ASSERT_EQ(out[static_cast<std::size_t>(c * out_stride + r)], expected) << rows << "x" << cols << " at " << c;
    }
  }
}

TEST(Transpose, ExchangesRowsAndColumnsOfAnyShape) {
  for (const IsaLevel level : test::runnable_isa_levels()) {
    const test::ForcedIsaLevel forced(level);
    for (const std::int64_t rows : {1, 3, 4, 7, 8, 9, 63, 64, 65, 130}) {
      for (const std::int64_t cols : {1, 3, 4, 7, 8, 9, 63, 64, 65, 130}) {
        expect_exchanged<std::uint16_t>(rows, cols);
        expect_exchanged<std::uint32_t>(rows, cols);
      }
    }
  }
}

}  // namespace
}  // namespace lacuna::kernels
