// Thresholds applied to weight matrices: `lacuna threshold`.
//
//   Entries with |w| ≤ t become 0. t is given, or the preset of the research scripts for 90 % (by component: q, k, v
//   0.0182, o 0.0035, up, gate 0.0601, down 0.0032), or the s-quantile of each matrix's |w|.
//   For a target sparsity t is the value at position ⌊s·(n − 1)⌋ of the ascending |w|: at least that many entries and
//   one go, more where values are equal.
//
// Output   OUT/data/threshold_unstructured/layer-{N}/layer{N}-{component}-0-0-{sparsity}.pt in the stored type, as the
//          scripts name them; {sparsity} is the target, 0.9 for the preset, the measured one in four digits for a
//          given threshold. A matrix of no layer: OUT/{name}.pt. The folder appears complete or not at all.
// Curve    what thresholds for 5, 10, …, 95, 97.5 and 99 % would be and keep: from a histogram, within 0.2 % of the
//          exact quantile (activations/distribution.hpp). Of the matrix as it was.
// Exact    matrices of f64 are compared as f32.
// Errors   invalid_argument: a component without preset, a threshold below 0 or not finite, a sparsity outside (0, 1),
//          two matrices of one output name; not_finite: names the matrix; already_exists, output_is_input; those of
//          formats/matrix_set.hpp.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lacuna/core/run_context.hpp"
#include "lacuna/formats/matrix_set.hpp"
#include "lacuna/study/report/threshold_chart.hpp"

namespace lacuna {

enum class ThresholdKind { given, preset, sparsity };

struct ThresholdRequest {
  std::string reference;
  MatrixSelection selection;
  ThresholdKind kind = ThresholdKind::given;
  double value = 0.0;         // threshold or target sparsity
  std::filesystem::path out;  // empty: report only
};

struct ThresholdedMatrix {
  int layer = kNoLayer;
  std::string component;
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  double threshold = 0.0;
  double sparsity_before = 0.0;
  double sparsity = 0.0;
  double energy_kept = 0.0;  // ‖result‖² / ‖w‖², 1 for a matrix of zeros
  std::string pattern;
  std::vector<ThresholdPoint> curve;  // ascending; empty: a matrix without entries
  std::filesystem::path output;       // below `out`; empty: not written
};

std::vector<ThresholdedMatrix> apply_thresholds(const ThresholdRequest& request, const RunContext& context);

std::optional<double> preset_threshold(std::string_view component);  // "mlp.up_proj" → 0.0601

}  // namespace lacuna
