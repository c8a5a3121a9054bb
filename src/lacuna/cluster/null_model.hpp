// Random masks that keep part of what a mask has, to say whether the structure found in it is more than chance.
//
//   columns   each feature's pattern is shuffled independently: keeps the non-zeros of every feature (column of W)
//   margins   keeps the non-zeros of every feature and of every row of W, as a degree-preserving randomisation: 20
//             rounds of global curveball trades (two features exchange, at random, the rows that only one of them has)
//   pattern   the positions within every group of m consecutive features of a row are shuffled: keeps an N:M pattern
//             and every group's count
//
// A draw is a function of (seed, index) alone. Draws of `columns` and `pattern` are independent and uniform among the
// masks that keep those numbers. Draws of `margins` start from a common mask, itself 20 rounds away from the given one;
// trades are reversible, so the given mask and the draws are exchangeable and p is valid however far 20 rounds mix.
//
// Exact    the same masks on every ISA and thread count.
// Cost     memory: one mask per draw in progress. columns: about one random number per 64 entries and binary digit of
//          the density. margins: 20 times that.
// Threads  draw() is safe to call concurrently, and parallel inside when it is called from one thread.
// Errors   Error{invalid_argument}: m < 2 for `pattern`.
// Source   docs/cluster.md; curveball: Carstens, Berger, Strona, arXiv:1609.05137; global trades: Carstens et al.,
//          arXiv:1804.08487; parallel chains: Besag and Clifford 1989, Biometrika 76:633.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "lacuna/bits/bit_matrix.hpp"

namespace lacuna {

enum class NullModel { columns, margins, pattern };
std::string_view null_model_name(NullModel model);
std::optional<NullModel> parse_null_model(std::string_view name);

class NullSampler {
 public:
  // features: one feature per row, must outlive the sampler. m: of an N:M pattern, else unused.
  NullSampler(const BitMatrix& features, NullModel model, int m, std::uint64_t seed);
  BitMatrix draw(std::int64_t index) const;

 private:
  BitMatrix shuffled_columns(std::uint64_t seed) const;
  BitMatrix shuffled_groups(std::uint64_t seed) const;

  const BitMatrix& features_;
  NullModel model_;
  int m_;
  std::uint64_t seed_;
  BitMatrix hub_;  // margins: where the draws start
};

// An independent stream for each part of a computation: mixes both words.
std::uint64_t derived_seed(std::uint64_t seed, std::uint64_t part);

}  // namespace lacuna
