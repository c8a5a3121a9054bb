#include "lacuna/kernels/gemm/gemm.hpp"

#include <omp.h>

#include <algorithm>
#include <vector>

#include "lacuna/core/dtype.hpp"
#include "lacuna/core/error.hpp"
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

std::string linear_algebra_description() { return onednn::version_text(); }

}  // namespace lacuna::kernels
