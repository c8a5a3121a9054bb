// Inputs for measuring activation sparsity: most entries are 0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace lacuna {

// Inputs whose active columns are disjoint, so that 90 % sparsity, too, reads all of a matrix before anything twice:
// as many as there are, of very wide matrices as many as 256 MiB hold.
struct SparseInputs {
  std::vector<std::vector<float>> sets;  // active entries lie between 0.5 and 1.5
  std::int64_t active = 0;               // columns of each, at least 1

  // The set of this turn: another one once all copies of the weights were read with this one.
  std::size_t set_of(std::int64_t turn, std::int64_t copies) const {
    return static_cast<std::size_t>(turn / copies) % sets.size();
  }
};

SparseInputs sparse_inputs(std::int64_t cols, double sparsity, std::uint64_t seed);

}  // namespace lacuna
