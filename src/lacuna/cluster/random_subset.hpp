// Uniform random subsets of a set of bits, whole words at a time. Internal to cluster.
//
// draw() chooses uniformly among all subsets of `universe` with exactly k elements. Every element is first taken with
// one probability near k/n: given their number, such a set is uniform among those of its size, and taking random
// elements out of it or into it until there are k keeps it so. At density 0.5 that is one random number per 64 bits and
// a few dozen corrections. Small universes are sampled by a partial Fisher-Yates shuffle instead.
//
// Threads  one sampler per thread.
#pragma once

#include <cstdint>
#include <vector>

#include "lacuna/core/random.hpp"

namespace lacuna {

class SubsetSampler {
 public:
  explicit SubsetSampler(std::int64_t bits);  // universes are sets of bits [0, bits)

  // universe has n elements; 0 ≤ k ≤ n; out has as many words as universe, may be universe itself.
  void draw(const std::uint64_t* universe, std::int64_t n, std::int64_t k, std::uint64_t* out, Random& random);

 private:
  void draw_few(std::int64_t k, std::uint64_t* out, Random& random);
  void take_each(std::int64_t n, std::int64_t k, std::uint64_t* out, Random& random);
  void correct(std::int64_t surplus, std::uint64_t* out, Random& random);

  std::int64_t bits_;
  std::int64_t words_;
  std::uint64_t position_mask_;
  std::vector<std::uint64_t> universe_;
  std::vector<std::uint32_t> positions_;
};

}  // namespace lacuna
