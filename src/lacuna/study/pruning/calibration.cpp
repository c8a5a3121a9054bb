#include "lacuna/study/pruning/calibration.hpp"

#include <fmt/format.h>

#include "lacuna/core/error.hpp"
#include "lacuna/core/random.hpp"

namespace lacuna {

CalibrationSet draw_calibration(const TokenSource& source, std::int64_t samples, std::int64_t seqlen,
                                std::uint64_t seed) {
  if (samples < 1 || seqlen < 1) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("calibration: expected samples ≥ 1 and seqlen ≥ 1, got {} × {}", samples, seqlen));
  }
  const bool enough = source.is_stream() ? source.cols > seqlen : source.rows >= samples && source.cols >= seqlen;
  if (!enough) {
    throw Error(ErrorCode::not_enough_tokens,
                fmt::format("calibration: expected {} samples × {} tokens, the source holds {} × {}", samples, seqlen,
                            source.rows, source.cols));
  }
  CalibrationSet set;
  set.samples = samples;
  set.seqlen = seqlen;
  set.tokens.reserve(static_cast<std::size_t>(samples * seqlen));
  PythonRandom random(seed);
  for (std::int64_t s = 0; s < samples; ++s) {
    const std::int64_t start = source.is_stream() ? random.randint(0, source.cols - seqlen - 1) : s * source.cols;
    const auto begin = source.ids.begin() + start;
    set.tokens.insert(set.tokens.end(), begin, begin + seqlen);
  }
  set.digest = digest_tokens(set.tokens);
  return set;
}

}  // namespace lacuna
