// What thresholds on weights give: one curve per matrix, a panel per component, the threshold applied as a ring.
//
// Of `lacuna threshold`'s document (study/figures) and of what a database holds of it (study/report).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lacuna/render/chart.hpp"

namespace lacuna {

struct ThresholdPoint {
  double sparsity = 0.0;   // share of |w| ≤ threshold
  double threshold = 0.0;  // |w|
  double energy_kept = 0.0;
};

struct ThresholdCurve {
  std::optional<int> layer;
  std::string component;
  ThresholdPoint applied;
  std::vector<ThresholdPoint> points;  // ascending
};

enum class ThresholdAxes { sparsity, energy };  // sparsity against the threshold, energy against the sparsity

Chart threshold_chart(const std::vector<ThresholdCurve>& curves, ThresholdAxes axes, const std::string& title,
                      const std::string& subtitle);

}  // namespace lacuna
