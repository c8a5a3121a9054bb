#include "lacuna/kernels/cholesky/cholesky.hpp"

#include <cblas.h>

#include <algorithm>
#include <cmath>

#include "lacuna/core/buffer.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/kernels/gemm/gemm.hpp"

namespace lacuna::kernels {
namespace {

constexpr std::int64_t kPanel = 256;  // columns of one long product
constexpr std::int64_t kStrip = 128;  // columns solved at once; half a panel
constexpr std::int64_t kLeaf = 32;    // below this the BLAS calls cost more than the loops

blasint narrow(std::int64_t n) { return static_cast<blasint>(n); }

// H = R·Rᵀ column by column from the last: R_jj = √(H_jj − Σ_{k>j} R_jk²), R_ij = (H_ij − Σ_{k>j} R_ik·R_jk) / R_jj.
bool factor_leaf(MatrixView<float> h) {
  for (std::int64_t j = h.rows - 1; j >= 0; --j) {
    float pivot = h(j, j);
    for (std::int64_t k = j + 1; k < h.cols; ++k) pivot -= h(j, k) * h(j, k);
    if (!(pivot > 0.0F) || !std::isfinite(pivot)) return false;
    const float root = std::sqrt(pivot);
    h(j, j) = root;
    for (std::int64_t i = 0; i < j; ++i) {
      float sum = h(i, j);
      for (std::int64_t k = j + 1; k < h.cols; ++k) sum -= h(i, k) * h(j, k);
      h(i, j) = sum / root;
    }
  }
  return true;
}

// H[:, first…middle) −= R[:, middle…end)·R[first…middle, middle…end)ᵀ, as far as the upper triangle goes.
void subtract_products(MatrixView<float> h, std::int64_t first, std::int64_t middle, std::int64_t end) {
  if (middle == end) return;
  gemm_nt(h.block(0, middle, middle, end - middle), h.block(first, middle - first, middle, end - middle),
          h.block(0, middle, first, middle - first), -1.0F, 1.0F);
}

// The half of n, rounded up to whole leaves so that large products start on cache lines.
std::int64_t split(std::int64_t n) { return (n / 2 + kLeaf - 1) / kLeaf * kLeaf; }

// [H11 H12; · H22] = R·Rᵀ:  R22·R22ᵀ = H22,  R12 = H12·R22⁻ᵀ,  R11·R11ᵀ = H11 − R12·R12ᵀ.
bool factor_diagonal_block(MatrixView<float> h) {
  const std::int64_t n = h.rows;
  if (n <= kLeaf) return factor_leaf(h);
  const std::int64_t first = split(n);
  const auto h11 = h.block(0, first, 0, first);
  const auto h12 = h.block(0, first, first, n - first);
  const auto h22 = h.block(first, n - first, first, n - first);
  if (!factor_diagonal_block(h22)) return false;
  cblas_strsm(CblasRowMajor, CblasRight, CblasUpper, CblasTrans, CblasNonUnit, narrow(h12.rows), narrow(h12.cols), 1.0F,
              h22.data, narrow(h22.row_stride), h12.data, narrow(h12.row_stride));
  cblas_ssyrk(CblasRowMajor, CblasUpper, CblasNoTrans, narrow(first), narrow(n - first), -1.0F, h12.data,
              narrow(h12.row_stride), 1.0F, h11.data, narrow(h11.row_stride));
  return factor_diagonal_block(h11);
}

// R[above, panel] = S[above, panel]·R_bb⁻ᵀ for a panel of at most kStrip columns, by a product with the inverse: BLAS
// solves with so small a triangle at a third of a product's speed.
void solve_above(MatrixView<float> above, MatrixView<const float> diagonal) {
  if (above.rows == 0) return;
  const std::int64_t width = diagonal.cols;
  auto inverse = Matrix<float>::zeroed(width, width);
  Matrix<float> sums(above.rows, width);
  for (std::int64_t i = 0; i < width; ++i) {
    for (auto j = i; j < width; ++j) inverse(i, j) = diagonal(i, j);
  }
  invert_upper(inverse.view());
  for (std::int64_t r = 0; r < above.rows; ++r) std::copy_n(above.row(r), width, sums.view().row(r));
  gemm_nt(sums.view(), inverse.view(), above);
}

// Columns [first, end) of H, which have received the products with all columns after them.
bool factor_panel(MatrixView<float> h, std::int64_t first, std::int64_t end) {
  const auto width = end - first;
  if (width <= kStrip) {
    const auto diagonal = h.block(first, width, first, width);
    if (!factor_diagonal_block(diagonal)) return false;
    solve_above(h.block(0, first, first, width), diagonal);
    return true;
  }
  const auto middle = first + kStrip;
  if (!factor_panel(h, middle, end)) return false;
  subtract_products(h, first, middle, end);
  return factor_panel(h, first, middle);
}

}  // namespace

// Panels of columns from the last to the first. A panel takes the products with all panels after it at once, one matrix
// product with a long inner dimension.
bool factor_upper(MatrixView<float> h) {
  LACUNA_ASSERT(h.rows == h.cols);
  for (std::int64_t end = h.cols; end > 0;) {
    const std::int64_t first = (end - 1) / kPanel * kPanel;
    subtract_products(h, first, end, h.cols);
    if (!factor_panel(h, first, end)) return false;
    end = first;
  }
  return true;
}

// [R11 R12; 0 R22]⁻¹ = [U11, −U11·R12·U22; 0, U22].
void invert_upper(MatrixView<float> r) {
  LACUNA_ASSERT(r.rows == r.cols);
  const std::int64_t n = r.rows;
  if (n == 0) return;
  if (n == 1) {
    r(0, 0) = 1.0F / r(0, 0);
    return;
  }
  const std::int64_t first = n <= kLeaf ? n / 2 : split(n);
  const auto r11 = r.block(0, first, 0, first);
  const auto r12 = r.block(0, first, first, n - first);
  const auto r22 = r.block(first, n - first, first, n - first);
  cblas_strsm(CblasRowMajor, CblasLeft, CblasUpper, CblasNoTrans, CblasNonUnit, narrow(r12.rows), narrow(r12.cols),
              -1.0F, r11.data, narrow(r11.row_stride), r12.data, narrow(r12.row_stride));
  cblas_strsm(CblasRowMajor, CblasRight, CblasUpper, CblasNoTrans, CblasNonUnit, narrow(r12.rows), narrow(r12.cols),
              1.0F, r22.data, narrow(r22.row_stride), r12.data, narrow(r12.row_stride));
  invert_upper(r11);
  invert_upper(r22);
}

void multiply_upper(MatrixView<float> b, MatrixView<const float> u) {
  LACUNA_ASSERT(u.rows == u.cols && b.cols == u.rows);
  if (b.rows == 0 || b.cols == 0) return;
  cblas_strmm(CblasRowMajor, CblasRight, CblasUpper, CblasNoTrans, CblasNonUnit, narrow(b.rows), narrow(b.cols), 1.0F,
              u.data, narrow(u.row_stride), b.data, narrow(b.row_stride));
}

}  // namespace lacuna::kernels
