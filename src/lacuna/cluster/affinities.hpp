// The input affinities of t-SNE, as a sparse symmetric matrix (dense where all pairs count). Internal to cluster.
#pragma once

#include <cstdint>
#include <vector>

#include "lacuna/cluster/point_gram.hpp"

namespace lacuna {

// Row i: entries [begin[i], begin[i + 1]), columns ascending, without the diagonal. Σ p = 1.
struct Affinities {
  std::vector<std::int64_t> begin;
  std::vector<std::int32_t> column;
  std::vector<double> p;

  std::int64_t count() const { return static_cast<std::int64_t>(begin.size()) - 1; }
};

// neighbours: how many of the nearest points count for each one; n − 1: all.
Affinities make_affinities(const PointGram& points, double perplexity, std::int64_t neighbours);

}  // namespace lacuna
