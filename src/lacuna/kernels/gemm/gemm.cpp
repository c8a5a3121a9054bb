#include "lacuna/kernels/gemm/gemm.hpp"

#include <omp.h>

#include <algorithm>
#include <vector>

#include "lacuna/core/dtype.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/core/threads.hpp"
#include "lacuna/kernels/gemm/onednn.hpp"
#include "lacuna/kernels/gemv/gemv.hpp"

namespace lacuna::kernels {
namespace {

using onednn::Transpose;

bool empty(MatrixView<float> c) { return c.rows == 0 || c.cols == 0; }

// C = beta · C, for a product over no columns.
void scale(MatrixView<float> c, float beta) {
  for (std::int64_t r = 0; r < c.rows; ++r) {
    for (std::int64_t i = 0; i < c.cols; ++i) c(r, i) = beta == 0.0F ? 0.0F : beta * c(r, i);
  }
}

// The generated kernels (matmul) win on small and middle shapes; sgemm packs better where one operand is very wide, and
// has no set-up, which counts inside parallel regions. README.md has the figures.
void product(MatrixView<const float> a, MatrixView<const float> b, Transpose transpose_b, MatrixView<float> c,
             float alpha, float beta) {
  constexpr std::int64_t kWide = 4096;
  constexpr std::int64_t kTall = 128;
  const bool accumulates = beta != 0.0F && transpose_b == Transpose::no;
  if (alpha != 1.0F || accumulates || omp_in_parallel() != 0 || (c.cols >= kWide && c.rows >= kTall)) {
    onednn::sgemm(a, b, transpose_b, c, alpha, beta);
  } else {
    onednn::matmul(a, b, transpose_b, c, beta);
  }
}

// Copies one tile of the upper triangle, transposed, into the lower one. Tiles of 32×32 keep both sides in L1.
void mirror_tile(MatrixView<float> square, std::int64_t row0, std::int64_t col0, std::int64_t tile) {
  const std::int64_t row_end = std::min(row0 + tile, square.rows);
  const std::int64_t col_end = std::min(col0 + tile, square.cols);
  for (std::int64_t r = row0; r < row_end; ++r) {
    float* target = square.row(r);
    for (std::int64_t c = col0; c < std::min(col_end, r); ++c) target[c] = square(c, r);
  }
}

}  // namespace

void gemm_nt(MatrixView<const float> a, MatrixView<const float> b, MatrixView<float> c, float alpha, float beta) {
  LACUNA_ASSERT(a.cols == b.cols && a.rows == c.rows && b.rows == c.cols);
  if (empty(c)) return;
  if (a.cols == 0) return scale(c, beta);
  if (c.rows == 1) return gemv(b, a.data, c.data, alpha, beta);
  product(a, b, Transpose::yes, c, alpha, beta);
}

void gemm_nn(MatrixView<const float> a, MatrixView<const float> b, MatrixView<float> c, float alpha, float beta) {
  LACUNA_ASSERT(a.cols == b.rows && a.rows == c.rows && b.cols == c.cols);
  if (empty(c)) return;
  if (a.cols == 0) return scale(c, beta);
  product(a, b, Transpose::no, c, alpha, beta);
}

void gemm_nt_bf16(MatrixView<const std::uint16_t> a, MatrixView<const std::uint16_t> b, MatrixView<float> c,
                  float beta) {
  LACUNA_ASSERT(a.cols == b.cols && a.rows == c.rows && b.rows == c.cols);
  if (empty(c)) return;
  if (a.cols == 0) return scale(c, beta);
  if (c.rows > 1) return onednn::matmul(a, b, Transpose::yes, c, beta);
  std::vector<float> x(static_cast<std::size_t>(a.cols));
  std::transform(a.data, a.data + a.cols, x.begin(), bf16_to_f32);
  gemv_bf16(b, x.data(), c.data, 1.0F, beta);
}

// Strips of rows, each from its diagonal block on: as narrow as the library is still quick, for little is then done
// below the diagonal. README.md has the figures.
void gram_update_upper(MatrixView<const float> x, MatrixView<float> gram, float alpha, float beta) {
  LACUNA_ASSERT(gram.rows == gram.cols && gram.rows == x.cols);
  constexpr std::int64_t kStrip = 128;
  for (std::int64_t first = 0; first < gram.rows; first += kStrip) {
    const std::int64_t rows = std::min(kStrip, gram.rows - first);
    const std::int64_t columns = gram.cols - first;
    const auto strip = gram.block(first, rows, first, columns);
    if (x.rows == 0) {
      scale(strip, beta);
    } else {
      onednn::sgemm_tn(x.block(0, x.rows, first, rows), x.block(0, x.rows, first, columns), strip, alpha, beta);
    }
  }
}

void mirror_upper(MatrixView<float> square) {
  LACUNA_ASSERT(square.rows == square.cols);
  constexpr std::int64_t kTile = 32;
  const std::int64_t tiles = (square.rows + kTile - 1) / kTile;
  // Row of tiles i holds i + 1 of them: pairing i with its opposite gives every thread the same amount. (The middle row
  // of an odd number is its own opposite and is copied twice.)
  parallel_for((tiles + 1) / 2, 4, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = begin; i < end; ++i) {
      for (const std::int64_t row : {i, tiles - 1 - i}) {
        for (std::int64_t col = 0; col <= row; ++col) mirror_tile(square, row * kTile, col * kTile, kTile);
      }
    }
  });
}

void gram_update(MatrixView<const float> x, MatrixView<float> gram, float alpha, float beta) {
  gram_update_upper(x, gram, alpha, beta);
  mirror_upper(gram);
}

std::string linear_algebra_description() { return onednn::version_text(); }

}  // namespace lacuna::kernels
