// kernels/obs with Highway: a vector holds one column of as many rows as it has lanes, so the columns run in order
// while the rows run side by side. Columns are taken in panels: a panel first receives the updates of all earlier
// columns of the block, accumulated in registers (which is where nearly all the work is), then runs through its own
// columns.

#include <algorithm>

#include "lacuna/kernels/obs/rows.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lacuna/kernels/obs/simd.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which redefines HWY_TARGET for each pass over this file.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace lacuna::kernels::obs::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::CappedTag<float, kMaxLanes>;
using V = hn::VFromD<D>;

constexpr std::int64_t kStrip = 8;  // columns whose sums are held in registers at a time

HWY_INLINE V score_of(V weight, V diagonal) { return hn::Div(hn::Mul(weight, weight), hn::Mul(diagonal, diagonal)); }

void scores(MatrixView<const float> weights, const float* diagonal, MatrixView<float> out) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(D()));
  for (std::int64_t r = 0; r < weights.rows; ++r) {
    const float* row = weights.row(r);
    std::int64_t j = 0;
    for (; j + lanes <= weights.cols; j += lanes) {
      hn::StoreU(score_of(hn::LoadU(D(), row + j), hn::LoadU(D(), diagonal + j)), D(), out.row(r) + j);
    }
    for (; j < weights.cols; ++j) out(r, j) = (row[j] * row[j]) / (diagonal[j] * diagonal[j]);
  }
}

// A tile: weights, errors and marks of one vector of rows; column j of lane r at [j·lanes + r].
struct Tile {
  float* weights;
  float* errors;
  float* gone;  // all bits set where the entry is pruned
};

HWY_INLINE V column(const float* values, std::int64_t j) {
  return hn::Load(D(), values + j * static_cast<std::int64_t>(hn::Lanes(D())));
}

HWY_INLINE void set_column(V value, float* values, std::int64_t j) {
  hn::Store(value, D(), values + j * static_cast<std::int64_t>(hn::Lanes(D())));
}

// weights[:, j] −= Σ_{k<first} errors[:, k] · U[k, j] for kStrip columns from `first_column` on.
HWY_INLINE void update_strip(const Tile& tile, MatrixView<const float> u, std::int64_t first, std::int64_t j) {
  V w0 = column(tile.weights, j), w1 = column(tile.weights, j + 1);
  V w2 = column(tile.weights, j + 2), w3 = column(tile.weights, j + 3);
  V w4 = column(tile.weights, j + 4), w5 = column(tile.weights, j + 5);
  V w6 = column(tile.weights, j + 6), w7 = column(tile.weights, j + 7);
  for (std::int64_t k = 0; k < first; ++k) {
    const V error = column(tile.errors, k);
    const float* factors = u.row(k) + j;
    w0 = hn::NegMulAdd(error, hn::Set(D(), factors[0]), w0);
    w1 = hn::NegMulAdd(error, hn::Set(D(), factors[1]), w1);
    w2 = hn::NegMulAdd(error, hn::Set(D(), factors[2]), w2);
    w3 = hn::NegMulAdd(error, hn::Set(D(), factors[3]), w3);
    w4 = hn::NegMulAdd(error, hn::Set(D(), factors[4]), w4);
    w5 = hn::NegMulAdd(error, hn::Set(D(), factors[5]), w5);
    w6 = hn::NegMulAdd(error, hn::Set(D(), factors[6]), w6);
    w7 = hn::NegMulAdd(error, hn::Set(D(), factors[7]), w7);
  }
  set_column(w0, tile.weights, j), set_column(w1, tile.weights, j + 1);
  set_column(w2, tile.weights, j + 2), set_column(w3, tile.weights, j + 3);
  set_column(w4, tile.weights, j + 4), set_column(w5, tile.weights, j + 5);
  set_column(w6, tile.weights, j + 6), set_column(w7, tile.weights, j + 7);
}

void update_panel(const Tile& tile, MatrixView<const float> u, std::int64_t first, std::int64_t last) {
  std::int64_t j = first;
  for (; j + kStrip <= last; j += kStrip) update_strip(tile, u, first, j);
  for (; j < last; ++j) {
    V w = column(tile.weights, j);
    for (std::int64_t k = 0; k < first; ++k) w = hn::NegMulAdd(column(tile.errors, k), hn::Set(D(), u(k, j)), w);
    set_column(w, tile.weights, j);
  }
}

void mark_below(const Tile& tile, MatrixView<const float> u, float threshold) {
  const V limit = hn::Set(D(), threshold);
  for (std::int64_t j = 0; j < u.cols; ++j) {
    const auto gone = hn::Le(score_of(column(tile.weights, j), hn::Set(D(), u(j, j))), limit);
    set_column(hn::VecFromMask(D(), gone), tile.gone, j);
  }
}

// Marks the n lowest of the m scores from column i on; uses the errors' space there, which is not yet in use.
void mark_group(const Tile& tile, MatrixView<const float> u, std::int64_t i, const Rule& rule) {
  for (std::int64_t a = i; a < i + rule.m; ++a) {
    set_column(score_of(column(tile.weights, a), hn::Set(D(), u(a, a))), tile.errors, a);
  }
  const V one = hn::Set(D(), 1.0F);
  const V n = hn::Set(D(), static_cast<float>(rule.n));
  for (std::int64_t a = i; a < i + rule.m; ++a) {
    const V own = column(tile.errors, a);
    V before = hn::Zero(D());
    for (std::int64_t b = i; b < a; ++b) {
      before = hn::Add(before, hn::IfThenElseZero(hn::Le(column(tile.errors, b), own), one));
    }
    for (std::int64_t b = a + 1; b < i + rule.m; ++b) {
      before = hn::Add(before, hn::IfThenElseZero(hn::Lt(column(tile.errors, b), own), one));
    }
    set_column(hn::VecFromMask(D(), hn::Lt(before, n)), tile.gone, a);
  }
}

// Runs through the columns of a panel that has received all earlier updates.
V prune_panel(const Tile& tile, MatrixView<const float> u, const Rule& rule, std::int64_t first, std::int64_t last,
              V energy) {
  for (std::int64_t i = first; i < last; ++i) {
    if (rule.m != 0 && i % rule.m == 0) mark_group(tile, u, i, rule);
    const V weight = column(tile.weights, i);
    const auto gone = hn::MaskFromVec(column(tile.gone, i));
    const V error = hn::Div(hn::IfThenElseZero(gone, weight), hn::Set(D(), u(i, i)));
    set_column(error, tile.errors, i);
    set_column(hn::IfThenZeroElse(gone, weight), tile.weights, i);
    energy = hn::MulAdd(error, error, energy);
    for (std::int64_t j = i + 1; j < last; ++j) {
      set_column(hn::NegMulAdd(error, hn::Set(D(), u(i, j)), column(tile.weights, j)), tile.weights, j);
    }
  }
  return energy;
}

#if HWY_TARGET == HWY_SCALAR  // compiled for the dispatch table only; scalar.cpp runs instead

std::int64_t load_squares(MatrixView<const float>, std::int64_t, float*) { return 0; }
std::int64_t store_squares(const float*, std::int64_t, MatrixView<float>, MatrixView<float>, float&) { return 0; }

#else

using D4 = hn::Full128<float>;
using V4 = hn::VFromD<D4>;

struct Square {  // four rows of four
  V4 row0, row1, row2, row3;
};

HWY_INLINE Square transpose(const Square& s) {
  const V4 even = hn::InterleaveLower(D4(), s.row0, s.row1);
  const V4 odd = hn::InterleaveUpper(D4(), s.row0, s.row1);
  const V4 even2 = hn::InterleaveLower(D4(), s.row2, s.row3);
  const V4 odd2 = hn::InterleaveUpper(D4(), s.row2, s.row3);
  return {hn::ConcatLowerLower(D4(), even2, even), hn::ConcatUpperUpper(D4(), even2, even),
          hn::ConcatLowerLower(D4(), odd2, odd), hn::ConcatUpperUpper(D4(), odd2, odd)};
}

HWY_INLINE Square load_square(const float* from, std::int64_t stride) {
  return {hn::LoadU(D4(), from), hn::LoadU(D4(), from + stride), hn::LoadU(D4(), from + 2 * stride),
          hn::LoadU(D4(), from + 3 * stride)};
}

// Rows r … r+3 of the tile, as many columns as make whole squares; returns how many.
std::int64_t load_squares(MatrixView<const float> weights, std::int64_t r, float* tile) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(D()));
  std::int64_t j = 0;
  for (; j + 4 <= weights.cols; j += 4) {
    const Square s = transpose(load_square(weights.row(r) + j, weights.row_stride));
    float* to = tile + j * lanes + r;
    hn::StoreU(s.row0, D4(), to);
    hn::StoreU(s.row1, D4(), to + lanes);
    hn::StoreU(s.row2, D4(), to + 2 * lanes);
    hn::StoreU(s.row3, D4(), to + 3 * lanes);
  }
  return j;
}

HWY_INLINE V4 store_row(V4 weight, float* weights, float* change, V4 energy) {
  const V4 difference = hn::Sub(hn::LoadU(D4(), change), weight);
  hn::StoreU(weight, D4(), weights);
  hn::StoreU(difference, D4(), change);
  return hn::MulAdd(difference, difference, energy);
}

std::int64_t store_squares(const float* tile, std::int64_t r, MatrixView<float> weights, MatrixView<float> change,
                           float& energy) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(D()));
  V4 sum = hn::Zero(D4());
  std::int64_t j = 0;
  for (; j + 4 <= weights.cols; j += 4) {
    const Square s = transpose(load_square(tile + j * lanes + r, lanes));
    sum = store_row(s.row0, weights.row(r) + j, change.row(r) + j, sum);
    sum = store_row(s.row1, weights.row(r + 1) + j, change.row(r + 1) + j, sum);
    sum = store_row(s.row2, weights.row(r + 2) + j, change.row(r + 2) + j, sum);
    sum = store_row(s.row3, weights.row(r + 3) + j, change.row(r + 3) + j, sum);
  }
  energy += hn::GetLane(hn::SumOfLanes(D4(), sum));
  return j;
}

#endif  // HWY_TARGET

// Rows past the last one of the matrix read as zero.
void load_tile(MatrixView<const float> weights, float* tile) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(D()));
  for (std::int64_t r = 0; r < lanes; r += 4) {
    for (auto j = r + 4 <= weights.rows ? load_squares(weights, r, tile) : 0; j < weights.cols; ++j) {
      for (auto i = r; i < std::min(r + 4, lanes); ++i) tile[j * lanes + i] = i < weights.rows ? weights(i, j) : 0.0F;
    }
  }
}

// Returns Σ change².
double store_tile(const float* tile, MatrixView<float> weights, MatrixView<float> change) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(D()));
  double energy = 0.0;
  for (std::int64_t r = 0; r < weights.rows; r += 4) {
    float sum = 0.0F;
    for (auto j = r + 4 <= weights.rows ? store_squares(tile, r, weights, change, sum) : 0; j < weights.cols; ++j) {
      for (auto i = r; i < std::min(r + 4, weights.rows); ++i) {
        weights(i, j) = tile[j * lanes + i];
        change(i, j) -= weights(i, j);
        sum += change(i, j) * change(i, j);
      }
    }
    energy += static_cast<double>(sum);
  }
  return energy;
}

ObsEnergy prune(MatrixView<float> weights, MatrixView<float> change, MatrixView<const float> u, const Rule& rule,
                float* scratch) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(D()));
  const std::int64_t b = u.cols;
  const Tile tile = {scratch, scratch + b * lanes, scratch + 2 * b * lanes};
  // A panel holds whole groups: a group must be up to date when it is chosen.
  const std::int64_t panel = rule.m == 0 ? kStrip : (kStrip + rule.m - 1) / rule.m * rule.m;
  ObsEnergy energy;
  for (std::int64_t r = 0; r < weights.rows; r += lanes) {
    const auto rows = std::min(lanes, weights.rows - r);
    load_tile(weights.block(r, rows, 0, b), tile.weights);
    if (rule.m == 0) mark_below(tile, u, rule.threshold);
    V error = hn::Zero(D());
    for (std::int64_t first = 0; first < b; first += panel) {
      const auto last = std::min(first + panel, b);
      update_panel(tile, u, first, last);
      error = prune_panel(tile, u, rule, first, last, error);
    }
    energy.error += static_cast<double>(hn::GetLane(hn::SumOfLanes(D(), error)));
    energy.change += store_tile(tile.weights, weights.block(r, rows, 0, b), change.block(r, rows, 0, b));
  }
  return energy;
}

}  // namespace lacuna::kernels::obs::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lacuna::kernels::obs {

HWY_EXPORT(scores);
HWY_EXPORT(prune);

RowOps simd_ops() { return {HWY_DYNAMIC_DISPATCH(scores), HWY_DYNAMIC_DISPATCH(prune)}; }

}  // namespace lacuna::kernels::obs
#endif  // HWY_ONCE
