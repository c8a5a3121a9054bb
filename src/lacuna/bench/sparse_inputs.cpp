#include "lacuna/bench/sparse_inputs.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "lacuna/core/random.hpp"

namespace lacuna {
namespace {

constexpr std::size_t kMostBytes = std::size_t{256} << 20;  // of all sets

}  // namespace

SparseInputs sparse_inputs(std::int64_t cols, double sparsity, std::uint64_t seed) {
  SparseInputs inputs;
  inputs.active = std::max<std::int64_t>(1, std::llround((1.0 - sparsity) * static_cast<double>(cols)));
  std::vector<std::size_t> order(static_cast<std::size_t>(cols));
  std::iota(order.begin(), order.end(), 0U);
  Random random(seed);
  random.shuffle(order.begin(), order.end());
  const auto active = static_cast<std::size_t>(inputs.active);
  const std::size_t most = std::max<std::size_t>(1, kMostBytes / (order.size() * sizeof(float)));
  for (std::size_t first = 0; first + active <= order.size() && inputs.sets.size() < most; first += active) {
    std::vector<float> x(order.size(), 0.0F);
    for (std::size_t i = first; i < first + active; ++i) x[order[i]] = static_cast<float>(0.5 + random.uniform());
    inputs.sets.push_back(std::move(x));
  }
  return inputs;
}

}  // namespace lacuna
