// Launch configurations of the CUDA device's activation-sparse products, by the names that the tuner's cache has for
// them: "columns" takes what the kernel chooses from the shape, "columns warps=8 splits=2 tile=512" this one.
//
// Errors  none: a name that is no configuration gives nothing.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lacuna/kernels/sparse_gemv/cuda.hpp"

namespace lacuna {

std::string options_name(const kernels::SparseGemvOptions& options);
std::optional<kernels::SparseGemvOptions> parse_options_name(const std::string& name);

std::vector<kernels::SparseGemvOptions> all_sparse_options();  // the kernel's own choice first

}  // namespace lacuna
