#include "lacuna/cluster/null_model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <numeric>
#include <vector>

#include "lacuna/cluster/random_subset.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/core/random.hpp"
#include "lacuna/core/threads.hpp"
#include "lacuna/kernels/bitcount/bitcount.hpp"

namespace lacuna {
namespace {

constexpr int kRounds = 20;
constexpr std::int64_t kChunk = 64;  // features, pairs or rows with one stream of random numbers

struct NamedModel {
  NullModel model;
  std::string_view name;
};
constexpr std::array<NamedModel, 3> kModels = {
    {{NullModel::columns, "columns"}, {NullModel::margins, "margins"}, {NullModel::pattern, "pattern"}}};

// body(i, random) for i in [0, n), in chunks with a stream each, whatever the threads.
template <typename State, typename Body>
void for_each_seeded(std::int64_t n, std::uint64_t seed, const State& prototype, const Body& body) {
  parallel_for((n + kChunk - 1) / kChunk, 1, [&](std::int64_t begin, std::int64_t end) {
    State state = prototype;
    for (auto chunk = begin; chunk < end; ++chunk) {
      Random random(derived_seed(seed, static_cast<std::uint64_t>(chunk)));
      for (auto i = chunk * kChunk; i < std::min(n, (chunk + 1) * kChunk); ++i) body(i, state, random);
    }
  });
}

// Two features exchange the rows that only one of them has; each keeps its number of rows.
class Trade {
 public:
  explicit Trade(std::int64_t rows) : sampler_(rows), differing_(static_cast<std::size_t>((rows + 63) / 64)) {}

  void run(std::uint64_t* a, std::uint64_t* b, Random& random) {
    const auto words = static_cast<std::int64_t>(differing_.size());
    for (std::int64_t w = 0; w < words; ++w) differing_[static_cast<std::size_t>(w)] = a[w] ^ b[w];
    const auto total = static_cast<std::int64_t>(kernels::count_bits(differing_.data(), words));
    if (total == 0) return;
    for (std::int64_t w = 0; w < words; ++w) b[w] &= a[w];  // now what both have
    const auto of_a = static_cast<std::int64_t>(kernels::count_bits(a, words) - kernels::count_bits(b, words));
    sampler_.draw(differing_.data(), total, of_a, a, random);
    for (std::int64_t w = 0; w < words; ++w) {
      const std::uint64_t to_a = a[w];
      const std::uint64_t common = b[w];
      a[w] = common | to_a;
      b[w] = common | (differing_[static_cast<std::size_t>(w)] ^ to_a);
    }
  }

 private:
  SubsetSampler sampler_;
  std::vector<std::uint64_t> differing_;
};

// Rounds in which every feature trades with one random other (one sits out when their number is odd).
void trade_globally(BitMatrix& features, std::uint64_t seed) {
  std::vector<std::int64_t> partners(static_cast<std::size_t>(features.rows()));
  std::iota(partners.begin(), partners.end(), 0);
  const Trade prototype(features.cols());
  for (int round = 0; round < kRounds; ++round) {
    const std::uint64_t round_seed = derived_seed(seed, static_cast<std::uint64_t>(round));
    Random(round_seed).shuffle(partners.begin(), partners.end());
    for_each_seeded(features.rows() / 2, derived_seed(round_seed, 1), prototype,
                    [&](std::int64_t pair, Trade& trade, Random& random) {
                      const auto at = static_cast<std::size_t>(2 * pair);
                      trade.run(features.row(partners[at]), features.row(partners[at + 1]), random);
                    });
  }
}

// Uniform among the masks of m bits with as many set, m ≤ 8, by table.
class GroupTable {
 public:
  explicit GroupTable(int m) : m_(m) {
    for (unsigned mask = 0; mask < (1U << static_cast<unsigned>(m)); ++mask) {
      masks_[static_cast<std::size_t>(std::popcount(mask))].push_back(static_cast<std::uint8_t>(mask));
    }
  }

  std::uint64_t shuffled(std::uint64_t word, Random& random) const {
    const std::uint64_t low = (std::uint64_t{1} << static_cast<unsigned>(m_)) - 1;
    std::uint64_t out = 0;
    for (int at = 0; at < 64; at += m_) {
      const auto& choices = masks_[static_cast<std::size_t>(std::popcount((word >> at) & low))];
      out |= std::uint64_t{choices[choices.size() == 1 ? 0 : random.below(choices.size())]} << at;
    }
    return out;
  }

 private:
  int m_;
  std::array<std::vector<std::uint8_t>, 9> masks_;
};

void shuffle_bits(BitMatrix& rows, std::int64_t r, std::int64_t first, std::int64_t count, Random& random) {
  for (auto n = count; n > 1; --n) {
    const auto a = first + n - 1;
    const auto b = first + static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(n)));
    const bool bit = rows.get(r, a);
    rows.set(r, a, rows.get(r, b));
    rows.set(r, b, bit);
  }
}

}  // namespace

std::string_view null_model_name(NullModel model) { return kModels[static_cast<std::size_t>(model)].name; }

std::optional<NullModel> parse_null_model(std::string_view name) {
  for (const auto& entry : kModels) {
    if (entry.name == name) return entry.model;
  }
  return std::nullopt;
}

std::uint64_t derived_seed(std::uint64_t seed, std::uint64_t part) {
  Random mixed(seed ^ (part + 1) * 0xd1342543de82ef95ULL);
  mixed.next();
  return mixed.next() ^ std::rotl(seed, 32);
}

NullSampler::NullSampler(const BitMatrix& features, NullModel model, int m, std::uint64_t seed)
    : features_(features), model_(model), m_(m), seed_(derived_seed(seed, 0x6e756c6c)) {
  if (model == NullModel::pattern && m < 2) {
    throw Error(ErrorCode::invalid_argument, fmt::format("group of a pattern: expected at least 2, got {}", m));
  }
  if (model != NullModel::margins) return;
  hub_ = features;
  trade_globally(hub_, derived_seed(seed_, ~std::uint64_t{0}));
}

BitMatrix NullSampler::draw(std::int64_t index) const {
  const std::uint64_t seed = derived_seed(seed_, static_cast<std::uint64_t>(index));
  if (model_ == NullModel::columns) return shuffled_columns(seed);
  if (model_ == NullModel::pattern) return shuffled_groups(seed);
  BitMatrix drawn = hub_;
  trade_globally(drawn, seed);
  return drawn;
}

BitMatrix NullSampler::shuffled_columns(std::uint64_t seed) const {
  BitMatrix drawn(features_.rows(), features_.cols());
  const BitMatrix all = ~BitMatrix(1, features_.cols());
  const auto ones = features_.row_counts();
  for_each_seeded(features_.rows(), seed, SubsetSampler(features_.cols()),
                  [&](std::int64_t f, SubsetSampler& sampler, Random& random) {
                    sampler.draw(all.row(0), features_.cols(), ones[static_cast<std::size_t>(f)], drawn.row(f), random);
                  });
  return drawn;
}

BitMatrix NullSampler::shuffled_groups(std::uint64_t seed) const {
  BitMatrix rows = features_.transposed();
  const bool by_table = m_ <= 8 && 64 % m_ == 0;
  const std::int64_t whole_words = by_table ? rows.cols() / 64 : 0;
  const GroupTable table(by_table ? m_ : 2);
  for_each_seeded(rows.rows(), seed, table, [&](std::int64_t r, const GroupTable& groups, Random& random) {
    for (std::int64_t w = 0; w < whole_words; ++w) rows.row(r)[w] = groups.shuffled(rows.row(r)[w], random);
    for (auto c = whole_words * 64; c < rows.cols(); c += m_) {
      shuffle_bits(rows, r, c, std::min<std::int64_t>(m_, rows.cols() - c), random);
    }
  });
  return rows.transposed();
}

}  // namespace lacuna
