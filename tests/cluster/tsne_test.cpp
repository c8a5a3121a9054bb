#include "lacuna/cluster/tsne.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "cluster/random_points.hpp"
#include "lacuna/cluster/affinities.hpp"
#include "lacuna/cluster/quadtree.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/core/threads.hpp"

namespace lacuna {
namespace {

TEST(Affinities, HaveThePerplexityAskedFor) {
  const auto gram = PointGram::of_patterns(test::random_bits(50, 300, 0.5, 1));
  const auto dense = make_affinities(gram, 12.0, 49);
  double sum = 0;
  for (const double p : dense.p) sum += p;
  EXPECT_NEAR(sum, 1.0, 1e-12);
  ASSERT_EQ(dense.p.size(), 50U * 49U);
  for (std::size_t i = 0; i < 50; ++i) {
    for (std::size_t j = 0; j < 50; ++j) {
      if (i == j) continue;
      const auto at = [&](std::size_t a, std::size_t b) { return dense.p[a * 49 + b - (b > a ? 1 : 0)]; };
      EXPECT_DOUBLE_EQ(at(i, j), at(j, i));
    }
  }
  // Equal distances: every other point alike.
  BitMatrix corners(4, 4);
  for (int i = 0; i < 4; ++i) corners.set(i, i, true);
  for (const double p : make_affinities(PointGram::of_patterns(corners), 3.0, 3).p) EXPECT_NEAR(p, 1.0 / 12, 1e-12);
}

TEST(Quadtree, WithoutAngleSumsOverAllPoints) {
  Random random(2);
  std::vector<double> x(200);
  std::vector<double> y(200);
  for (auto& v : x) v = random.normal();
  for (auto& v : y) v = random.normal();
  x[7] = x[3];  // two points in one place
  y[7] = y[3];
  Quadtree tree;
  tree.build(x, y);
  for (const std::size_t i : {std::size_t{0}, std::size_t{3}, std::size_t{7}, std::size_t{199}}) {
    double z = 0;
    double fx = 0;
    for (std::size_t j = 0; j < x.size(); ++j) {
      if (j == i) continue;
      const double q = 1 / (1 + std::pow(x[i] - x[j], 2) + std::pow(y[i] - y[j], 2));
      z += q;
      fx += q * q * (x[i] - x[j]);
    }
    const auto exact = tree.sum(x[i], y[i], 0.0);
    EXPECT_NEAR(exact.z, z, 1e-9);
    EXPECT_NEAR(exact.x, fx, 1e-9);
    EXPECT_NEAR(tree.sum(x[i], y[i], 0.5).z, z, 0.02 * z);
  }
}

double direct_kl(const PointGram& gram, const Embedding& e, double perplexity) {
  const auto p = make_affinities(gram, perplexity, gram.count() - 1);
  const auto n = e.x.size();
  double z = 0;
  const auto q = [&](std::size_t i, std::size_t j) {
    return 1 / (1 + std::pow(e.x[i] - e.x[j], 2) + std::pow(e.y[i] - e.y[j], 2));
  };
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j) z += i == j ? 0 : q(i, j);
  double kl = 0;
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t k = static_cast<std::size_t>(p.begin[i]); k < static_cast<std::size_t>(p.begin[i + 1]); ++k)
      kl += p.p[k] * std::log(p.p[k] / (q(i, static_cast<std::size_t>(p.column[k])) / z));
  return kl;
}

TEST(Tsne, KeepsPlantedClustersApartAndReportsItsDivergence) {
  const auto gram = PointGram::of_patterns(test::planted_bits(60, 300, 3, 0.1, 3));
  TsneOptions options;
  options.perplexity = 10;
  const auto e = tsne(gram, options);
  EXPECT_EQ(e.method, TsneMethod::exact);
  EXPECT_NEAR(e.kl, direct_kl(gram, e, 10), 1e-9);
  for (std::size_t i = 0; i < 60; ++i) {  // the nearest point in the plane is of the same cluster
    double best = 1e300;
    std::size_t nearest = i;
    for (std::size_t j = 0; j < 60; ++j) {
      const double d = std::hypot(e.x[i] - e.x[j], e.y[i] - e.y[j]);
      if (j != i && d < best) {
        best = d;
        nearest = j;
      }
    }
    EXPECT_EQ(nearest % 3, i % 3);
  }
}

TEST(Tsne, MoreStartsAreNeverWorse) {
  const auto gram = PointGram::of_patterns(test::random_bits(50, 200, 0.5, 4));
  TsneOptions options;
  options.perplexity = 15;
  options.iterations = 500;
  options.starts = 1;
  const double one = tsne(gram, options).kl;
  options.starts = 4;
  EXPECT_LE(tsne(gram, options).kl, one);
}

TEST(Tsne, BarnesHutComesNearTheExactEmbedding) {
  const auto gram = PointGram::of_patterns(test::planted_bits(200, 300, 5, 0.2, 5));
  TsneOptions options;
  options.perplexity = 20;
  options.method = TsneMethod::exact;
  const auto exact = tsne(gram, options);
  options.method = TsneMethod::barnes_hut;
  const auto fast = tsne(gram, options);
  // The same measure for both: over all pairs. The sparse affinities leave a few per cent of it on the table.
  EXPECT_LT(direct_kl(gram, fast, 20), 1.1 * direct_kl(gram, exact, 20));
}

TEST(Tsne, IsTheSameOnEveryThreadCount) {
  const auto gram = PointGram::of_patterns(test::random_bits(150, 200, 0.5, 6));
  const int threads = thread_count();
  for (const auto method : {TsneMethod::exact, TsneMethod::barnes_hut}) {
    TsneOptions options;
    options.iterations = 60;
    options.method = method;
    set_thread_count(1);
    const auto one = tsne(gram, options);
    set_thread_count(2);
    EXPECT_EQ(tsne(gram, options).x, one.x);
  }
  set_thread_count(threads);
}

TEST(Tsne, PlacesWhatHasNoShape) {
  const PointGram two = PointGram::of_patterns(test::random_bits(2, 20, 0.5, 7));
  TsneOptions options;
  options.perplexity = default_perplexity(2);
  EXPECT_TRUE(std::isfinite(tsne(two, options).kl));
  options.perplexity = 5;
  const auto equal = tsne(PointGram::of_patterns(BitMatrix(20, 30)), options);
  for (const double x : equal.x) EXPECT_TRUE(std::isfinite(x));
  options.perplexity = 25;
  EXPECT_THROW(tsne(two, options), Error);
}

}  // namespace
}  // namespace lacuna
