#include "lacuna/kernels/gemm/gemm.hpp"

#include <cblas.h>

#include "lacuna/core/error.hpp"

namespace lacuna::kernels {
namespace {

blasint narrow(std::int64_t n) { return static_cast<blasint>(n); }

}  // namespace

void gemm_nt(MatrixView<const float> a, MatrixView<const float> b, MatrixView<float> c, float alpha, float beta) {
  LACUNA_ASSERT(a.cols == b.cols && a.rows == c.rows && b.rows == c.cols);
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, narrow(c.rows), narrow(c.cols), narrow(a.cols), alpha, a.data,
              narrow(a.row_stride), b.data, narrow(b.row_stride), beta, c.data, narrow(c.row_stride));
}

void gemm_nn(MatrixView<const float> a, MatrixView<const float> b, MatrixView<float> c, float alpha, float beta) {
  LACUNA_ASSERT(a.cols == b.rows && a.rows == c.rows && b.cols == c.cols);
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, narrow(c.rows), narrow(c.cols), narrow(a.cols), alpha, a.data,
              narrow(a.row_stride), b.data, narrow(b.row_stride), beta, c.data, narrow(c.row_stride));
}

void gram_update_upper(MatrixView<const float> x, MatrixView<float> gram, float alpha, float beta) {
  LACUNA_ASSERT(gram.rows == gram.cols && gram.rows == x.cols);
  cblas_ssyrk(CblasRowMajor, CblasUpper, CblasTrans, narrow(x.cols), narrow(x.rows), alpha, x.data,
              narrow(x.row_stride), beta, gram.data, narrow(gram.row_stride));
}

void gram_update(MatrixView<const float> x, MatrixView<float> gram, float alpha, float beta) {
  gram_update_upper(x, gram, alpha, beta);
  for (std::int64_t r = 1; r < gram.rows; ++r) {
    for (std::int64_t c = 0; c < r; ++c) gram(r, c) = gram(c, r);
  }
}

}  // namespace lacuna::kernels
