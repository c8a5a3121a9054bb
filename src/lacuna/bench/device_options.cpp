#include "lacuna/bench/device_options.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace lacuna {

std::string options_name(const kernels::SparseGemvOptions& options) {
  if (options.warps == 0 && options.splits == 0 && options.tile == 0) return "columns";
  return fmt::format("columns warps={} splits={} tile={}", options.warps, options.splits, options.tile);
}

std::optional<kernels::SparseGemvOptions> parse_options_name(const std::string& name) {
  const auto options = all_sparse_options();
  const auto found =
      std::find_if(options.begin(), options.end(), [&](const auto& one) { return options_name(one) == name; });
  return found == options.end() ? std::nullopt : std::optional(*found);
}

std::vector<kernels::SparseGemvOptions> all_sparse_options() {
  std::vector<kernels::SparseGemvOptions> options(1);
  for (const int tile : {64, 512}) {
    for (const int splits : {1, 2, 4, 8}) {
      for (const int warps : {4, 8, 16}) options.push_back({warps, splits, tile});
    }
  }
  return options;
}

}  // namespace lacuna
