// Models in the local Hugging Face cache, found the way huggingface_hub finds them, and read in place.
//
//   $HF_HUB_CACHE, else $HF_HOME/hub, else $XDG_CACHE_HOME/huggingface/hub, else ~/.cache/huggingface/hub
//     models--owner--name/refs/REVISION          holds a commit hash
//     models--owner--name/snapshots/HASH/        the files, links to ../../blobs
//
// Nothing is downloaded and no other place is looked at.
//
// Errors   not_found, with where it looked and which revisions or models are there.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace lacuna {

struct HubReference {
  std::string id;        // "owner/name", or "name" for the oldest models
  std::string revision;  // "main" when none is given; a branch, tag, commit hash or its unambiguous beginning
};

// nullopt for text that cannot be an id: path-like (`..`, leading `/` or `.`, two slashes) or with other characters
// than the hub allows.
std::optional<HubReference> parse_hub_reference(std::string_view text);

struct HubCacheFolder {
  std::filesystem::path path;
  std::string chosen_by;  // "HF_HUB_CACHE", …, for messages
};

HubCacheFolder hub_cache_folder();  // by the environment; may not exist

// The folder of a model: `reference` itself when it is a folder, else the snapshot of a hub reference.
std::filesystem::path resolve_model(const std::string& reference);
std::filesystem::path resolve_model(const std::string& reference, const HubCacheFolder& cache);

}  // namespace lacuna
