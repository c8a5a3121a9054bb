// One pass over both matrices collects six sums per feature (kernels/similarity); the metrics follow from them.
//
// Columns: threads own ranges of columns and walk down the rows in blocks of kBlockRows × kTileCols, small enough that
// a widened tile stays in the cache. Rows: threads own ranges of rows. Either way each feature's sums are added in one
// fixed order, so the partition does not show in the result.
#include "lacuna/bits/similarity.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lacuna/bits/row_packer.hpp"
#include "lacuna/bits/tile_reader.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/core/threads.hpp"
#include "lacuna/kernels/bitcount/bitcount.hpp"
#include "lacuna/kernels/similarity/similarity.hpp"

namespace lacuna {
namespace {

// Few rows and long stretches of each: the processor prefetches a handful of long streams well, and dozens of short
// ones badly (16 × 512 took twice as long).
constexpr std::int64_t kBlockRows = 8;
constexpr std::int64_t kTileCols = 4096;
constexpr std::int64_t kPiece = 2048;     // elements of a row at a time; a multiple of RowSums::kLanes
constexpr std::int64_t kGrain = 1 << 16;  // elements per thread below which threads cost more than they save

// Sums of every feature, side by side.
struct FeatureSums {
  std::vector<std::uint32_t> a_nonzero, b_nonzero, both;
  std::vector<double> dot, aa, bb;

  explicit FeatureSums(std::int64_t features) {
    const auto n = static_cast<std::size_t>(features);
    for (auto* counts : {&a_nonzero, &b_nonzero, &both}) counts->resize(n);
    for (auto* sums : {&dot, &aa, &bb}) sums->resize(n);
  }
  kernels::ColumnSums at(std::int64_t c) {
    return {a_nonzero.data() + c, b_nonzero.data() + c, both.data() + c, dot.data() + c, aa.data() + c, bb.data() + c};
  }
};

void require_comparable(std::int64_t a_rows, std::int64_t a_cols, std::int64_t b_rows, std::int64_t b_cols) {
  if (a_rows != b_rows || a_cols != b_cols) {
    throw Error(ErrorCode::shape_mismatch, fmt::format("compared matrices differ in shape: [{}, {}] and [{}, {}]",
                                                       a_rows, a_cols, b_rows, b_cols));
  }
  constexpr std::int64_t kLimit = std::int64_t{1} << 32;  // counts are u32
  if (a_rows >= kLimit || a_cols >= kLimit) {
    throw Error(ErrorCode::limit_exceeded,
                fmt::format("compared matrices: expected extents below 2^32, got [{}, {}]", a_rows, a_cols));
  }
}

template <typename T>
void sum_columns(const TensorView& a, const TensorView& b, FeatureSums& sums, const RunContext& context) {
  const std::int64_t rows = a.shape[0];
  const std::int64_t cols = a.shape[1];
  const std::int64_t grain = kGrain / std::max<std::int64_t>(rows, 1) + 16;
  parallel_for(cols, grain, [&](std::int64_t begin, std::int64_t end) {
    TileReader<T> read_a(a, kBlockRows * kTileCols);
    TileReader<T> read_b(b, kBlockRows * kTileCols);
    for (std::int64_t c = begin; c < end; c += kTileCols) {
      context.check_stop();
      const std::int64_t tile_cols = std::min(kTileCols, end - c);
      for (std::int64_t r = 0; r < rows; r += kBlockRows) {
        const std::int64_t tile_rows = std::min(kBlockRows, rows - r);
        const auto tile_a = read_a.read(r, tile_rows, c, tile_cols);
        const auto tile_b = read_b.read(r, tile_rows, c, tile_cols);
        kernels::similarity_columns(tile_a.data, tile_a.row_stride, tile_b.data, tile_b.row_stride, tile_rows,
                                    tile_cols, sums.at(c));
      }
    }
  });
}

template <typename T>
void sum_rows(const TensorView& a, const TensorView& b, FeatureSums& sums, const RunContext& context) {
  const std::int64_t cols = a.shape[1];
  const std::int64_t grain = kGrain / std::max<std::int64_t>(cols, 1) + 1;
  parallel_for(a.shape[0], grain, [&](std::int64_t begin, std::int64_t end) {
    TileReader<T> read_a(a, kPiece);
    TileReader<T> read_b(b, kPiece);
    for (std::int64_t r = begin; r < end; ++r) {
      context.check_stop();
      kernels::RowSums row;
      for (std::int64_t c = 0; c < cols; c += kPiece) {
        const std::int64_t length = std::min(kPiece, cols - c);
        kernels::similarity_row(read_a.read(r, 1, c, length).data, read_b.read(r, 1, c, length).data, length, row);
      }
      const auto i = static_cast<std::size_t>(r);
      sums.a_nonzero[i] = static_cast<std::uint32_t>(row.a_nonzero);
      sums.b_nonzero[i] = static_cast<std::uint32_t>(row.b_nonzero);
      sums.both[i] = static_cast<std::uint32_t>(row.both);
      sums.dot[i] = kernels::reduce_lanes(row.dot);
      sums.aa[i] = kernels::reduce_lanes(row.aa);
      sums.bb[i] = kernels::reduce_lanes(row.bb);
    }
  });
}

double jaccard_of(double a, double b, double both) {
  const double either = a + b - both;
  return either == 0.0 ? 0.0 : both / either;
}

double cosine_of(double dot, double aa, double bb) {
  if (aa == 0.0 || bb == 0.0) return 0.0;
  const double cosine = dot / (std::sqrt(aa) * std::sqrt(bb));
  return std::isnan(cosine) ? cosine : std::clamp(cosine, -1.0, 1.0);  // equal features may round to just above 1
}

double hamming_of(double a, double b, double both, double length) {
  return length == 0.0 ? 0.0 : (a + b - 2.0 * both) / length;
}

MetricSummary summarize(const std::vector<double>& values) {
  if (values.empty()) return {};
  const auto n = static_cast<double>(values.size());
  MetricSummary summary;
  for (const double x : values) summary.mean += x;
  summary.mean /= n;
  for (const double x : values) summary.std += (x - summary.mean) * (x - summary.mean);
  summary.std = std::sqrt(summary.std / n);
  return summary;
}

Similarity metrics_of(const FeatureSums& sums, std::int64_t rows, std::int64_t cols, FeatureAxis axis) {
  Similarity result;
  result.axis = axis;
  result.rows = rows;
  result.cols = cols;
  const auto n = static_cast<std::size_t>(result.features());
  const auto length = static_cast<double>(axis == FeatureAxis::rows ? cols : rows);
  for (auto* metric : {&result.jaccard, &result.cosine, &result.hamming}) metric->resize(n);
  double a = 0, b = 0, both = 0, dot = 0, aa = 0, bb = 0;  // counts stay below 2^53 for any matrix that fits in memory
  for (std::size_t i = 0; i < n; ++i) {
    result.jaccard[i] = jaccard_of(sums.a_nonzero[i], sums.b_nonzero[i], sums.both[i]);
    result.cosine[i] = cosine_of(sums.dot[i], sums.aa[i], sums.bb[i]);
    result.hamming[i] = hamming_of(sums.a_nonzero[i], sums.b_nonzero[i], sums.both[i], length);
    a += sums.a_nonzero[i];
    b += sums.b_nonzero[i];
    both += sums.both[i];
    dot += sums.dot[i];
    aa += sums.aa[i];
    bb += sums.bb[i];
  }
  result.jaccard_summary = summarize(result.jaccard);
  result.cosine_summary = summarize(result.cosine);
  result.hamming_summary = summarize(result.hamming);
  result.matrix_jaccard = jaccard_of(a, b, both);
  result.matrix_cosine = cosine_of(dot, aa, bb);
  result.matrix_hamming = hamming_of(a, b, both, static_cast<double>(rows) * static_cast<double>(cols));
  return result;
}

TensorView transposed(const TensorView& view) {
  TensorView out = view;
  std::swap(out.shape[0], out.shape[1]);
  std::swap(out.strides[0], out.strides[1]);
  return out;
}

bool stored_by_columns(const TensorView& view) { return view.strides[0] == 1 && view.strides[1] != 1; }

}  // namespace

std::string_view feature_axis_name(FeatureAxis axis) { return axis == FeatureAxis::rows ? "rows" : "columns"; }

FeatureAxis feature_axis(std::string_view component) {
  return component.ends_with("down_proj") ? FeatureAxis::rows : FeatureAxis::columns;
}

Similarity compare_matrices(const TensorView& a, const TensorView& b, FeatureAxis axis, const RunContext& context) {
  require_matrix(a, "comparison");
  require_matrix(b, "comparison");
  require_comparable(a.shape[0], a.shape[1], b.shape[0], b.shape[1]);
  const std::int64_t rows = a.shape[0];
  const std::int64_t cols = a.shape[1];
  FeatureSums sums(axis == FeatureAxis::rows ? rows : cols);
  // Two transposed views are read along their memory: their columns are the rows of what lies underneath.
  const bool swap = stored_by_columns(a) && stored_by_columns(b);
  const TensorView x = swap ? transposed(a) : a;
  const TensorView y = swap ? transposed(b) : b;
  const bool by_rows = (axis == FeatureAxis::rows) != swap;
  if (widens_to_f32(a.dtype) && widens_to_f32(b.dtype)) {
    by_rows ? sum_rows<float>(x, y, sums, context) : sum_columns<float>(x, y, sums, context);
  } else {
    by_rows ? sum_rows<double>(x, y, sums, context) : sum_columns<double>(x, y, sums, context);
  }
  return metrics_of(sums, rows, cols, axis);
}

Similarity compare_masks(const BitMatrix& a, const BitMatrix& b, FeatureAxis axis) {
  require_comparable(a.rows(), a.cols(), b.rows(), b.cols());
  if (axis == FeatureAxis::columns) {
    Similarity result = compare_masks(a.transposed(), b.transposed(), FeatureAxis::rows);
    result.axis = axis;
    std::swap(result.rows, result.cols);
    return result;
  }
  FeatureSums sums(a.rows());
  for (std::int64_t r = 0; r < a.rows(); ++r) {
    const auto i = static_cast<std::size_t>(r);
    const auto pair = kernels::count_pair(a.row(r), b.row(r), a.row_words());
    sums.a_nonzero[i] = static_cast<std::uint32_t>(pair.a);
    sums.b_nonzero[i] = static_cast<std::uint32_t>(pair.b);
    sums.both[i] = static_cast<std::uint32_t>(pair.both);
    sums.dot[i] = static_cast<double>(pair.both);
    sums.aa[i] = static_cast<double>(pair.a);
    sums.bb[i] = static_cast<double>(pair.b);
  }
  return metrics_of(sums, a.rows(), a.cols(), axis);
}

}  // namespace lacuna
