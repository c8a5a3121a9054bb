// Mean and standard deviation over the runs of a clustering, as `lacuna cluster` tells, draws and reports them.
#pragma once

#include <span>

namespace lacuna {

struct RunMean {
  double mean = 0.0;
  double std = 0.0;  // population
};

RunMean mean_of_runs(std::span<const double> values);  // of no values: 0 and 0

}  // namespace lacuna
