// A step's layers in one launch against the same layers in one launch a product, and the stripes that it reads.
#include "lacuna/kernels/decode_layers/cuda.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "kernels/decode_layers_model.hpp"
#include "lacuna/core/error.hpp"

namespace lacuna::kernels {
namespace {

using test::DeviceValues;
using test::Values;
using Case = test::LayersCase;
using Model = test::LayersModel;

double difference(const Values& a, const Values& b) {
  double error = 0.0;
  double size = 0.0;
  for (std::int64_t i = 0; i < a.size(); ++i) {
    error += (a.at(i) - b.at(i)) * (a.at(i) - b.at(i));
    size += b.at(i) * b.at(i);
  }
  return std::sqrt(error / size);
}

// Both round every product's inputs to the type; sums that differ in their last bits may round to neighbours, a unit of
// 2^-11 (bf16: 2^-8) of the value apart, and each of a layer's four products hands that on.
double limit(const Case& c) {
  return static_cast<double>(c.shape.layers) * 4.0 * (c.shape.dtype == DType::f16 ? 1.0 / 2048 : 1.0 / 256);
}

// Where inputs are skipped, a rounding that differs may put an input on the other side of its threshold, and a whole
// column is read by one way only. Within a layer that is seldom (both ways' sums differ by 1e-5, in which few of some
// thousand inputs lie), so of three models two must agree. Over more layers it is to be expected; a column of several
// hundred then changes some per cent of one product's output.
struct Agreement {
  int models = 0;
  int agree = 0;

  void add(double difference, double most) {
    ++models;
    if (difference < most) ++agree;
  }
  bool holds() const { return agree >= (models + 1) / 2; }
};
constexpr double kOfSomeColumns = 0.1;

void expect_same(const Case& c) {
  const bool skips = c.threshold > 0.0F;
  Agreement agreement;
  for (int seed = 0; seed < (skips ? 3 : 1); ++seed) {
    Model model(c, 1000 * seed);
    const Values hidden(DType::f32, c.shape.hidden, 7 + seed);
    const Values expected = model.one_by_one(hidden);
    const double apart = difference(model.in_one_launch(hidden), expected);
    EXPECT_LT(apart, skips ? kOfSomeColumns : limit(c));
    agreement.add(apart, limit(c));
    ASSERT_GT(difference(hidden, expected), 4 * limit(c)) << "the layers do nothing that a test could miss";
  }
  if (c.shape.layers == 1) {
    EXPECT_TRUE(agreement.holds()) << agreement.agree << " of " << agreement.models;
  }
}

class DecodeLayersCuda : public test::DeviceTest {};

TEST_F(DecodeLayersCuda, AreTheLayersOneByOne) {
  for (const DType dtype : {DType::f16, DType::bf16}) {
    for (const float threshold : {-1.0F, 0.0F, 0.3F, 0.8F}) {
      SCOPED_TRACE(std::string(dtype_name(dtype)) + " " + std::to_string(threshold));
      expect_same({{dtype, 3, 512, 1376, 8, 8, 64, 1e-5F}, threshold});
      expect_same({{dtype, 2, 256, 688, 8, 2, 32, 1e-5F}, threshold, true});
      expect_same({{dtype, 1, 520, 1000, 4, 4, 128, 1e-5F}, threshold, true, true, 3, 11});
      expect_same({{dtype, 2, 64, 72, 1, 1, 8, 1e-5F}, threshold, false, true, 0, 0});
    }
  }
}

// A turn's own columns are all of its word's active ones, or the first of them; the last chunk of 256 is whole, or not.
TEST_F(DecodeLayersCuda, AreTheProductsOneByOneWhereverColumnsAreListed) {
  for (const float threshold : {0.3F, 0.8F, 1.5F, 2.0F}) {
    for (const std::int64_t inner : {256, 264, 1376, 2048, 4104}) {
      SCOPED_TRACE(std::to_string(inner) + " " + std::to_string(threshold));
      expect_same({{DType::f16, 1, 512, inner, 8, 8, 64, 1e-5F}, threshold});
      expect_same({{DType::bf16, 1, 520, inner, 4, 2, 64, 1e-5F}, threshold, true});
    }
  }
}

TEST_F(DecodeLayersCuda, FollowTheSpecificationAtTheFirstPosition) {
  for (const DType dtype : {DType::f16, DType::bf16}) {
    for (const float threshold : {-1.0F, 0.3F, 0.8F}) {
      for (const Case& c : {Case{{dtype, 2, 64, 72, 1, 1, 8, 1e-5F}, threshold, false, false, 0, 0},
                            Case{{dtype, 2, 256, 688, 8, 2, 32, 1e-5F}, threshold, true, false, 0, 0}}) {
        SCOPED_TRACE(std::string(dtype_name(dtype)) + " " + std::to_string(threshold));
        Agreement together;
        Agreement apart;
        for (int seed = 0; seed < (threshold > 0.0F ? 3 : 1); ++seed) {
          Model model(c, 1000 * seed);
          const Values hidden(DType::f32, c.shape.hidden, 7 + seed);
          const Values expected = model.on_host(hidden);
          together.add(difference(model.in_one_launch(hidden), expected), limit(c));
          apart.add(difference(model.one_by_one(hidden), expected), limit(c));
        }
        EXPECT_TRUE(together.holds()) << together.agree << " of " << together.models;
        EXPECT_TRUE(apart.holds()) << apart.agree << " of " << apart.models;
      }
    }
  }
}

TEST_F(DecodeLayersCuda, ReadsEveryListWordAndRingTurnOfWideProducts) {
  for (const float threshold : {-1.0F, 0.5F}) {
    expect_same({{DType::f16, 1, 4096, 1024, 32, 2, 128, 1e-5F}, threshold});
    expect_same({{DType::bf16, 1, 512, 18944, 4, 4, 128, 1e-5F}, threshold, true});
    expect_same({{DType::f16, 1, 256, 24576, 2, 2, 128, 1e-5F}, threshold});
  }
}

// 512 threads are 16 384 / d groups, which hold four keys each before they load more; from 257 keys on, a head may have
// several blocks.
TEST_F(DecodeLayersCuda, AttendsToEveryKey) {
  for (const std::int64_t position : {1, 31, 32, 63, 64, 127, 128, 129, 255, 256, 257, 599}) {
    SCOPED_TRACE(position);
    const std::int64_t capacity = position < 257 ? 257 : 600;
    const std::int64_t window = position % 2 == 0 ? 0 : 50;
    expect_same({{DType::f16, 1, 256, 688, 4, 2, 128, 1e-5F}, -1.0F, false, true, 0, position, capacity});
    expect_same({{DType::bf16, 2, 240, 680, 3, 1, 80, 1e-5F}, -1.0F, true, false, window, position, capacity});
    expect_same({{DType::f16, 1, 512, 688, 2, 2, 256, 1e-5F}, -1.0F, false, false, 0, position, capacity});
  }
}

TEST_F(DecodeLayersCuda, RepeatsToTheBit) {
  const Case c{{DType::f16, 3, 512, 1376, 8, 8, 64, 1e-5F}, 0.3F};
  Model model(c);
  const Values hidden(DType::f32, c.shape.hidden, 7);
  const Values first = model.in_one_launch(hidden);
  EXPECT_TRUE(model.in_one_launch(hidden) == first);
  EXPECT_TRUE(model.in_one_launch(hidden, 20) == first);
}

TEST_F(DecodeLayersCuda, ReadsNothingAboveEveryThreshold) {
  const Case c{{DType::f16, 2, 512, 1376, 8, 8, 64, 1e-5F}, 1e30F};
  const Values hidden(DType::f32, c.shape.hidden, 7);
  const Values output = Model(c).in_one_launch(hidden);
  for (std::int64_t i = 0; i < hidden.size(); ++i) {  // two layers may change the last bit twice
    EXPECT_NEAR(output.at(i), hidden.at(i), 4 * std::abs(hidden.at(i)) * 0x1p-23) << i;
  }
}

TEST_F(DecodeLayersCuda, PassesOnWhatIsNotFinite) {
  const Case c{{DType::f16, 2, 512, 1376, 8, 8, 64, 1e-5F}, 0.3F};
  Model model(c);
  for (const double bad : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    Values hidden(DType::f32, c.shape.hidden, 7);
    hidden.set(3, bad);
    const Values output = model.in_one_launch(hidden);
    EXPECT_FALSE(std::isfinite(output.at(3)) && std::abs(output.at(3)) < 1e30);
    if (std::isnan(bad)) {
      for (std::int64_t i = 0; i < output.size(); ++i) EXPECT_TRUE(std::isnan(output.at(i))) << i;
    }
  }
}

TEST_F(DecodeLayersCuda, SaysWhichShapesFit) {
  const DecodeLayersShape good{DType::f16, 1, 512, 1376, 8, 8, 64, 1e-5F};
  EXPECT_TRUE(DecodeLayers::fits(good));
  const auto refused = [&](auto change) {
    DecodeLayersShape shape = good;
    change(shape);
    EXPECT_FALSE(DecodeLayers::fits(shape));
    EXPECT_THROW(DecodeLayers{shape}, Error);
  };
  refused([](auto& s) { s.dtype = DType::f32; });
  refused([](auto& s) { s.hidden = 516; });
  refused([](auto& s) { s.hidden = 8200; });
  refused([](auto& s) { s.inner = 32768; });
  refused([](auto& s) { s.heads = 256; });
  refused([](auto& s) { s.kv_heads = 3; });
  refused([](auto& s) { s.head_dim = 264; });
  refused([](auto& s) { s.layers = 0; });
}

TEST_F(DecodeLayersCuda, StripesHoldEveryWeightOnceAndGiveItBack) {
  for (const bool gated : {false, true}) {
    const std::vector<std::int64_t> rows =
        gated ? std::vector<std::int64_t>{1000, 1000} : std::vector<std::int64_t>{40, 2000, 8};
    constexpr std::int64_t kCols = 37;
    ColumnStripes stripes(DType::bf16, rows, kCols, gated);
    std::vector<Values> original;
    std::vector<DeviceValues> columns;
    std::vector<DeviceValues> back;
    std::vector<ColumnsView> from;
    std::vector<ColumnsView> to;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const std::int64_t stride = rows[i] + 8;
      original.emplace_back(DType::bf16, stride * kCols, i);
      columns.emplace_back(original.back(), 0);
      back.emplace_back(DType::bf16, rows[i] * kCols, 0);
    }
    for (std::size_t i = 0; i < rows.size(); ++i) {
      from.push_back({columns[i].data(), rows[i] + 8});
      to.push_back({back[i].data(), rows[i]});
    }
    stripes.fill(from);
    stripes.expand(to);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const Values got = back[i].download();
      for (std::int64_t at = 0; at < got.size(); ++at) {
        ASSERT_EQ(got.at(at), original[i].at(at / rows[i] * (rows[i] + 8) + at % rows[i])) << i << " " << at;
      }
    }
  }
}

TEST_F(DecodeLayersCuda, RefusesRowsThatAreNoOctets) {
  EXPECT_THROW(ColumnStripes(DType::f16, {12}, 8, false), Error);
  EXPECT_THROW(ColumnStripes(DType::f32, {16}, 8, false), Error);
  EXPECT_THROW(ColumnStripes(DType::f16, {16, 8}, 8, true), Error);
  EXPECT_THROW(ColumnStripes(DType::f16, {8, 8, 8, 8}, 8, false), Error);
}

}  // namespace
}  // namespace lacuna::kernels
