#include "lacuna/kernels/attention/attention.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "kernels/random_values.hpp"
#include "lacuna/core/buffer.hpp"
#include "support/isa_levels.hpp"

namespace lacuna::kernels {
namespace {

Matrix<float> normal_matrix(std::int64_t rows, std::int64_t cols, std::uint64_t seed) {
  Matrix<float> matrix(rows, cols);
  const auto values = test::normal_values(static_cast<std::size_t>(rows * cols), seed);
  std::copy(values.begin(), values.end(), matrix.data());
  return matrix;
}

AttentionShape shape_of(std::int64_t sequences, std::int64_t queries, std::int64_t keys, std::int64_t heads,
                        std::int64_t kv_heads, std::int64_t d, std::int64_t window) {
  AttentionShape shape;
  shape.sequences = sequences;
  shape.query_length = queries;
  shape.key_length = keys;
  shape.heads = heads;
  shape.kv_heads = kv_heads;
  shape.head_dim = d;
  shape.window = window;
  shape.scale = 1.0F / std::sqrt(static_cast<float>(d));
  return shape;
}

// Outputs are averages of values below 5. Scores (below 25) carry d·2⁻²⁴·d, weights that as a relative error, and the
// second product another keys·2⁻²⁴.
double tolerance(const AttentionShape& shape) {
  const auto d = static_cast<double>(shape.head_dim);
  return 5 * (2 * d * d / std::sqrt(d) + 60 + static_cast<double>(shape.key_length)) * 0x1.0p-24;
}

TEST(Attention, EveryIsaAgreesWithScalar) {
  const std::vector<AttentionShape> shapes = {
      shape_of(1, 1, 1, 1, 1, 2, 0),      shape_of(2, 5, 5, 4, 2, 8, 0),      shape_of(1, 63, 63, 3, 3, 16, 0),
      shape_of(3, 65, 65, 6, 2, 32, 0),   shape_of(1, 130, 130, 2, 1, 20, 0), shape_of(1, 1, 77, 4, 4, 16, 0),
      shape_of(2, 10, 90, 4, 1, 16, 0),   shape_of(1, 100, 100, 2, 2, 16, 7), shape_of(2, 70, 70, 2, 1, 16, 64),
      shape_of(1, 3, 150, 2, 1, 16, 100), shape_of(1, 80, 80, 1, 1, 16, 1)};
  for (const auto& shape : shapes) {
    const auto q = normal_matrix(shape.sequences * shape.query_length, shape.heads * shape.head_dim, 41);
    const auto k = normal_matrix(shape.sequences * shape.key_length, shape.kv_heads * shape.head_dim, 42);
    const auto v = normal_matrix(shape.sequences * shape.key_length, shape.kv_heads * shape.head_dim, 43);
    Matrix<float> expected(q.rows(), q.cols());
    scalar::causal_attention(shape, q.view(), k.view(), v.view(), expected.view());
    for (const IsaLevel level : test::runnable_isa_levels()) {
      const test::ForcedIsaLevel forced(level);
      Matrix<float> in_place = normal_matrix(q.rows(), q.cols(), 41);  // the output may take the place of the queries
      causal_attention(shape, in_place.view(), k.view(), v.view(), in_place.view());
      for (std::int64_t i = 0; i < expected.numel(); ++i) {
        ASSERT_NEAR(in_place.data()[i], expected.data()[i], tolerance(shape))
            << isa_name(level) << " length " << shape.query_length << " window " << shape.window;
      }
    }
  }
}

double fastest_seconds(const AttentionShape& shape) {
  const auto q = normal_matrix(1, shape.heads * shape.head_dim, 49);
  const auto k = normal_matrix(shape.key_length, shape.kv_heads * shape.head_dim, 50);
  Matrix<float> out(1, q.cols());
  double fastest = 1.0;
  for (int i = 0; i < 200; ++i) {
    const auto from = std::chrono::steady_clock::now();
    causal_attention(shape, q.view(), k.view(), k.view(), out.view());
    fastest = std::min(fastest, std::chrono::duration<double>(std::chrono::steady_clock::now() - from).count());
  }
  return fastest;
}

// A token's attention over 200 keys is work for one thread, but not too small for the library to start threads of its
// own at every product: that took over 50 times as long, where 2.5 times as many keys take 2 to 3. The fastest of 200
// calls does not see what else the machine does.
TEST(Attention, ATokenStartsNoThreadsOfItsOwn) {
  const double few = fastest_seconds(shape_of(1, 1, 80, 8, 4, 64, 0));
  const double more = fastest_seconds(shape_of(1, 1, 200, 8, 4, 64, 0));
  EXPECT_LT(more, 10 * few);
}

TEST(Attention, TheFirstPositionSeesOnlyItself) {
  const auto shape = shape_of(1, 4, 4, 1, 1, 4, 0);
  const auto q = normal_matrix(4, 4, 44);
  const auto v = normal_matrix(4, 4, 45);
  Matrix<float> out(4, 4);
  causal_attention(shape, q.view(), q.view(), v.view(), out.view());
  for (std::int64_t c = 0; c < 4; ++c) EXPECT_EQ(out(0, c), v(0, c));
}

TEST(Attention, ASequenceDoesNotDependOnItsNeighbours) {
  const auto pair = shape_of(2, 50, 50, 2, 1, 16, 0);
  const auto single = shape_of(1, 50, 50, 2, 1, 16, 0);
  const auto q = normal_matrix(100, 32, 46);
  const auto k = normal_matrix(100, 16, 47);
  const auto v = normal_matrix(100, 16, 48);
  Matrix<float> both(100, 32);
  Matrix<float> second(50, 32);
  causal_attention(pair, q.view(), k.view(), v.view(), both.view());
  causal_attention(single, q.view().block(50, 50, 0, 32), k.view().block(50, 50, 0, 16), v.view().block(50, 50, 0, 16),
                   second.view());
  for (std::int64_t r = 0; r < 50; ++r) {
    for (std::int64_t c = 0; c < 32; ++c) ASSERT_EQ(both(50 + r, c), second(r, c));
  }
}

}  // namespace
}  // namespace lacuna::kernels
