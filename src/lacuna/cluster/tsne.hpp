// t-SNE: an embedding of points in the plane in which near points stay near.
//
//   p[j|i] ∝ exp(−‖x_i − x_j‖²·β_i), β_i such that the entropy is ln(perplexity);  p[i,j] = (p[j|i] + p[i|j]) / 2n
//   q[i,j] ∝ 1 / (1 + ‖y_i − y_j‖²);   minimises KL(P ‖ Q) = Σ p ln(p/q)
//
// Gradient descent with gains and momentum, early exaggeration 12 for the first 250 iterations (or until it has
// shrunk the embedding a thousandfold: clusters too faint for it), from the first two principal coordinates; with
// `starts` > 1 also from random ones, the least KL kept. Learning rate max(n/48, 50).
//
//   exact        all pairs, for at most kTsneExact points (or when asked for)
//   barnes_hut   p over the 3·perplexity nearest points, repulsion through a quadtree, angle 0.5
//
// Accuracy  f64. kl is over all pairs for exact; over the neighbours, with the tree's normalisation, for barnes_hut.
// Exact     the same for every thread count; sums over points are made in their order.
// Cost      an iteration: n²/2 pairs, or about n·(3·perplexity + 100·log n) steps.
// Threads   parallel inside.
// Errors    Error{invalid_argument}: fewer than two points, perplexity outside [1, n), no start, no iteration.
//           Error{interrupted}.
// Source    van der Maaten and Hinton 2008, JMLR 9:2579; van der Maaten 2014, JMLR 15:3221; learning rate: Belkina et
//           al. 2019, Nature Communications 10:5415.
#pragma once

#include <cstdint>
#include <vector>

#include "lacuna/cluster/point_gram.hpp"
#include "lacuna/core/run_context.hpp"

namespace lacuna {

enum class TsneMethod { automatic, exact, barnes_hut };
inline constexpr std::int64_t kTsneExact = 512;

struct TsneOptions {
  double perplexity = 30.0;
  int iterations = 1000;
  int starts = 4;
  TsneMethod method = TsneMethod::automatic;
  std::uint64_t seed = 0;
};

struct Embedding {
  std::vector<double> x;
  std::vector<double> y;
  double kl = 0.0;
  int iterations = 0;
  TsneMethod method = TsneMethod::exact;
};

Embedding tsne(const PointGram& points, const TsneOptions& options, const RunContext& context = {});

// min(30, n − 1), the scripts' choice.
double default_perplexity(std::int64_t n);

}  // namespace lacuna
