#include "lacuna/kernels/cholesky/cholesky.hpp"

#include <algorithm>
#include <cmath>

#include "lacuna/core/buffer.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/kernels/gemm/gemm.hpp"

namespace lacuna::kernels {
namespace {

constexpr std::int64_t kPanel = 256;  // columns of one long product
constexpr std::int64_t kStrip = 128;  // columns solved at once; half a panel
constexpr std::int64_t kLeaf = 32;    // below this a product's call costs more than the loops

// The half of n, rounded up to whole leaves so that large products start on cache lines.
std::int64_t split(std::int64_t n) { return (n / 2 + kLeaf - 1) / kLeaf * kLeaf; }

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

// R12 = S12·R22⁻ᵀ in place, by a product with the inverse: a library's triangular solve is slow on so small a triangle.
void solve_above(MatrixView<float> above, MatrixView<const float> diagonal) {
  if (above.rows == 0) return;
  const std::int64_t width = diagonal.cols;
  Matrix<float> inverse(width, width);
  for (std::int64_t i = 0; i < width; ++i)
    std::copy(diagonal.row(i) + i, diagonal.row(i) + width, inverse.view().row(i) + i);
  invert_upper(inverse.view());
  Matrix<float> sums(above.rows, width);
  for (std::int64_t r = 0; r < above.rows; ++r) std::copy_n(above.row(r), width, sums.view().row(r));
  gemm_nt(sums.view(), inverse.view(), above);
}

// [H11 H12; · H22] = R·Rᵀ:  R22·R22ᵀ = H22,  R12 = H12·R22⁻ᵀ,  R11·R11ᵀ = H11 − R12·R12ᵀ.
bool factor_diagonal_block(MatrixView<float> h) {
  const std::int64_t n = h.rows;
  if (n <= kLeaf) return factor_leaf(h);
  const std::int64_t first = split(n);
  const auto h11 = h.block(0, first, 0, first);
  const auto h12 = h.block(0, first, first, n - first);
  const auto h22 = h.block(first, n - first, first, n - first);
  if (!factor_diagonal_block(h22)) return false;
  solve_above(h12, h22);
  gemm_nt(h12, h12, h11, -1.0F, 1.0F);
  return factor_diagonal_block(h11);
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

// Column by column: U_jj = 1/R_jj, U_ij = −U_jj·Σ_{i≤k<j} U_ik·R_kj.
void invert_leaf(MatrixView<float> r) {
  for (std::int64_t j = 0; j < r.cols; ++j) {
    const float diagonal = 1.0F / r(j, j);
    for (std::int64_t i = 0; i < j; ++i) {
      float sum = 0.0F;
      for (auto k = i; k < j; ++k) sum += r(i, k) * r(k, j);
      r(i, j) = -diagonal * sum;
    }
    r(j, j) = diagonal;
    std::fill_n(r.row(j), j, 0.0F);
  }
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
  if (n <= kLeaf) return invert_leaf(r);
  const std::int64_t first = split(n);
  const auto r11 = r.block(0, first, 0, first);
  const auto r12 = r.block(0, first, first, n - first);
  const auto r22 = r.block(first, n - first, first, n - first);
  invert_upper(r11);
  invert_upper(r22);
  Matrix<float> product(first, n - first);
  gemm_nn(r11, r12, product.view());
  gemm_nn(product.view(), r22, r12, -1.0F);
  for (auto i = first; i < n; ++i) std::fill_n(r.row(i), first, 0.0F);
}

}  // namespace lacuna::kernels
