// The calibration set of a pruning run: `samples` sequences of `seqlen` tokens.
//
// From sequences (rank 2): the first `samples` rows, the first `seqlen` tokens of each.
// From a stream (text, rank 1): `samples` windows whose starts are drawn as the reference code draws them from
// WikiText-2 (Wanda lib/data.py get_wikitext2): random.seed(seed); start = random.randint(0, len − seqlen − 1).
//
// Errors  not_enough_tokens, and those of read_token_source.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lacuna/study/token_source.hpp"

namespace lacuna {

struct CalibrationSet {
  std::vector<std::int32_t> tokens;  // samples × seqlen, row-major
  std::int64_t samples = 0;
  std::int64_t seqlen = 0;
  std::string digest;  // of `tokens`
};

CalibrationSet draw_calibration(const TokenSource& source, std::int64_t samples, std::int64_t seqlen,
                                std::uint64_t seed);

}  // namespace lacuna
