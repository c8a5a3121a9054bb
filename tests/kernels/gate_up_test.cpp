#include "lacuna/kernels/sparse_gemv/gate_up.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>

#include "kernels/packed_rows.hpp"
#include "kernels/random_values.hpp"
#include "lacuna/core/threads.hpp"
#include "lacuna/kernels/sparse_gemv/active_columns.hpp"
#include "support/isa_levels.hpp"

namespace lacuna::kernels {
namespace {

std::vector<std::uint32_t> bits_of(const std::vector<float>& values) {
  std::vector<std::uint32_t> bits;
  for (const float value : values) bits.push_back(std::bit_cast<std::uint32_t>(value));
  return bits;
}

// gate and up of one input, thresholds and biases of their own.
struct Mlp {
  ColumnPanels gate;
  ColumnPanels up;
  std::vector<float> bias;
  Activation activation;

  Mlp(DType of_gate, DType of_up, std::int64_t rows, std::int64_t cols, int panels, Activation f = Activation::silu)
      : gate(of_gate, test::random_elements(of_gate, rows * cols, 1).data(), rows, cols, panels),
        up(of_up, test::random_elements(of_up, rows * cols, 2).data(), rows, cols, panels),
        bias(test::normal_values(static_cast<std::size_t>(rows), 3)),
        activation(f) {}

  std::vector<float> fused(const std::vector<float>& x, std::int64_t batch) const {
    std::vector<float> y(static_cast<std::size_t>(batch * gate.rows()), 5.0F);
    std::vector<float> scratch(y.size(), 7.0F);
    sparse_gate_up({x.data(), batch, gate.cols()}, {{&gate, 0.3F, bias.data()},
                                                    {&up, 0.8F, nullptr},
                                                    activation,
                                                    {y.data(), batch, gate.rows()},
                                                    {scratch.data(), batch, gate.rows()}});
    return y;
  }

  std::vector<float> apart(const std::vector<float>& x, std::int64_t batch) const {
    std::vector<float> y(static_cast<std::size_t>(batch * gate.rows()));
    std::vector<float> factor(y.size());
    std::vector<ColumnPanels::Part> parts;
    gate.append(0.3F, bias.data(), {y.data(), batch, gate.rows()}, false, parts);
    up.append(0.8F, nullptr, {factor.data(), batch, gate.rows()}, false, parts);
    sparse_gemv(MatrixView<const float>(x.data(), batch, gate.cols()), parts);
    activate_gated(activation, y, factor);
    return y;
  }
};

// Gate columns (1, 2), (10, 20), up columns (3, 4), (5, 6); inputs 0.5 and 1; only the second exceeds up's 0.8, both
// exceed gate's 0.3: relu((10.5, 21) + bias) · (5, 6).
TEST(GateUp, ByHand) {
  const float of_gate[] = {1, 10, 2, 20};
  const float of_up[] = {3, 5, 4, 6};
  const ColumnPanels gate(DType::f32, reinterpret_cast<const std::byte*>(of_gate), 2, 2, 1);
  const ColumnPanels up(DType::f32, reinterpret_cast<const std::byte*>(of_up), 2, 2, 1);
  const float x[] = {0.5F, 1};
  const float bias[] = {0.5F, -30};
  for (const IsaLevel level : test::runnable_isa_levels()) {
    const test::ForcedIsaLevel forced(level);
    float y[2] = {NAN, NAN};
    float scratch[2] = {NAN, NAN};
    sparse_gate_up({x, 1, 2},
                   {{&gate, 0.3F, bias}, {&up, 0.8F, nullptr}, Activation::relu, {y, 1, 2}, {scratch, 1, 2}});
    EXPECT_EQ(y[0], 55.0F) << isa_name(level);
    EXPECT_EQ(y[1], 0.0F) << isa_name(level);
  }
}

// The header's promise, for rows that fill panels, strips and neither, and batches of one pass and of several.
TEST(GateUp, SameBitsAsBothProductsAndTheActivation) {
  for (const auto& [of_gate, of_up] :
       {std::pair(DType::bf16, DType::bf16), std::pair(DType::f16, DType::bf16), std::pair(DType::f32, DType::f32)}) {
    for (const std::int64_t rows : {1, 33, 1100, 2048}) {
      const Mlp mlp(of_gate, of_up, rows, 45, 2);
      for (const std::int64_t batch : {1, 2, 4, 7, 8, 9}) {
        const auto x = test::normal_values(static_cast<std::size_t>(batch * 45), 4);
        for (const IsaLevel level : test::runnable_isa_levels()) {
          const test::ForcedIsaLevel forced(level);
          ASSERT_EQ(bits_of(mlp.fused(x, batch)), bits_of(mlp.apart(x, batch)))
              << isa_name(level) << " " << rows << " rows, batch " << batch;
        }
      }
    }
  }
}

// Enough weights that several threads take part, in more and fewer parts than there are panels.
TEST(GateUp, ThreadsAndPanelsDoNotChangeBits) {
  const auto x = test::normal_values(600, 5);
  const int before = thread_count();
  const auto expected = bits_of(Mlp(DType::bf16, DType::bf16, 1500, 600, 1, Activation::gelu_tanh).apart(x, 1));
  for (const int panels : {1, 2, 3}) {
    const Mlp mlp(DType::bf16, DType::bf16, 1500, 600, panels, Activation::gelu_tanh);
    for (const int threads : {1, 2, 3, 5}) {
      set_thread_count(threads);
      EXPECT_EQ(bits_of(mlp.fused(x, 1)), expected) << threads << " threads, " << panels << " panels";
    }
  }
  set_thread_count(before);
}

// The columns and inputs of the definition, one by one, at lengths around every vector.
TEST(ActiveColumns, ListsWhatExceedsTheThreshold) {
  for (const std::int64_t cols : test::lane_edge_lengths()) {
    auto x = test::normal_values(static_cast<std::size_t>(2 * cols), 6);
    x[0] = std::nanf("");
    if (cols > 2) x[2] = -0.67F;
    for (const float threshold : {-1.0F, 0.0F, 0.67F, 100.0F}) {
      for (const std::int64_t batch : {1, 2}) {
        for (const IsaLevel level : test::runnable_isa_levels()) {
          const test::ForcedIsaLevel forced(level);
          const ActiveColumns active = active_columns({x.data(), batch, cols}, threshold);
          std::size_t n = 0;
          for (std::int64_t j = 0; j < cols; ++j) {
            const auto is_active = [&](std::int64_t b) {
              return !(std::fabs(x[static_cast<std::size_t>(b * cols + j)]) <= threshold);
            };
            if (!is_active(0) && (batch == 1 || !is_active(1))) continue;
            ASSERT_LT(n, static_cast<std::size_t>(active.count));
            ASSERT_EQ(active.columns[n], j) << isa_name(level) << " of " << cols;
            for (std::int64_t b = 0; b < batch; ++b) {
              const float value = x[static_cast<std::size_t>(b * cols + j)];
              const float listed = active.inputs[n * static_cast<std::size_t>(batch) + static_cast<std::size_t>(b)];
              ASSERT_EQ(std::bit_cast<std::uint32_t>(listed),
                        std::bit_cast<std::uint32_t>(is_active(b) ? value : 0.0F));
            }
            ++n;
          }
          ASSERT_EQ(static_cast<std::int64_t>(n), active.count) << isa_name(level) << " of " << cols;
          for (std::size_t i = 0; n > 0 && i < static_cast<std::size_t>(ActiveColumns::kPadding); ++i) {
            ASSERT_EQ(active.columns[n + i], active.columns[n - 1]);
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace lacuna::kernels
