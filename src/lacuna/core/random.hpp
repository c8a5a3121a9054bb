// Seeded random numbers, identical on every platform and standard library.
//
// Random        xoshiro256** seeded through splitmix64 (Blackman & Vigna, public domain description).
// PythonRandom  CPython's `random` module: MT19937 seeded by init_by_array, randrange by rejection sampling, so that a
//               calibration draw `random.seed(s); random.randint(a, b)` of the research scripts is reproduced exactly.
#pragma once

#include <array>
#include <cstdint>

namespace lacuna {

class Random {
 public:
  explicit Random(std::uint64_t seed);
  std::uint64_t next();                      // uniform over 64 bits
  std::uint64_t below(std::uint64_t bound);  // uniform over [0, bound), without bias; bound > 0
  double uniform();                          // [0, 1), 53 bits
  double normal();                           // mean 0, variance 1 (polar method)

  template <typename Iterator>
  void shuffle(Iterator begin, Iterator end) {  // Fisher-Yates
    for (auto n = static_cast<std::uint64_t>(end - begin); n > 1; --n) {
      using std::swap;
      swap(begin[n - 1], begin[below(n)]);
    }
  }

 private:
  std::array<std::uint64_t, 4> state_;
  double spare_ = 0.0;
  bool has_spare_ = false;
};

class PythonRandom {
 public:
  explicit PythonRandom(std::uint64_t seed);                  // random.seed(seed), seed ≥ 0
  std::uint32_t next();                                       // getrandbits(32)
  std::int64_t randint(std::int64_t low, std::int64_t high);  // random.randint(low, high), both inclusive
  double random();                                            // random.random()

 private:
  std::uint64_t bits(int n);
  std::array<std::uint32_t, 624> state_{};
  std::size_t position_ = 624;
};

}  // namespace lacuna
