#include "lacuna/cluster/run_mean.hpp"

#include <algorithm>
#include <cmath>

namespace lacuna {

RunMean mean_of_runs(std::span<const double> values) {
  RunMean runs;
  const auto n = static_cast<double>(std::max<std::size_t>(values.size(), 1));
  for (const double v : values) runs.mean += v / n;
  for (const double v : values) runs.std += (v - runs.mean) * (v - runs.mean) / n;
  runs.std = std::sqrt(runs.std);
  return runs;
}

}  // namespace lacuna
