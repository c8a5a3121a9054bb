#include "lacuna/cluster/random_subset.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "lacuna/kernels/bitcount/bitcount.hpp"

namespace lacuna {
namespace {

// The probability number / 2^digits that a word's bits are set with.
struct BinaryFraction {
  unsigned digits = 1;
  std::uint64_t number = 0;
};

// The shortest one whose error moves the size of the set by less than its own standard deviation.
BinaryFraction near_fraction(std::int64_t n, std::int64_t k) {
  const auto size = static_cast<double>(n);
  const double p = static_cast<double>(k) / size;
  const double tolerance = 0.5 * std::sqrt(size * p * (1.0 - p)) + 1.0;
  for (unsigned digits = 1;; ++digits) {
    const double scale = std::ldexp(1.0, static_cast<int>(digits));
    const double number = std::round(p * scale);
    if (digits == 16 || std::abs(number / scale - p) * size <= tolerance) {
      return {digits, static_cast<std::uint64_t>(number)};
    }
  }
}

// 64 independent bits. From the last digit to the first: a one makes what came before or a coin, a zero both.
std::uint64_t biased_word(const BinaryFraction& p, Random& random) {
  if (p.number >> p.digits != 0) return ~std::uint64_t{0};
  std::uint64_t word = 0;
  for (unsigned i = static_cast<unsigned>(std::countr_zero(p.number | (std::uint64_t{1} << p.digits))); i < p.digits;
       ++i) {
    const std::uint64_t coin = random.next();
    word = ((p.number >> i) & 1U) != 0 ? word | coin : word & coin;
  }
  return word;
}

}  // namespace

SubsetSampler::SubsetSampler(std::int64_t bits)
    : bits_(bits),
      words_((bits + 63) / 64),
      position_mask_(std::bit_ceil(static_cast<std::uint64_t>(std::max<std::int64_t>(bits, 1))) - 1),
      universe_(static_cast<std::size_t>(words_)) {}

void SubsetSampler::draw(const std::uint64_t* universe, std::int64_t n, std::int64_t k, std::uint64_t* out,
                         Random& random) {
  std::copy(universe, universe + words_, universe_.begin());
  if (k == n || k == 0) {
    for (std::int64_t w = 0; w < words_; ++w) out[w] = k == 0 ? 0 : universe[w];
  } else if (n < bits_ / 16 || n < 16) {
    draw_few(k, out, random);
  } else {
    take_each(n, k, out, random);
  }
}

void SubsetSampler::draw_few(std::int64_t k, std::uint64_t* out, Random& random) {
  positions_.clear();
  for (std::int64_t w = 0; w < words_; ++w) {
    for (std::uint64_t word = universe_[static_cast<std::size_t>(w)]; word != 0; word &= word - 1) {
      positions_.push_back(static_cast<std::uint32_t>(w * 64 + std::countr_zero(word)));
    }
  }
  std::fill(out, out + words_, 0);
  for (std::size_t i = 0; i < static_cast<std::size_t>(k); ++i) {
    std::swap(positions_[i], positions_[i + random.below(positions_.size() - i)]);
    out[positions_[i] / 64] |= std::uint64_t{1} << (positions_[i] % 64);
  }
}

void SubsetSampler::take_each(std::int64_t n, std::int64_t k, std::uint64_t* out, Random& random) {
  const BinaryFraction p = near_fraction(n, k);
  for (std::int64_t w = 0; w < words_; ++w) out[w] = universe_[static_cast<std::size_t>(w)] & biased_word(p, random);
  correct(static_cast<std::int64_t>(kernels::count_bits(out, words_)) - k, out, random);
}

// Removes `surplus` random elements of out, or adds as many of the rest of the universe as are missing.
void SubsetSampler::correct(std::int64_t surplus, std::uint64_t* out, Random& random) {
  const std::uint64_t full = surplus > 0 ? 0 : ~std::uint64_t{0};
  for (std::int64_t left = std::abs(surplus); left > 0;) {
    const auto at = static_cast<std::int64_t>(random.next() & position_mask_);
    if (at >= bits_) continue;
    const std::uint64_t bit = std::uint64_t{1} << (at % 64);
    if (((out[at / 64] ^ full) & universe_[static_cast<std::size_t>(at / 64)] & bit) == 0) continue;
    out[at / 64] ^= bit;
    --left;
  }
}

}  // namespace lacuna
