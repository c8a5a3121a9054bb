// A decoding step's attention on a device against kernels/attention, kernels/rope and kernels/norm in scalar code.
#include "lacuna/kernels/attention/cuda.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "kernels/device_values.hpp"
#include "lacuna/core/buffer.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/kernels/attention/attention.hpp"
#include "lacuna/kernels/attention/prompt_cuda.hpp"
#include "lacuna/kernels/norm/norm.hpp"
#include "lacuna/kernels/rope/rope.hpp"

namespace lacuna::kernels {
namespace {

using test::DeviceValues;
using test::Values;

struct Case {
  DType dtype = DType::f16;
  std::int64_t heads = 4;
  std::int64_t kv_heads = 4;
  std::int64_t d = 64;
  std::int64_t positions = 1;
  std::int64_t window = 0;
  bool norms = false;
};

std::string describe(const Case& c) {
  return std::string(dtype_name(c.dtype)) + " heads " + std::to_string(c.heads) + "/" + std::to_string(c.kv_heads) +
         " d " + std::to_string(c.d) + " positions " + std::to_string(c.positions) + " window " +
         std::to_string(c.window);
}

struct Tables {
  Matrix<float> cosines;
  Matrix<float> sines;

  explicit Tables(const Case& c) : cosines(c.positions, c.d / 2), sines(c.positions, c.d / 2) {
    for (std::int64_t p = 0; p < c.positions; ++p) {
      for (std::int64_t i = 0; i < c.d / 2; ++i) {
        const double angle =
            static_cast<double>(p) * std::pow(100.0, -2.0 * static_cast<double>(i) / static_cast<double>(c.d));
        cosines(p, i) = static_cast<float>(std::cos(angle));
        sines(p, i) = static_cast<float>(std::sin(angle));
      }
    }
  }
  RopeTable view() const { return {cosines.view(), sines.view()}; }
};

Matrix<float> part(const Values& qkv, const Case& c, std::int64_t first, std::int64_t size) {
  const std::int64_t width = (c.heads + 2 * c.kv_heads) * c.d;
  Matrix<float> out(c.positions, size);
  for (std::int64_t p = 0; p < c.positions; ++p) {
    for (std::int64_t i = 0; i < size; ++i) out(p, i) = static_cast<float>(qkv.at(p * width + first + i));
  }
  return out;
}

// Of all positions: the outputs, and keys and values as the cache holds them, rounded.
struct Expected {
  Matrix<float> outputs;
  Matrix<float> keys;
  Matrix<float> values;
};

Expected on_host(const Case& c, const Values& qkv, const Tables& tables, const std::vector<float>& norm) {
  Matrix<float> q = part(qkv, c, 0, c.heads * c.d);
  Matrix<float> k = part(qkv, c, c.heads * c.d, c.kv_heads * c.d);
  Matrix<float> v = part(qkv, c, (c.heads + c.kv_heads) * c.d, c.kv_heads * c.d);
  for (Matrix<float>* heads : {&q, &k}) {
    if (c.norms) {
      const MatrixView<float> by_head(heads->data(), heads->rows() * heads->cols() / c.d, c.d);
      scalar::rms_norm(by_head, norm, 1e-5F, by_head);
    }
    scalar::apply_rope(heads->view(), c.d, tables.view(), 0, c.positions);
  }
  Values rounded(c.dtype, 1);
  for (std::int64_t p = 0; p < c.positions; ++p) {
    for (std::int64_t i = 0; i < k.cols(); ++i) {
      rounded.set(0, k(p, i));
      k(p, i) = static_cast<float>(rounded.at(0));
    }
  }
  AttentionShape shape;
  shape.query_length = shape.key_length = c.positions;
  shape.heads = c.heads;
  shape.kv_heads = c.kv_heads;
  shape.head_dim = c.d;
  shape.window = c.window;
  shape.scale = 1.0F / std::sqrt(static_cast<float>(c.d));
  Matrix<float> out(c.positions, c.heads * c.d);
  scalar::causal_attention(shape, q.view(), k.view(), v.view(), out.view());
  return {std::move(out), std::move(k), std::move(v)};
}

DeviceBuffer upload(const Matrix<float>& m) {
  return {m.data(), static_cast<std::size_t>(m.rows() * m.cols()) * sizeof(float)};
}

std::vector<float> some_norm(const Case& c) {
  std::vector<float> norm;
  for (std::int64_t i = 0; i < c.d; ++i) norm.push_back(0.5F + static_cast<float>(i % 5) * 0.25F);
  return norm;
}

// What a decoder holds on the device for one layer.
struct Layer {
  DeviceBuffer norm;
  DeviceBuffer cosines;
  DeviceBuffer sines;
  DeviceValues keys;
  DeviceValues values;
  DeviceBuffer scratch;
  DecodeAttention attention;

  Layer(const Case& c, const Tables& tables, const std::vector<float>& norm_weight)
      : norm(norm_weight.data(), norm_weight.size() * 4),
        cosines(upload(tables.cosines)),
        sines(upload(tables.sines)),
        keys(c.dtype, c.kv_heads * (c.positions + 3) * c.d, 0),
        values(c.dtype, c.kv_heads * (c.positions + 3) * c.d, 0),
        scratch(decode_attention_scratch_bytes(c.heads, c.d)) {
    scratch.fill(0);
    attention = {
        c.dtype, c.heads, c.kv_heads, c.d, c.positions + 3, c.window, 1.0F / std::sqrt(static_cast<float>(c.d)), 1e-5F};
    if (c.norms) attention.query_norm = attention.key_norm = reinterpret_cast<const float*>(norm.data());
    attention.cosines = reinterpret_cast<const float*>(cosines.data());
    attention.sines = reinterpret_cast<const float*>(sines.data());
    attention.keys = keys.data();
    attention.values = values.data();
    attention.scratch = scratch.data();
  }
};

double unit_of(DType dtype) { return dtype == DType::f16 ? 0x1.0p-11 : 0x1.0p-8; }

// Every key head's rows: the positions' own, and nothing behind them. `units` of the type between two roundings.
void expect_rows(const Case& c, const DeviceValues& cache, const Matrix<float>& expected, double units) {
  const Values rows = cache.download();
  const std::int64_t capacity = rows.size() / (c.kv_heads * c.d);
  for (std::int64_t i = 0; i < rows.size(); ++i) {
    const std::int64_t p = i / c.d % capacity;
    if (p >= c.positions) {
      ASSERT_TRUE(std::isnan(rows.at(i))) << describe(c) << " wrote row " << p;
      continue;
    }
    const double value = expected(p, i / c.d / capacity * c.d + i % c.d);
    ASSERT_NEAR(rows.at(i), value, units * unit_of(c.dtype) * std::fabs(value) + units * 1e-6)
        << describe(c) << " row " << p;
  }
}

// A key within f32 rounding of the middle between two values of its type may be cached as either, two units apart:
// scores then differ by a unit times |q·k| of one element, far below the other term, the rounding of the output.
void expect_steps(const Case& c, const Values& qkv, const Tables& tables, const Expected& expected) {
  const Layer layer(c, tables, some_norm(c));
  const std::int64_t width = (c.heads + 2 * c.kv_heads) * c.d;
  const DeviceValues device_qkv(qkv, 0);
  for (std::int64_t p = 0; p < c.positions; ++p) {
    const auto position = static_cast<std::int32_t>(p);
    const DeviceBuffer device_position(&position, sizeof position);
    DeviceValues out(c.dtype, c.heads * c.d, 0);
    decode_attention_cuda(layer.attention, device_qkv.data() + p * width * 2,
                          reinterpret_cast<const std::int32_t*>(device_position.data()), out.data());
    const Values actual = out.download();
    const double unit = unit_of(c.dtype);
    for (std::int64_t i = 0; i < actual.size(); ++i) {
      const double value = expected.outputs(p, i);
      ASSERT_NEAR(actual.at(i), value, 2 * unit * std::fabs(value) + 0.25 * unit)
          << describe(c) << " at " << p << ", " << i;
    }
  }
  expect_rows(c, layer.keys, expected.keys, 2);
  expect_rows(c, layer.values, expected.values, 0);
}

// All tokens in two chunks. Queries are rounded, which moves a score of size 1 by 0.4 units rms, and so are the
// weights: 0.6 units of a value of size 1, six times that for the worst of all.
void expect_chunks(const Case& c, const Values& qkv, const Tables& tables, const Matrix<float>& expected) {
  const Layer layer(c, tables, some_norm(c));
  const std::int64_t width = (c.heads + 2 * c.kv_heads) * c.d;
  const std::int64_t out_width = c.heads * c.d + 8;
  const DeviceValues device_qkv(qkv, 0);
  DeviceValues out(c.dtype, c.positions * out_width, 0);
  const std::int64_t first = c.positions / 3;
  for (const auto& [begin, end] : {std::pair{std::int64_t{0}, first}, std::pair{first, c.positions}}) {
    if (begin == end) continue;
    prompt_attention_cuda(layer.attention, {device_qkv.data() + begin * width * 2, width,
                                            out.data() + begin * out_width * 2, out_width, end - begin, begin});
  }
  const Values actual = out.download();
  const double unit = unit_of(c.dtype);
  for (std::int64_t p = 0; p < c.positions; ++p) {
    for (std::int64_t i = 0; i < c.heads * c.d; ++i) {
      const double value = expected(p, i);
      ASSERT_NEAR(actual.at(p * out_width + i), value, 2 * unit * std::fabs(value) + 4 * unit)
          << describe(c) << " in chunks, at " << p << ", " << i;
    }
    for (std::int64_t i = c.heads * c.d; i < out_width; ++i) ASSERT_TRUE(std::isnan(actual.at(p * out_width + i)));
  }
}

void run(const Case& c) {
  const Values qkv(c.dtype, c.positions * (c.heads + 2 * c.kv_heads) * c.d, 3);
  const Tables tables(c);
  const Expected expected = on_host(c, qkv, tables, some_norm(c));
  expect_steps(c, qkv, tables, expected);
  expect_chunks(c, qkv, tables, expected.outputs);
}

class AttentionCuda : public test::DeviceTest {};

TEST_F(AttentionCuda, EveryTypeHeadAndLength) {
  for (const DType dtype : {DType::f16, DType::bf16}) {
    for (const std::int64_t d : {8, 24, 64, 80, 128, 256}) run({dtype, 4, 4, d, 70});
  }
}

TEST_F(AttentionCuda, QueryHeadsShareKeys) {
  run({DType::f16, 12, 4, 64, 40});
  run({DType::bf16, 8, 1, 128, 40});
  run({DType::f16, 150, 10, 16, 20});  // more heads than multiprocessors
  run({DType::f16, 21, 3, 24, 40});
}

// 256 threads are 2048 / d groups, of d a power of two, which hold four keys each before they load more; the last key
// of a position is the newest. Few positions, or many heads, for one block a head.
TEST_F(AttentionCuda, EveryPositionAroundTheTurnsOfTheGroups) {
  run({DType::f16, 68, 1, 8, 1030});
  run({DType::bf16, 68, 2, 24, 262});
  run({DType::f16, 2, 2, 64, 250});
  run({DType::bf16, 2, 1, 80, 250});
  run({DType::f16, 2, 2, 128, 250, 0, true});
}

TEST_F(AttentionCuda, WindowsLeaveOldKeysOut) {
  for (const std::int64_t window : {1, 2, 7, 33}) run({DType::f16, 4, 2, 32, 60, window});
  for (const std::int64_t window : {31, 32, 33, 63, 64, 65, 129}) run({DType::bf16, 2, 1, 128, 140, window});
}

TEST_F(AttentionCuda, NormsOfQueriesAndKeys) { run({DType::f16, 4, 2, 64, 30, 0, true}); }

TEST_F(AttentionCuda, LongSequences) {  // several blocks a head, of which the newest key is the first of one's or last
  run({DType::f16, 2, 2, 64, 1500});
  run({DType::bf16, 6, 2, 80, 600});
  run({DType::f16, 4, 1, 128, 700, 300});
  run({DType::f16, 2, 1, 16, 1100, 515, true});
}

TEST_F(AttentionCuda, RefusesWhatItCannotDo) {
  const auto refused = [](DecodeAttention a) {
    EXPECT_THROW(decode_attention_cuda(a, nullptr, nullptr, nullptr), Error);
    EXPECT_THROW(prompt_attention_cuda(a, {nullptr, 0, nullptr, 0, 4, 0}), Error);
  };
  EXPECT_THROW(prompt_attention_cuda({DType::f16, 4, 4, 64, 8}, {nullptr, 0, nullptr, 0, 4, 5}), Error);
  refused({DType::f32, 4, 4, 64, 8});
  refused({DType::f16, 4, 3, 64, 8});
  refused({DType::f16, 4, 4, 60, 8});
  refused({DType::f16, 4, 4, 264, 8});
}

}  // namespace
}  // namespace lacuna::kernels
