#include "lacuna/kernels/packed_gemv/bundled_rows.hpp"

namespace lacuna::kernels {

int choose_bundle_warps(std::int64_t bundles, int multiprocessors) {
  const double share = static_cast<double>(bundles) / multiprocessors;
  int best = 1;
  double least = 1e300;
  for (int warps = BundledRows::kMostWarps; warps >= 1; --warps) {
    const std::int64_t streams = std::int64_t{multiprocessors} * warps;
    const std::int64_t rounds = (bundles + streams - 1) / streams;
    const double waste = static_cast<double>(rounds * warps) / share;
    if (waste < least - 0.04) {
      least = waste;
      best = warps;
    }
  }
  return best;
}

}  // namespace lacuna::kernels
