#include "lacuna/cluster/quadtree.hpp"

#include <algorithm>

namespace lacuna {
namespace {

constexpr int kMaxDepth = 50;  // beyond it points count as equal

}  // namespace

void Quadtree::build(std::span<const double> x, std::span<const double> y) {
  cells_.clear();
  if (x.empty()) return;
  const auto [min_x, max_x] = std::minmax_element(x.begin(), x.end());
  const auto [min_y, max_y] = std::minmax_element(y.begin(), y.end());
  Cell root;
  root.centre_x = 0.5 * (*min_x + *max_x);
  root.centre_y = 0.5 * (*min_y + *max_y);
  root.half = 0.5 * std::max(*max_x - *min_x, *max_y - *min_y) * (1.0 + 1e-9) + 1e-300;
  cells_.push_back(root);
  for (std::size_t i = 0; i < x.size(); ++i) insert(x[i], y[i]);
}

std::int32_t Quadtree::child_of(std::int32_t cell, double x, double y) {
  const Cell parent = cells_[static_cast<std::size_t>(cell)];
  const bool right = x > parent.centre_x;
  const bool upper = y > parent.centre_y;
  const std::size_t quarter = (right ? 1U : 0U) + (upper ? 2U : 0U);
  if (parent.children[quarter] >= 0) return parent.children[quarter];
  Cell child;
  child.half = 0.5 * parent.half;
  child.centre_x = parent.centre_x + (right ? child.half : -child.half);
  child.centre_y = parent.centre_y + (upper ? child.half : -child.half);
  const auto index = static_cast<std::int32_t>(cells_.size());
  cells_.push_back(child);
  cells_[static_cast<std::size_t>(cell)].children[quarter] = index;
  return index;
}

void Quadtree::insert(double x, double y) {
  std::int32_t at = 0;
  for (int depth = 0;; ++depth) {
    const Cell before = cells_[static_cast<std::size_t>(at)];
    Cell& cell = cells_[static_cast<std::size_t>(at)];
    cell.x = (before.x * before.count + x) / (before.count + 1.0);
    cell.y = (before.y * before.count + y) / (before.count + 1.0);
    cell.count += 1.0;
    const bool same = before.count > 0.0 && before.x == x && before.y == y;
    if (before.leaf && (before.count == 0.0 || same || depth == kMaxDepth)) return;
    if (before.leaf) {  // what was one place becomes a cell of its own
      cell.leaf = false;
      const auto child = child_of(at, before.x, before.y);
      Cell& moved = cells_[static_cast<std::size_t>(child)];
      moved.x = before.x;
      moved.y = before.y;
      moved.count = before.count;
    }
    at = child_of(at, x, y);
  }
}

Repulsion Quadtree::sum(double x, double y, double angle) const {
  Repulsion total;
  if (cells_.empty()) return total;
  std::int32_t stack[4 * (kMaxDepth + 2)];
  int top = 0;
  stack[top++] = 0;
  bool self = false;
  while (top > 0) {
    const Cell& cell = cells_[static_cast<std::size_t>(stack[--top])];
    const double dx = x - cell.x;
    const double dy = y - cell.y;
    const double squared = dx * dx + dy * dy;
    if (!cell.leaf && 4.0 * cell.half * cell.half >= angle * angle * squared) {
      for (const auto child : cell.children) {
        if (child >= 0) stack[top++] = child;
      }
      continue;
    }
    double count = cell.count;
    if (cell.leaf && squared == 0.0 && !self) {  // the point itself
      self = true;
      count -= 1.0;
    }
    const double q = 1.0 / (1.0 + squared);
    total.z += count * q;
    total.x += count * q * q * dx;
    total.y += count * q * q * dy;
  }
  return total;
}

}  // namespace lacuna
