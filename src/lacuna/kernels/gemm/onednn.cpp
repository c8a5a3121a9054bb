#include "lacuna/kernels/gemm/onednn.hpp"

#include <fmt/format.h>
#include <omp.h>

#include <array>
#include <bit>
#include <map>
#include <oneapi/dnnl/dnnl.hpp>

#include "lacuna/core/error.hpp"

namespace lacuna::kernels::onednn {
namespace {

using Key = std::array<std::int64_t, 10>;

struct Product {
  dnnl::memory::desc a;
  dnnl::memory::desc b;
  dnnl::memory::desc c;
  dnnl::matmul primitive;
};

constexpr std::size_t kCachedProducts = 256;  // shapes per thread; a model needs about ten

const dnnl::engine& cpu_engine() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

dnnl::stream& cpu_stream() {
  thread_local dnnl::stream stream(cpu_engine());
  return stream;
}

Error library_error(const dnnl::error& error) {
  return Error(ErrorCode::internal,
               fmt::format("oneDNN: {} (status {})", error.what(), static_cast<int>(error.status)));
}

// oneDNN splits a product into omp_get_max_threads() parts and trusts OpenMP to run each of them on a thread. With
// OMP_DYNAMIC or below OMP_THREAD_LIMIT a team may be smaller, and parts of the result would silently stay unwritten.
void require_whole_teams() {
  if (omp_get_dynamic() != 0) omp_set_dynamic(0);
  if (omp_get_thread_limit() < omp_get_max_threads()) omp_set_num_threads(omp_get_thread_limit());
}

Product make_product(dnnl::memory::data_type type, const Key& key, float beta) {
  using dnnl::memory;
  const auto [m, n, k, lda, ldb, ldc, transpose, type_id, beta_bits, threads] = key;
  Product product;
  product.a = memory::desc({m, k}, type, memory::dims{lda, 1});
  product.b = memory::desc({k, n}, type, transpose != 0 ? memory::dims{1, ldb} : memory::dims{ldb, 1});
  product.c = memory::desc({m, n}, memory::data_type::f32, memory::dims{ldc, 1});
  dnnl::primitive_attr attributes;
  if (beta != 0.0F) {
    dnnl::post_ops sum;
    sum.append_sum(beta);
    attributes.set_post_ops(sum);
  }
#if DNNL_VERSION_MAJOR >= 3
  const dnnl::matmul::primitive_desc description(cpu_engine(), product.a, product.b, product.c, attributes);
#else
  const dnnl::matmul::desc operation(product.a, product.b, product.c);
  const dnnl::matmul::primitive_desc description(operation, attributes, cpu_engine());
#endif
  product.primitive = dnnl::matmul(description);
  return product;
}

template <typename T>
void run_matmul(dnnl::memory::data_type type, MatrixView<const T> a, MatrixView<const T> b, Transpose transpose_b,
                MatrixView<float> c, float beta) {
  thread_local std::map<Key, Product> cache;
  require_whole_teams();
  const std::int64_t threads = omp_in_parallel() != 0 ? 1 : omp_get_max_threads();
  const Key key = {c.rows,
                   c.cols,
                   a.cols,
                   a.row_stride,
                   b.row_stride,
                   c.row_stride,
                   transpose_b == Transpose::yes ? 1 : 0,
                   static_cast<std::int64_t>(type),
                   std::bit_cast<std::int32_t>(beta),
                   threads};
  try {
    auto found = cache.find(key);
    if (found == cache.end()) {
      if (cache.size() >= kCachedProducts) cache.clear();
      found = cache.emplace(key, make_product(type, key, beta)).first;
    }
    const Product& product = found->second;
    // oneDNN takes mutable pointers for inputs too; it does not write through them.
    const dnnl::memory memory_a(product.a, cpu_engine(), const_cast<T*>(a.data));
    const dnnl::memory memory_b(product.b, cpu_engine(), const_cast<T*>(b.data));
    const dnnl::memory memory_c(product.c, cpu_engine(), c.data);
    product.primitive.execute(cpu_stream(),
                              {{DNNL_ARG_SRC, memory_a}, {DNNL_ARG_WEIGHTS, memory_b}, {DNNL_ARG_DST, memory_c}});
    cpu_stream().wait();
  } catch (const dnnl::error& error) {
    throw library_error(error);
  }
}

void require_success(dnnl_status_t status) {
  if (status == dnnl_success) return;
  throw Error(ErrorCode::internal, fmt::format("oneDNN sgemm failed with status {}", static_cast<int>(status)));
}

}  // namespace

void sgemm(MatrixView<const float> a, MatrixView<const float> b, Transpose transpose_b, MatrixView<float> c,
           float alpha, float beta) {
  require_whole_teams();
  require_success(dnnl_sgemm('N', transpose_b == Transpose::yes ? 'T' : 'N', c.rows, c.cols, a.cols, alpha, a.data,
                             a.row_stride, b.data, b.row_stride, beta, c.data, c.row_stride));
}

void sgemm_tn(MatrixView<const float> a, MatrixView<const float> b, MatrixView<float> c, float alpha, float beta) {
  require_whole_teams();
  require_success(dnnl_sgemm('T', 'N', c.rows, c.cols, a.rows, alpha, a.data, a.row_stride, b.data, b.row_stride, beta,
                             c.data, c.row_stride));
}

void matmul(MatrixView<const float> a, MatrixView<const float> b, Transpose transpose_b, MatrixView<float> c,
            float beta) {
  run_matmul(dnnl::memory::data_type::f32, a, b, transpose_b, c, beta);
}

void matmul(MatrixView<const std::uint16_t> a, MatrixView<const std::uint16_t> b, Transpose transpose_b,
            MatrixView<float> c, float beta) {
  run_matmul(dnnl::memory::data_type::bf16, a, b, transpose_b, c, beta);
}

std::string version_text() {
  const dnnl_version_t* v = dnnl_version();
  return fmt::format("oneDNN {}.{}.{}", v->major, v->minor, v->patch);
}

}  // namespace lacuna::kernels::onednn
