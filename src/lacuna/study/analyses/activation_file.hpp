// Activation profiles as JSON files: `lacuna activations -o profile.json`, `lacuna eval --profile profile.json`.
//
//   {"format": "lacuna activations", "version": 1, "model": …, "calibration": {…}, "targets": […],
//    "inputs": [{"layer", "components", …, "targets": [{"sparsity", "quantile", …}]}], "allocations": […]}
//
// Written complete or not at all. Read strictly, as from a stranger: every field that thresholds come from must be
// there, of the right type, finite and in range, one entry per target, each (layer, component) once. Fields that later
// versions may add are ignored.
//
// Errors   corrupt_file: names the field, what was expected and what was found; unsupported_format: no such file, or of
//          a later version; limit_exceeded: more than 256 MB; not_found, no_space, io_failed.
#pragma once

#include <filesystem>
#include <string>

#include "lacuna/activations/profile.hpp"

namespace lacuna {

std::string activation_profile_json(const ActivationProfile& profile);
void write_activation_profile(const std::filesystem::path& file, const ActivationProfile& profile);
ActivationProfile read_activation_profile(const std::filesystem::path& file);

// The same of a text; `name` stands for it in errors.
ActivationProfile parse_activation_profile(const std::string& name, const std::string& json);

}  // namespace lacuna
