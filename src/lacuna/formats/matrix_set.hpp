// Anything that holds weight matrices, opened as one set of (layer, component) matrices.
//
//   a file           .pt, .npy, .npz, .safetensors: a bare tensor named by the scripts' grammar, a state dict, anything
//   a folder tree    the scripts' .pt files (formats/script_names.hpp), narrowed to one method, pattern and sparsity
//   a checkpoint     a folder in the Hugging Face layout, or an id of the hub cache: the linears of its decoder blocks
//   a mask file      entries are 0 or 1 (BOOL), unpacked into memory
//
// Where names say layers, only the matrices of layers are taken; otherwise every matrix of the file is, with layer
// kNoLayer and the tensor's name (for a bare tensor: the file's) as component. Each (layer, component) occurs once.
// Tensors that are not matrices are listed in skipped(). Views are of mapped files: any strides, possibly unaligned.
//
// Lifetime  views are valid as long as any copy of the set.
// Errors    not_found, invalid_argument (a tree holds several variants), shape_mismatch (no matrix at all), and those
//           of the readers.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lacuna/formats/script_names.hpp"
#include "lacuna/formats/tensor_archive.hpp"

namespace lacuna {

inline constexpr int kNoLayer = -1;

struct WeightMatrix {
  int layer = kNoLayer;
  std::string component;         // "mlp.down_proj"
  TensorView view;               // rank 2, [out_features, in_features]
  std::string tensor_name;       // in the file; may be empty
  std::filesystem::path source;  // the file

  std::string label() const;  // "layer 3 mlp.down_proj", for people
};

// Absent fields accept everything. method, pattern and sparsity apply to the scripts' trees only.
struct MatrixSelection {
  std::optional<std::string> method;
  std::optional<SparsityPattern> pattern;
  std::optional<double> sparsity;
  std::optional<int> layer;
  std::optional<std::string> component;
};

enum class MatrixSetKind { file, script_tree, checkpoint, mask };

class MatrixSet {
 public:
  static MatrixSet open(const std::string& reference, const MatrixSelection& selection = {});

  const std::string& reference() const { return reference_; }
  MatrixSetKind kind() const { return kind_; }
  const std::vector<WeightMatrix>& matrices() const { return matrices_; }  // by layer, then script_components() order
  const std::vector<std::string>& skipped() const { return skipped_; }
  const WeightMatrix* find(int layer, std::string_view component) const;  // null when absent
  void check_intact() const;

 private:
  std::string reference_;
  MatrixSetKind kind_ = MatrixSetKind::file;
  std::vector<WeightMatrix> matrices_;
  std::vector<std::string> skipped_;
  std::shared_ptr<const std::vector<TensorArchive>> archives_;  // keeps the views alive
};

}  // namespace lacuna
