#include "weight_points.hpp"

#include "lacuna/core/buffer.hpp"
#include "lacuna/kernels/convert/convert.hpp"

namespace lacuna::cli {

PointMaker weight_points(const TensorView& weights, bool by_columns) {
  return [&weights, by_columns](std::span<const std::int64_t> features) {
    const std::size_t feature_axis = by_columns ? 1 : 0;
    const std::size_t other_axis = 1 - feature_axis;
    Matrix<float> points(static_cast<std::int64_t>(features.size()), weights.shape[other_axis]);
    for (std::int64_t i = 0; i < points.rows(); ++i) {
      TensorView one = weights;
      one.shape = {weights.shape[other_axis]};
      one.strides = {weights.strides[other_axis]};
      one.data += features[static_cast<std::size_t>(i)] * weights.strides[feature_axis] *
                  static_cast<std::int64_t>(dtype_bytes(weights.dtype));
      kernels::to_f32(one, points.view().row(i));
    }
    return PointGram::of_rows(points.view());
  };
}

}  // namespace lacuna::cli
