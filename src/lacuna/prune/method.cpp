#include "lacuna/prune/method.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "lacuna/core/error.hpp"
#include "lacuna/prune/builtin_methods.hpp"

namespace lacuna {

std::vector<std::string> prune_method_names() { return {"magnitude", "wanda", "sparsegpt"}; }

std::unique_ptr<PruneMethod> make_prune_method(std::string_view name, const PruneOptions& options) {
  if (name == "magnitude") return prune::make_magnitude();
  if (name == "wanda") return prune::make_wanda(options.wanda_use_variant);
  if (name == "sparsegpt") return prune::make_sparsegpt(options.sparsegpt_block_size, options.sparsegpt_damping);
  throw Error(ErrorCode::invalid_argument,
              fmt::format("pruning method: expected {}, got \"{}\"", fmt::join(prune_method_names(), ", "), name));
}

}  // namespace lacuna
