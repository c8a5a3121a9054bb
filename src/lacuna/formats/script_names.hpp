// File and folder names of the earlier research scripts, read and written, and the names of weights in checkpoints.
//
//   layer{N}-{component}-{n}-{m}-{sparsity}.pt     layer0-mlp.down_proj-0-0-0.5.pt; n-m is the pattern, 0-0
//   unstructured layer{N}-{component}-{n}-{m}.pt, layer{N}-{component}.pt {method}_unstructured/layer-{N}/,
//   {method}_{n}-{m}/layer-{N}/ model.layers.3.mlp.down_proj.weight             layer 3, component mlp.down_proj
//
// Parsing returns nullopt for a name outside the grammar; it never throws. Formatting throws Error{invalid_argument}
// for what no name can say. docs/formats/script-names.md shows the grammar with examples.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lacuna {

struct LayerComponent {
  int layer = 0;
  std::string component;  // "mlp.down_proj"
  bool operator==(const LayerComponent&) const = default;
};

struct SparsityPattern {
  int n = 0;  // n of every m consecutive weights are pruned; 0-0 is unstructured
  int m = 0;
  bool operator==(const SparsityPattern&) const = default;
};

struct ScriptFileName {
  int layer = 0;
  std::string component;
  std::optional<SparsityPattern> pattern;
  std::optional<double> sparsity;  // only with a pattern
  bool operator==(const ScriptFileName&) const = default;
};

struct ScriptFolderName {
  std::string method;
  SparsityPattern pattern;
  bool operator==(const ScriptFolderName&) const = default;
};

std::optional<ScriptFileName> parse_script_file_name(std::string_view file_name);
std::string format_script_file_name(const ScriptFileName& name);

std::optional<ScriptFolderName> parse_script_folder_name(std::string_view folder_name);  // "wanda_2-4"
std::string format_script_folder_name(const ScriptFolderName& name);
std::optional<int> parse_layer_folder_name(std::string_view folder_name);  // "layer-3"

// {method}_{pattern}/layer-{N}/layer{N}-{component}-{n}-{m}-{sparsity}.pt, to be placed below the output folder.
std::filesystem::path script_path(const std::string& method, const ScriptFileName& name);

// The components the scripts write, in their order: LLaMA's seven, then OPT's fc1 and fc2 and self_attn.out_proj.
const std::vector<std::string>& script_components();

// "model.layers.3.mlp.down_proj.weight", "model.decoder.layers.0.fc1.weight", "transformer.h.1.…", with any prefix.
// The weights of norms match too: callers that want matrices look at the rank.
std::optional<LayerComponent> match_weight_name(std::string_view tensor_name);

// "{layer}.{component}", the keys of mask files: "0.self_attn.q_proj".
std::optional<LayerComponent> parse_mask_key(std::string_view key);
std::string format_mask_key(const LayerComponent& key);

struct ScriptFile {
  std::string method;  // empty when no folder above says it
  SparsityPattern pattern;
  int layer = 0;
  std::string component;
  std::optional<double> sparsity;
  std::filesystem::path path;
};

// Every file of the grammar in `root` and the folders below, links to folders not followed: `root` may be data/, one
// method's folder, or one layer's. Sorted by method, pattern, sparsity, layer, component. The file's name overrides its
// folder's pattern. Throws Error{not_found}, Error{limit_exceeded} beyond 10^6 entries or eight levels.
std::vector<ScriptFile> scan_script_tree(const std::filesystem::path& root);

}  // namespace lacuna
