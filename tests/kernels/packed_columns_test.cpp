#include "lacuna/kernels/sparse_gemv/packed_columns.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "kernels/packed_rows.hpp"
#include "kernels/random_values.hpp"
#include "lacuna/core/threads.hpp"
#include "lacuna/kernels/sparse_gemv/column_panels.hpp"
#include "support/isa_levels.hpp"

namespace lacuna::kernels {
namespace {

constexpr DType kTypes[] = {DType::f16, DType::bf16};

std::vector<std::uint32_t> bits_of(const std::vector<float>& values) {
  std::vector<std::uint32_t> bits;
  for (const float value : values) bits.push_back(std::bit_cast<std::uint32_t>(value));
  return bits;
}

test::OwnedPackedRows random_packed(DType dtype, std::int64_t rows, std::int64_t cols, double zeros,
                                    std::uint64_t seed = 5) {
  return test::pack_rows(dtype, rows, cols, test::random_elements(dtype, rows * cols, seed),
                         test::random_mask(rows * cols, zeros, seed + 1));
}

struct Call {
  float threshold = -1.0F;
  const float* bias = nullptr;
  bool accumulate = false;
  std::int64_t batch = 1;
};

template <typename Columns>
std::vector<std::uint32_t> multiply(const Columns& w, const std::vector<float>& x, const Call& call) {
  std::vector<float> y(static_cast<std::size_t>(call.batch * w.rows()), 3.0F);
  std::vector<typename Columns::Part> parts;
  w.append(call.threshold, call.bias, {y.data(), call.batch, w.rows()}, call.accumulate, parts);
  const MatrixView<const float> input(x.data(), call.batch, w.cols());
  if constexpr (std::is_same_v<Columns, PackedColumns>) {
    packed_columns_gemv(input, parts);
  } else {
    sparse_gemv(input, parts);
  }
  return bits_of(y);
}

// What the header says the product is: sparse_gemv on the dense matrix, by the scalar code.
std::vector<std::uint32_t> multiply_dense(const test::OwnedPackedRows& w, const std::vector<float>& x,
                                          const Call& call) {
  const test::ForcedIsaLevel forced(IsaLevel::scalar);
  return multiply(ColumnPanels(w.dtype, w.dense.data(), w.rows, w.cols, 1), x, call);
}

// Rows (1, 0, 100) and (0, 20, 200); inputs 3, −0.5, 2 against a threshold of 0.5: the second column is inactive.
TEST(PackedColumns, ByHand) {
  std::vector<std::byte> dense(12);
  const float values[] = {1, 0, 100, 0, 20, 200};
  for (std::size_t i = 0; i < 6; ++i) {
    const std::uint16_t bits = f32_to_bf16(values[i]);
    std::memcpy(dense.data() + 2 * i, &bits, 2);
  }
  const PackedColumns w(DType::bf16, dense.data(), 2, 3, 1);
  const std::vector<float> x = {3, -0.5F, 2};
  const float bias[] = {0.5F, -1};
  for (const IsaLevel level : test::runnable_isa_levels()) {
    const test::ForcedIsaLevel forced(level);
    EXPECT_EQ(multiply(w, x, {0.5F, bias}), bits_of({203.5F, 399})) << isa_name(level);
    EXPECT_EQ(multiply(w, x, {-1.0F, nullptr, true}), bits_of({206, 393})) << isa_name(level);
  }
}

// Heights around every strip, numbers of columns around those that run together, from no zeros to nothing else.
TEST(PackedColumns, BitsOfTheDenseProductOnEveryIsa) {
  for (const DType dtype : kTypes) {
    for (const std::int64_t rows : test::lane_edge_lengths()) {
      for (const std::int64_t cols : {1, 5, 6, 7, 37}) {
        for (const double zeros : {0.0, 0.6, 1.0}) {
          const auto w = random_packed(dtype, rows, cols, zeros);
          const PackedColumns columns(w.view(), 1);
          const auto x = test::normal_values(static_cast<std::size_t>(cols), 7);
          const auto bias = test::normal_values(static_cast<std::size_t>(rows), 8);
          for (const float threshold : {-1.0F, 0.67F, 100.0F}) {
            const Call call = {threshold, bias.data(), true};
            const auto expected = multiply_dense(w, x, call);
            for (const IsaLevel level : test::runnable_isa_levels()) {
              const test::ForcedIsaLevel forced(level);
              ASSERT_EQ(multiply(columns, x, call), expected)
                  << isa_name(level) << " " << dtype_name(dtype) << " " << rows << "x" << cols << " zeros " << zeros
                  << " t=" << threshold;
            }
          }
        }
      }
    }
  }
}

// Columns without a value between full ones, and rows without one.
TEST(PackedColumns, EmptyColumnsAndRows) {
  for (const DType dtype : kTypes) {
    const std::int64_t rows = 150;
    const std::int64_t cols = 20;
    std::vector<bool> keep(static_cast<std::size_t>(rows * cols));
    for (std::int64_t i = 0; i < rows * cols; ++i)
      keep[static_cast<std::size_t>(i)] = i % cols % 3 != 1 && i / cols != 64;
    const auto w = test::pack_rows(dtype, rows, cols, test::random_elements(dtype, rows * cols, 3), keep);
    const PackedColumns columns(w.view(), 1);
    const auto x = test::normal_values(static_cast<std::size_t>(cols), 4);
    const auto expected = multiply_dense(w, x, {0.1F});
    EXPECT_EQ(expected[64], 0U);
    for (const IsaLevel level : test::runnable_isa_levels()) {
      const test::ForcedIsaLevel forced(level);
      EXPECT_EQ(multiply(columns, x, {0.1F}), expected) << isa_name(level);
    }
  }
}

// Zeros that are left out meet a NaN or an infinity as dense zeros do: every row is spoilt, also those without a value
// in the column; but not by a column that is inactive.
TEST(PackedColumns, NanAndInfinityMeetZeros) {
  for (const DType dtype : kTypes) {
    const auto w = random_packed(dtype, 70, 9, 0.6);
    const PackedColumns columns(w.view(), 1);
    for (const float special : {std::numeric_limits<float>::infinity(), std::nanf("")}) {
      std::vector<float> x(9, 0.1F);
      x[4] = special;
      const auto expected = multiply_dense(w, x, {0.5F});
      for (const IsaLevel level : test::runnable_isa_levels()) {
        const test::ForcedIsaLevel forced(level);
        const auto found = multiply(columns, x, {0.5F});
        for (std::size_t i = 0; i < found.size(); ++i) {
          const auto value = std::bit_cast<float>(found[i]);
          EXPECT_FALSE(std::isfinite(value)) << isa_name(level);
          EXPECT_EQ(std::isnan(value), std::isnan(std::bit_cast<float>(expected[i]))) << isa_name(level);
        }
      }
    }
  }
}

// Weights of all bit patterns but zeros: −0.0, denormals, infinities. NaNs differ in their payloads only.
TEST(PackedColumns, EveryWeightArrives) {
  for (const DType dtype : kTypes) {
    std::vector<std::uint16_t> patterns(65536);
    for (std::size_t i = 0; i < patterns.size(); ++i) patterns[i] = static_cast<std::uint16_t>(i);
    const auto* bytes = reinterpret_cast<const std::byte*>(patterns.data());
    const PackedColumns columns(dtype, bytes, 65536, 1, 1);
    const ColumnPanels dense(dtype, bytes, 65536, 1, 1);
    for (const IsaLevel level : test::runnable_isa_levels()) {
      const test::ForcedIsaLevel forced(level);
      const auto found = multiply(columns, {1.0F}, {});
      const auto expected = multiply(dense, {1.0F}, {});
      for (std::size_t i = 0; i < found.size(); ++i) {
        if (std::isnan(std::bit_cast<float>(expected[i]))) {
          ASSERT_TRUE(std::isnan(std::bit_cast<float>(found[i]))) << i;
        } else {
          ASSERT_EQ(found[i], expected[i]) << isa_name(level) << " " << i;
        }
      }
    }
  }
}

// Panels of 512 rows and more, at most kMostRows: the product does not depend on them, nor on the threads.
TEST(PackedColumns, PanelsThreadsAndBatchesDoNotChangeBits) {
  const int before = thread_count();
  for (const std::int64_t rows : {5, 1023, 2000, 6145, 13000}) {
    const auto w = random_packed(DType::bf16, rows, 33, 0.5);
    const auto x = test::normal_values(99, 3);
    const auto bias = test::normal_values(static_cast<std::size_t>(rows), 4);
    const Call call = {0.5F, bias.data(), true, 3};
    const auto expected = multiply_dense(w, x, call);
    for (const int threads : {1, 2, 3}) {
      const PackedColumns columns(w.view(), threads);
      EXPECT_TRUE(columns.panel_rows() >= 512 || columns.panel_rows() >= rows);
      EXPECT_LE(columns.panel_rows(), PackedColumns::kMostRows);
      set_thread_count(4 - threads);
      EXPECT_EQ(multiply(columns, x, call), expected) << rows << " rows, " << threads;
    }
  }
  set_thread_count(before);
}

// Matrices with thresholds of their own, large enough that several threads take them.
TEST(PackedColumns, MatricesOfOneInput) {
  const int before = thread_count();
  const auto q = random_packed(DType::bf16, 2050, 300, 0.5, 1);
  const auto k = random_packed(DType::f16, 530, 300, 0.7, 2);
  const auto v = random_packed(DType::bf16, 65, 300, 0.2, 3);
  const auto x = test::normal_values(300, 4);
  for (const int threads : {1, 2, 3, 7}) {
    set_thread_count(threads);
    std::vector<float> y(2050 + 530 + 65);
    std::vector<PackedColumns::Part> parts;
    const PackedColumns columns[] = {{q.view(), threads}, {k.view(), threads}, {v.view(), threads}};
    columns[0].append(0.3F, nullptr, {y.data(), 1, 2050}, false, parts);
    columns[1].append(0.3F, nullptr, {y.data() + 2050, 1, 530}, false, parts);
    columns[2].append(1.5F, nullptr, {y.data() + 2580, 1, 65}, false, parts);
    packed_columns_gemv(MatrixView<const float>(x.data(), 1, 300), parts);
    auto expected = multiply_dense(q, x, {0.3F});
    for (const auto bits : multiply_dense(k, x, {0.3F})) expected.push_back(bits);
    for (const auto bits : multiply_dense(v, x, {1.5F})) expected.push_back(bits);
    EXPECT_EQ(bits_of(y), expected) << threads;
  }
  set_thread_count(before);
}

// 2 bytes a value and a bit an element; an offset of 8 bytes a column.
TEST(PackedColumns, MemoryIsThatOfWhatIsStored) {
  const auto w = random_packed(DType::bf16, 640, 100, 0.75);
  const PackedColumns columns(w.view(), 1);
  EXPECT_EQ(columns.bytes(), w.values.size() + 640 / 8 * 100 + 101 * 8 + 128);
}

struct Stored {
  std::vector<std::byte> data;
  std::vector<std::uint64_t> starts = {0};
};

// The layout of the header, written bit by bit.
Stored written_out(const std::vector<std::byte>& dense, std::int64_t first, std::int64_t rows, std::int64_t cols) {
  Stored out;
  for (std::int64_t j = 0; j < cols; ++j) {
    const std::size_t bitmap = out.data.size();
    out.data.resize(bitmap + static_cast<std::size_t>((rows + 63) / 64 * 8));
    for (std::int64_t i = 0; i < rows; ++i) {
      const std::byte* element = dense.data() + ((first + i) * cols + j) * 2;
      if (element[0] == std::byte{0} && element[1] == std::byte{0}) continue;
      out.data[bitmap + static_cast<std::size_t>(i / 8)] |= std::byte{1} << (i % 8);
      out.data.insert(out.data.end(), element, element + 2);
    }
    out.starts.push_back(out.data.size());
  }
  out.data.resize(out.data.size() + 128);
  return out;
}

void expect_written_out(const PackedColumns& columns, const std::vector<std::byte>& dense, const std::string& what) {
  std::vector<float> y(static_cast<std::size_t>(columns.rows()));
  std::vector<PackedColumns::Part> parts;
  columns.append(0.0F, nullptr, {y.data(), 1, columns.rows()}, false, parts);
  std::int64_t first = 0;
  for (const auto& part : parts) {
    const Stored expected = written_out(dense, first, part.w.rows, part.w.cols);
    ASSERT_EQ(std::vector<std::uint64_t>(part.w.starts, part.w.starts + part.w.cols + 1), expected.starts) << what;
    ASSERT_EQ(std::vector<std::byte>(part.w.data, part.w.data + expected.data.size()), expected.data) << what;
    first += part.w.rows;
  }
  ASSERT_EQ(first, columns.rows());
}

// Of packed rows and of dense ones, byte for byte; tails of tiles in both directions, full and empty matrices.
TEST(PackedColumns, TheLayoutOfTheHeaderOnEveryIsa) {
  for (const std::int64_t rows : {1, 7, 63, 64, 65, 130, 1100, 3100}) {
    for (const std::int64_t cols : {1, 8, 63, 64, 65, 200, 257}) {
      if (rows > 200 && cols % 65 != 0) continue;
      for (const double zeros : {0.0, 0.5, 0.95, 1.0}) {
        const auto w = random_packed(DType::bf16, rows, cols, zeros);
        for (const IsaLevel level : test::runnable_isa_levels()) {
          const test::ForcedIsaLevel forced(level);
          const std::string what = std::string(isa_name(level)) + " " + std::to_string(rows) + "x" +
                                   std::to_string(cols) + " zeros " + std::to_string(zeros);
          expect_written_out(PackedColumns(w.view(), 2), w.dense, what);
          expect_written_out(PackedColumns(w.dtype, w.dense.data(), rows, cols, 2), w.dense, what);
        }
      }
    }
  }
}

// Zeros that packed rows store, as 2:4 may, are left out; −0.0 is not.
TEST(PackedColumns, StoredZerosAreLeftOut) {
  auto elements = test::random_elements(DType::f16, 130 * 70, 5);
  for (std::size_t i = 0; i < elements.size(); i += 10) elements[i] = elements[i + 1] = std::byte{0};
  for (std::size_t i = 4; i < elements.size(); i += 10) {
    elements[i] = std::byte{0};
    elements[i + 1] = std::byte{0x80};
  }
  const auto full = test::random_elements(DType::f16, 130 * 70, 7);
  const auto w = test::pack_rows(DType::f16, 130, 70, elements, test::random_mask(130 * 70, 0.4, 6));
  for (const IsaLevel level : test::runnable_isa_levels()) {
    const test::ForcedIsaLevel forced(level);
    const PackedColumns columns(w.view(), 1);
    expect_written_out(columns, w.dense, std::string(isa_name(level)));
    EXPECT_LT(columns.bytes(), PackedColumns(DType::f16, full.data(), 130, 70, 1).bytes());
  }
}

}  // namespace
}  // namespace lacuna::kernels
