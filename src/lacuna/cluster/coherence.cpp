#include "lacuna/cluster/coherence.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "lacuna/cluster/neighbours.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/core/permutation.hpp"
#include "lacuna/core/threads.hpp"
#include "lacuna/kernels/bitcount/bitcount.hpp"

namespace lacuna {
namespace {

// Rows in which at least one of the features is not zero.
std::uint64_t covered_rows(const FeaturePatterns& patterns, std::span<const std::int64_t> features,
                           std::vector<std::uint64_t>& any) {
  std::fill(any.begin(), any.end(), 0);
  for (const auto feature : features) {
    const std::uint64_t* words = patterns.bits().row(feature);
    for (std::size_t w = 0; w < any.size(); ++w) any[w] |= words[w];
  }
  return kernels::count_bits(any.data(), static_cast<std::int64_t>(any.size()));
}

// Sums in integers, so that equal statistics of different masks are equal numbers.
Coherence summarize(const std::vector<std::uint64_t>& zero_rows, std::int64_t rows, std::int64_t count,
                    std::int64_t block) {
  Coherence result{block, {}, 0.0, 0.0};
  std::uint64_t total = 0;
  std::uint64_t skipped = 0;
  for (std::size_t g = 0; g < zero_rows.size(); ++g) {
    result.groups.push_back(rows == 0 ? 0.0 : static_cast<double>(zero_rows[g]) / static_cast<double>(rows));
    total += zero_rows[g];
    const std::int64_t size = std::min(block, count - static_cast<std::int64_t>(g) * block);
    skipped += zero_rows[g] * static_cast<std::uint64_t>(size);
  }
  if (count == 0 || rows == 0) return result;
  result.mean = static_cast<double>(total) / (static_cast<double>(zero_rows.size()) * static_cast<double>(rows));
  result.skipped = static_cast<double>(skipped) / (static_cast<double>(count) * static_cast<double>(rows));
  return result;
}

}  // namespace

FeatureOrder stored_order(std::int64_t count) {
  FeatureOrder order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), 0);
  return order;
}

FeatureOrder frequency_order(const FeaturePatterns& patterns) {
  FeatureOrder order = stored_order(patterns.count());
  const auto& ones = patterns.ones();
  std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
    return ones[static_cast<std::size_t>(a)] > ones[static_cast<std::size_t>(b)];
  });
  return order;
}

FeatureOrder gradient_order(const FeaturePatterns& patterns, std::int64_t feature) {
  return nearest_features(patterns, feature, patterns.count()).indices;
}

FeatureOrder grouped_order(std::span<const FeatureGroup> groups) {
  FeatureOrder order;
  for (const auto& group : groups) order.insert(order.end(), group.features.begin(), group.features.end());
  return order;
}

FeatureOrder label_order(std::span<const int> labels) {
  FeatureOrder order = stored_order(static_cast<std::int64_t>(labels.size()));
  std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
    return labels[static_cast<std::size_t>(a)] < labels[static_cast<std::size_t>(b)];
  });
  return order;
}

Coherence block_coherence(const FeaturePatterns& patterns, std::span<const std::int64_t> order, std::int64_t block) {
  if (block < 1) throw Error(ErrorCode::invalid_argument, fmt::format("block: expected at least 1, got {}", block));
  require_permutation(order, patterns.count());
  const auto count = patterns.count();
  const std::int64_t n_groups = count / block + (count % block != 0 ? 1 : 0);
  std::vector<std::uint64_t> zero_rows(static_cast<std::size_t>(n_groups));
  parallel_for(n_groups, 16, [&](std::int64_t begin, std::int64_t end) {
    std::vector<std::uint64_t> any(static_cast<std::size_t>(patterns.bits().row_words()));
    for (auto g = begin; g < end; ++g) {
      const std::int64_t size = std::min(block, count - g * block);
      const auto features = order.subspan(static_cast<std::size_t>(g * block), static_cast<std::size_t>(size));
      zero_rows[static_cast<std::size_t>(g)] =
          static_cast<std::uint64_t>(patterns.rows()) - covered_rows(patterns, features, any);
    }
  });
  return summarize(zero_rows, patterns.rows(), count, block);
}

std::string_view coherence_level(double coherence) {
  if (coherence > 0.4) return "HIGH";
  return coherence > 0.2 ? "MEDIUM" : "LOW";
}

double independent_coherence(double density, std::int64_t block) {
  return std::pow(1.0 - density, static_cast<double>(block));
}

}  // namespace lacuna
