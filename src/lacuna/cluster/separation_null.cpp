#include "lacuna/cluster/separation_null.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>

#include "lacuna/cluster/null_model.hpp"
#include "lacuna/cluster/random_subset.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/core/random.hpp"
#include "lacuna/core/threads.hpp"

namespace lacuna {
namespace {

// Hypergeometric numbers by inversion, outwards from the mode: a few standard deviations of steps.
class Hypergeometric {
 public:
  explicit Hypergeometric(std::int64_t population) : log_factorials_(static_cast<std::size_t>(population) + 1) {
    for (std::size_t i = 1; i < log_factorials_.size(); ++i)
      log_factorials_[i] = log_factorials_[i - 1] + std::log(static_cast<double>(i));
  }

  // How many of `marked` among `population` are in a random subset of `drawn`.
  std::int64_t draw(std::int64_t marked, std::int64_t drawn, Random& random) const {
    const auto population = static_cast<std::int64_t>(log_factorials_.size()) - 1;
    const std::int64_t rest = population - marked - drawn;  // may be negative
    const std::int64_t lowest = std::max<std::int64_t>(0, -rest);
    const std::int64_t highest = std::min(marked, drawn);
    const auto mode = std::clamp((marked + 1) * (drawn + 1) / (population + 2), lowest, highest);
    const double peak = std::exp(log_choose(marked, mode) + log_choose(population - marked, drawn - mode) -
                                 log_choose(population, drawn));
    double left = random.uniform() - peak;
    double up = peak;
    double down = peak;
    for (std::int64_t high = mode, low = mode; left >= 0.0 && (high < highest || low > lowest);) {
      if (high < highest) {
        up *= ratio(marked - high, drawn - high, high + 1, rest + high + 1);
        ++high;
        left -= up;
        if (left < 0.0) return high;
      }
      if (low > lowest) {
        down *= ratio(low, rest + low, marked - low + 1, drawn - low + 1);
        --low;
        left -= down;
        if (left < 0.0) return low;
      }
      if (up < 1e-300 && down < 1e-300) break;
    }
    return mode;  // also what rounding leaves over
  }

 private:
  static double ratio(std::int64_t a, std::int64_t b, std::int64_t c, std::int64_t d) {
    return static_cast<double>(a) * static_cast<double>(b) / (static_cast<double>(c) * static_cast<double>(d));
  }
  double log_choose(std::int64_t n, std::int64_t k) const {
    return log_factorials_[static_cast<std::size_t>(n)] - log_factorials_[static_cast<std::size_t>(k)] -
           log_factorials_[static_cast<std::size_t>(n - k)];
  }

  std::vector<double> log_factorials_;
};

void set_first(std::int64_t begin, std::int64_t end, std::uint64_t* words) {
  for (auto bit = begin; bit < end; ++bit) words[bit / 64] |= std::uint64_t{1} << static_cast<unsigned>(bit % 64);
}

// One thread's draws.
class Neighbourhoods {
 public:
  Neighbourhoods(const FeaturePatterns& patterns, const Hypergeometric& hypergeometric)
      : patterns_(patterns), hypergeometric_(hypergeometric), sampler_(patterns.rows()) {}

  BitMatrix draw(std::int64_t n, std::uint64_t seed) {
    Random random(seed);
    const auto main = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(patterns_.count())));
    const std::int64_t ones = ones_of(main);
    std::vector<Candidate> candidates;
    candidates.reserve(static_cast<std::size_t>(patterns_.count()));
    for (std::int64_t j = 0; j < patterns_.count(); ++j) {
      if (j == main) continue;
      const std::int64_t shared = hypergeometric_.draw(ones, ones_of(j), random);
      candidates.push_back({ones + ones_of(j) - 2 * shared, j, shared});
    }
    const auto last = candidates.begin() + (n - 1);
    std::partial_sort(candidates.begin(), last, candidates.end(), [](const Candidate& a, const Candidate& b) {
      return a.distance != b.distance ? a.distance < b.distance : a.feature < b.feature;
    });
    candidates.resize(static_cast<std::size_t>(n - 1));
    return sample_patterns(main, candidates, random);
  }

 private:
  struct Candidate {
    std::int64_t distance;
    std::int64_t feature;
    std::int64_t shared;
  };

  std::int64_t ones_of(std::int64_t j) const { return patterns_.ones()[static_cast<std::size_t>(j)]; }

  // Rows are alike: the main feature may have the first ones.
  BitMatrix sample_patterns(std::int64_t main, const std::vector<Candidate>& candidates, Random& random) {
    const std::int64_t rows = patterns_.rows();
    const std::int64_t ones = ones_of(main);
    BitMatrix bits(static_cast<std::int64_t>(candidates.size()) + 1, rows);
    set_first(0, ones, bits.row(0));
    std::vector<std::uint64_t> outside(static_cast<std::size_t>(bits.row_words()), 0);
    set_first(ones, rows, outside.data());
    std::vector<std::uint64_t> drawn(outside.size());
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      std::uint64_t* row = bits.row(static_cast<std::int64_t>(i) + 1);
      const auto& candidate = candidates[i];
      sampler_.draw(bits.row(0), ones, candidate.shared, row, random);
      sampler_.draw(outside.data(), rows - ones, ones_of(candidate.feature) - candidate.shared, drawn.data(), random);
      for (std::size_t w = 0; w < drawn.size(); ++w) row[w] |= drawn[w];
    }
    return bits;
  }

  const FeaturePatterns& patterns_;
  const Hypergeometric& hypergeometric_;
  SubsetSampler sampler_;
};

void check(const FeaturePatterns& patterns, const SeparationNullOptions& options) {
  const auto in_range = [&](int k) { return 1 <= k && k <= options.n; };
  if (options.n < 1 || options.n > patterns.count() || options.draws < 1 ||
      !std::all_of(options.k.begin(), options.k.end(), in_range)) {
    throw Error(
        ErrorCode::invalid_argument,
        fmt::format("null of the separation: expected 1 to {} features, k up to their number and a draw, got {} "
                    "features and {} draws",
                    patterns.count(), options.n, options.draws));
  }
}

}  // namespace

std::vector<std::vector<double>> draw_separation_null(const FeaturePatterns& patterns,
                                                      const SeparationNullOptions& options, const RunContext& context) {
  check(patterns, options);
  const Hypergeometric hypergeometric(patterns.rows());
  std::vector<std::vector<double>> ratios(options.k.size(),
                                          std::vector<double>(static_cast<std::size_t>(options.draws)));
  parallel_for(options.draws, 1, [&](std::int64_t begin, std::int64_t end) {
    Neighbourhoods neighbourhoods(patterns, hypergeometric);
    for (auto d = begin; d < end; ++d) {
      context.check_stop();
      const auto seed = derived_seed(options.seed, static_cast<std::uint64_t>(d));
      const auto gram = PointGram::of_patterns(neighbourhoods.draw(options.n, seed));
      for (std::size_t i = 0; i < options.k.size(); ++i) {
        const auto clustering = kmeans(gram, {options.k[i], options.initialisations, 300, derived_seed(seed, i + 1)});
        ratios[i][static_cast<std::size_t>(d)] = hamming_separation(gram, clustering).ratio().value_or(0.0);
      }
    }
  });
  return ratios;
}

BitMatrix draw_null_neighbourhood(const FeaturePatterns& patterns, std::int64_t n, std::uint64_t seed) {
  const Hypergeometric hypergeometric(patterns.rows());
  return Neighbourhoods(patterns, hypergeometric).draw(n, seed);
}

}  // namespace lacuna
