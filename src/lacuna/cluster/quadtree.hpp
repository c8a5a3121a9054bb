// A quadtree over points of the plane, for Barnes–Hut sums. Internal to cluster.
//
//   repulsion(x, y) = Σ_j q²·(y − y_j), and Σ_j q, with q = 1 / (1 + ‖y − y_j‖²), over all points but the one at (x,
//   y): a cell counts as one point at its centre of mass where (side of the cell)² < angle² · (distance to it)².
//
// Threads  sum() is const and safe to call concurrently.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace lacuna {

struct Repulsion {
  double x = 0.0;
  double y = 0.0;
  double z = 0.0;  // Σ q
};

class Quadtree {
 public:
  void build(std::span<const double> x, std::span<const double> y);  // keeps its memory between calls
  Repulsion sum(double x, double y, double angle) const;

 private:
  struct Cell {
    double x = 0.0;  // centre of mass
    double y = 0.0;
    double count = 0.0;
    double centre_x = 0.0;
    double centre_y = 0.0;
    double half = 0.0;  // of the side
    std::array<std::int32_t, 4> children = {-1, -1, -1, -1};
    bool leaf = true;
  };

  void insert(double x, double y);
  std::int32_t child_of(std::int32_t cell, double x, double y);

  std::vector<Cell> cells_;
};

}  // namespace lacuna
