// "Which matrix": a file, or a set of matrices and --matrix, as every command that looks at one matrix takes it.
#pragma once

#include "cli.hpp"
#include "lacuna/cluster/feature_patterns.hpp"
#include "lacuna/formats/matrix_set.hpp"

namespace lacuna::cli {

struct MatrixArgument {
  std::string what;
  std::string matrix;  // "0.mlp.down_proj", a component or a tensor's name; empty: the only one
};
void add_matrix_argument(CLI::App& command, MatrixArgument& argument);

// Throws Error{missing_argument} where a choice is needed, Error{missing_tensor} where the choice names none.
const WeightMatrix& choose_matrix(const MatrixSet& set, const std::string& wanted);

std::string matrix_place(const WeightMatrix& matrix);                        // "layer 0 mlp.down_proj"
std::string matrix_title(const MatrixSet& set, const WeightMatrix& matrix);  // and the source's name
Json matrix_json(const MatrixSet& set,
                 const WeightMatrix& matrix);  // {source, layer, component, shape, pruned_by, sparsity, pattern}

// The features of one matrix: its columns, or with --axis rows its rows.
struct FeatureArgument {
  MatrixArgument matrix;
  std::string axis = "columns";
};
void add_feature_argument(CLI::App& command, FeatureArgument& argument);

class ChosenFeatures {
 public:
  explicit ChosenFeatures(const FeatureArgument& argument);

  const MatrixSet& set() const { return set_; }
  const WeightMatrix& matrix() const { return matrix_; }
  const FeaturePatterns& patterns() const { return patterns_; }
  bool by_columns() const { return by_columns_; }
  std::string heading() const;  // "layer 0 mlp.down_proj: 688 features (columns) of 256 rows, 50.0 % zeros"
  Json json() const;            // matrix_json and axis
  // {rows, packbits: {FEATURE: hexadecimal of numpy.packbits of its pattern}}
  Json patterns_json(const std::vector<std::int64_t>& features) const;

 private:
  MatrixSet set_;
  const WeightMatrix& matrix_;
  bool by_columns_;
  FeaturePatterns patterns_;
};

}  // namespace lacuna::cli
