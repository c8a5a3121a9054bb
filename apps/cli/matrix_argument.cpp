#include "matrix_argument.hpp"

#include <fmt/format.h>

#include "lacuna/bits/pattern.hpp"
#include "lacuna/cluster/gradient.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/study/analyses/matrix_origin.hpp"

namespace lacuna::cli {
namespace {
namespace fs = std::filesystem;

FeaturePatterns features_of(const TensorView& view, bool by_columns) {
  return by_columns ? FeaturePatterns::columns(view) : FeaturePatterns(BitMatrix::nonzero(view));
}

}  // namespace

void add_matrix_argument(CLI::App& command, MatrixArgument& argument) {
  command.add_option("what", argument.what, "tensor file, folder of the scripts' .pt files, or model")
      ->required()
      ->type_name("FILE|MODEL");
  command.add_option("--matrix", argument.matrix, "which matrix: LAYER.COMPONENT or a tensor's name")
      ->type_name("NAME");
}

const WeightMatrix& choose_matrix(const MatrixSet& set, const std::string& wanted) {
  const auto& matrices = set.matrices();
  if (wanted.empty() && matrices.size() == 1) return matrices[0];
  const auto key = parse_mask_key(wanted);
  for (const auto& matrix : matrices) {
    if (matrix.tensor_name == wanted || matrix.component == wanted) return matrix;
    if (key && matrix.layer == key->layer && matrix.component == key->component) return matrix;
  }
  const auto& first = matrices.front();
  const std::string example =
      first.layer == kNoLayer ? first.component : format_mask_key({first.layer, first.component});
  if (wanted.empty()) {
    throw Error(ErrorCode::missing_argument, fmt::format("{} holds {} matrices", set.reference(), matrices.size()))
        .hint(fmt::format("choose one: --matrix {}", example));
  }
  throw Error(ErrorCode::missing_tensor, fmt::format("{} holds no matrix {}", set.reference(), wanted))
      .hint(fmt::format("they are named like {}", example));
}

std::string matrix_place(const WeightMatrix& matrix) {
  return matrix.layer == kNoLayer ? matrix.component : matrix.label();
}

std::string matrix_title(const MatrixSet& set, const WeightMatrix& matrix) {
  return fmt::format("{} · {}", matrix_place(matrix), fs::path(set.reference()).filename().string());
}

Json matrix_json(const MatrixSet& set, const WeightMatrix& matrix) {
  const auto pattern = summarize_pattern(matrix.view);
  const auto method = matrix_origin(set, matrix).method;
  return {{"source", set.reference()},
          {"layer", matrix.layer == kNoLayer ? Json(nullptr) : Json(matrix.layer)},
          {"component", matrix.component},
          {"shape", matrix.view.shape},
          {"pruned_by", method.empty() ? Json(nullptr) : Json(method)},
          {"sparsity", pattern.sparsity()},
          {"pattern", pattern.label()}};
}

void add_feature_argument(CLI::App& command, FeatureArgument& argument) {
  add_matrix_argument(command, argument.matrix);
  command.add_option("--axis", argument.axis, "what a feature is: a column of W or a row")
      ->check(CLI::IsMember({"columns", "rows"}))
      ->capture_default_str();
}

ChosenFeatures::ChosenFeatures(const FeatureArgument& argument)
    : set_(MatrixSet::open(argument.matrix.what)),
      matrix_(choose_matrix(set_, argument.matrix.matrix)),
      by_columns_(argument.axis == "columns"),
      patterns_(features_of(matrix_.view, by_columns_)) {
  set_.check_intact();
}

std::string ChosenFeatures::heading() const {
  return fmt::format("{}: {} features ({}) of {} {}, {:.1f} % zeros", matrix_place(matrix_), patterns_.count(),
                     by_columns_ ? "columns" : "rows", patterns_.rows(), by_columns_ ? "rows" : "columns",
                     100.0 * (1.0 - patterns_.density()));
}

Json ChosenFeatures::json() const {
  Json json = matrix_json(set_, matrix_);
  json["axis"] = by_columns_ ? "columns" : "rows";
  return json;
}

Json ChosenFeatures::patterns_json(const std::vector<std::int64_t>& features) const {
  constexpr std::string_view kDigits = "0123456789abcdef";
  const BitMatrix bits = patterns_of(patterns_, features);
  const auto packed = bits.to_packbits();
  const std::size_t row_bytes = features.empty() ? 0 : packed.size() / features.size();
  Json by_feature = Json::object();
  for (std::size_t i = 0; i < features.size(); ++i) {
    std::string hex;
    for (std::size_t b = i * row_bytes; b < (i + 1) * row_bytes; ++b) {
      hex += kDigits[std::to_integer<std::size_t>(packed[b] >> 4)];
      hex += kDigits[std::to_integer<std::size_t>(packed[b] & std::byte{15})];
    }
    by_feature[std::to_string(features[i])] = std::move(hex);
  }
  return {{"rows", patterns_.rows()}, {"packbits", std::move(by_feature)}};
}

}  // namespace lacuna::cli
