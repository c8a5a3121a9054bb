// Rows of kernels/select with Highway. Scores are ≥ 0, so their bit patterns order like integers: the k-th smallest is
// found by bisecting on the bits, counting smaller ones with vector subtractions while the row stays in the first-level
// cache. No sort, no data-dependent branch, and ties are settled by position alone.

#include <algorithm>
#include <bit>

#include "lacuna/kernels/select/row.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lacuna/kernels/select/simd.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which redefines HWY_TARGET for each pass over this file.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace lacuna::kernels::select::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr std::int32_t kAboveAll = 0x7fffffff;  // the padding of a row of scores: larger than any finite score

struct Scored {
  std::int64_t padded = 0;  // columns rounded up to whole vectors
  std::int32_t lowest = 0;  // bits
  std::int32_t highest = 0;
  double energy = 0.0;
};

template <class D>
hn::VFromD<D> load_first(D d, const float* from, std::int64_t left) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  return left >= lanes ? hn::LoadU(d, from) : hn::MaskedLoad(hn::FirstN(d, static_cast<std::size_t>(left)), d, from);
}

Scored fill_scores(const float* weights, const float* scale, std::int64_t cols, float* scores) {
  const hn::ScalableTag<float> d;
  const hn::RebindToSigned<decltype(d)> di;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  auto energy = hn::Zero(d);
  auto lowest = hn::Set(di, kAboveAll);
  auto highest = hn::Zero(di);
  std::int64_t c = 0;
  for (; c < cols; c += lanes) {
    const auto left = cols - c;
    auto score = hn::Abs(load_first(d, weights + c, left));
    if (scale != nullptr) score = hn::Mul(score, load_first(d, scale + c, left));
    energy = hn::MulAdd(score, score, energy);
    auto bits = hn::BitCast(di, score);
    if (left < lanes) {
      bits = hn::IfThenElse(hn::FirstN(di, static_cast<std::size_t>(left)), bits, hn::Set(di, kAboveAll));
    } else {
      highest = hn::Max(highest, bits);
    }
    lowest = hn::Min(lowest, bits);
    hn::StoreU(hn::BitCast(d, bits), d, scores + c);
  }
  Scored scored;
  scored.padded = c;
  scored.energy = static_cast<double>(hn::GetLane(hn::SumOfLanes(d, energy)));
  scored.lowest = hn::GetLane(hn::MinOfLanes(di, lowest));
  // The last partial vector, if any, is not in `highest`: any finite score lies below infinity.
  scored.highest = cols % lanes == 0 ? hn::GetLane(hn::MaxOfLanes(di, highest)) : 0x7f800000;
  return scored;
}

// How many of the scores' bit patterns are ≤ limit < kAboveAll.
std::int64_t count_up_to(const float* scores, std::int64_t padded, std::int32_t limit) {
  const hn::ScalableTag<float> d;
  const hn::RebindToSigned<decltype(d)> di;
  const hn::RebindToUnsigned<decltype(d)> du;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const auto bound = hn::Set(di, limit + 1);
  const auto smaller = [&](std::int64_t c) {  // 1 where score < bound: the sign of a difference that cannot overflow
    const auto difference = hn::Sub(hn::BitCast(di, hn::LoadU(d, scores + c)), bound);
    return hn::ShiftRight<31>(hn::BitCast(du, difference));
  };
  auto count0 = hn::Zero(du);
  auto count1 = hn::Zero(du);
  std::int64_t c = 0;
  for (; c + 2 * lanes <= padded; c += 2 * lanes) {
    count0 = hn::Add(count0, smaller(c));
    count1 = hn::Add(count1, smaller(c + lanes));
  }
  if (c < padded) count0 = hn::Add(count0, smaller(c));
  return static_cast<std::int64_t>(hn::GetLane(hn::SumOfLanes(du, hn::Add(count0, count1))));
}

struct Cut {
  std::int32_t bits = 0;   // the score at index k − 1 of the ascending order
  std::int64_t of_it = 0;  // how many scores equal to it are among the first k
};

Cut find_cut(const float* scores, const Scored& scored, std::int64_t k) {
  std::int32_t low = scored.lowest;
  std::int32_t high = scored.highest;
  std::int64_t below = 0;  // scores < low
  while (low < high) {
    const std::int32_t middle = low + (high - low) / 2;
    const auto count = count_up_to(scores, scored.padded, middle);
    if (count >= k) {
      high = middle;
    } else {
      low = middle + 1;
      below = count;
    }
  }
  return {low, k - below};
}

// Zeroes what lies below the cut, and the first of_it entries that equal it.
double zero_at_cut(float* weights, const float* scores, std::int64_t cols, Cut cut) {
  const hn::ScalableTag<float> d;
  const hn::RebindToSigned<decltype(d)> di;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const auto level = hn::Set(di, cut.bits);
  auto energy = hn::Zero(d);
  for (std::int64_t c = 0; c < cols; c += lanes) {
    const auto score = hn::LoadU(d, scores + c);
    const auto bits = hn::BitCast(di, score);
    auto gone = hn::Lt(bits, level);
    const auto equal = hn::Eq(bits, level);
    if (!hn::AllFalse(di, equal)) {
      const auto here = static_cast<std::int64_t>(hn::CountTrue(di, equal));
      if (here <= cut.of_it) {
        gone = hn::Or(gone, equal);
        cut.of_it -= here;
      } else {
        std::int64_t keep_from = 0;  // the lane after the last tie that still goes
        for (std::int64_t lane = 0; cut.of_it > 0; ++lane) {
          if (std::bit_cast<std::int32_t>(scores[c + lane]) != cut.bits) continue;
          --cut.of_it;
          keep_from = lane + 1;
        }
        gone = hn::Or(gone, hn::And(equal, hn::FirstN(di, static_cast<std::size_t>(keep_from))));
      }
    }
    const auto gone_f = hn::RebindMask(d, gone);
    const auto zeroed = hn::IfThenElseZero(gone_f, score);
    energy = hn::MulAdd(zeroed, zeroed, energy);
    hn::BlendedStore(hn::Zero(d), gone_f, d, weights + c);
  }
  return static_cast<double>(hn::GetLane(hn::SumOfLanes(d, energy)));
}

ScoreEnergy zero_k_smallest_row(float* weights, const float* scale, std::int64_t cols, std::int64_t k, float* scratch) {
  if (cols == 0) return {};
  const auto scored = fill_scores(weights, scale, cols, scratch);
  if (k == 0) return {0.0, scored.energy};
  const auto cut = find_cut(scratch, scored, k);
  return {zero_at_cut(weights, scratch, cols, cut), scored.energy};
}

// Up to a vector of groups, one per lane: by_member[j·lanes + g] is the score of member j of group g.
template <class D>
void gather_groups(D d, const float* scores, std::int64_t groups, int m, float* by_member) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t g = 0; g < lanes; ++g) {
    const float* group = scores + (g < groups ? g : 0) * m;
    for (int j = 0; j < m; ++j) by_member[j * lanes + g] = group[j];
  }
}

// Zeroes member j of each group when fewer than n members come before it; returns the scores it zeroed, else 0.
template <class D>
hn::VFromD<D> zero_member(D d, float* weights, const float* by_member, std::int64_t groups, int j, int n, int m) {
  const hn::RebindToSigned<D> di;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const auto own = hn::Load(d, by_member + j * lanes);
  auto rank = hn::Zero(di);  // minus the number of members that come before j: a true lane is −1
  for (int i = 0; i < m; ++i) {
    const auto other = hn::Load(d, by_member + i * lanes);
    const auto before = i < j ? hn::Le(other, own) : hn::Lt(other, own);
    rank = hn::Add(rank, hn::VecFromMask(di, hn::RebindMask(di, before)));
  }
  const auto real = hn::FirstN(di, static_cast<std::size_t>(groups));
  const auto gone = hn::And(real, hn::Gt(rank, hn::Set(di, -n)));
  HWY_ALIGN std::int32_t keep_bits[hn::MaxLanes(d)];
  hn::Store(hn::Not(hn::VecFromMask(di, gone)), di, keep_bits);
  for (std::int64_t g = 0; g < groups; ++g) {
    float& weight = weights[g * m + j];
    weight = std::bit_cast<float>(std::bit_cast<std::int32_t>(weight) & keep_bits[g]);
  }
  return hn::IfThenElseZero(hn::RebindMask(d, gone), own);
}

ScoreEnergy zero_n_of_m_row(float* weights, const float* scale, std::int64_t cols, int n, int m, float* scratch) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  HWY_ALIGN float by_member[kMaxSimdGroup * hn::MaxLanes(d)];
  const double total = fill_scores(weights, scale, cols, scratch).energy;
  auto energy = hn::Zero(d);
  const std::int64_t all_groups = cols / m;
  for (std::int64_t first = 0; first < all_groups; first += lanes) {
    const auto groups = std::min(lanes, all_groups - first);
    gather_groups(d, scratch + first * m, groups, m, by_member);
    for (int j = 0; j < m; ++j) {
      const auto zeroed = zero_member(d, weights + first * m, by_member, groups, j, n, m);
      energy = hn::MulAdd(zeroed, zeroed, energy);
    }
  }
  return {static_cast<double>(hn::GetLane(hn::SumOfLanes(d, energy))), total};
}

}  // namespace lacuna::kernels::select::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lacuna::kernels::select::simd {

HWY_EXPORT(zero_k_smallest_row);
HWY_EXPORT(zero_n_of_m_row);

ScoreEnergy zero_k_smallest_row(float* weights, const float* scale, std::int64_t cols, std::int64_t k, float* scratch) {
  return HWY_DYNAMIC_DISPATCH(zero_k_smallest_row)(weights, scale, cols, k, scratch);
}

ScoreEnergy zero_n_of_m_row(float* weights, const float* scale, std::int64_t cols, int n, int m, float* scratch) {
  return HWY_DYNAMIC_DISPATCH(zero_n_of_m_row)(weights, scale, cols, n, m, scratch);
}

}  // namespace lacuna::kernels::select::simd
#endif  // HWY_ONCE
