#include "lacuna/study/analyses/comparison.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "lacuna/bits/similarity.hpp"
#include "lacuna/core/error.hpp"

namespace lacuna {
namespace {

bool is_single_tensor(const MatrixSet& set) {
  return set.matrices().size() == 1 && set.matrices()[0].layer == kNoLayer;
}

const WeightMatrix* partner(const WeightMatrix& matrix, const MatrixSet& other, bool any_name) {
  return any_name ? &other.matrices()[0] : other.find(matrix.layer, matrix.component);
}

std::string contents_text(const MatrixSet& set) {
  constexpr std::size_t kNamed = 8;
  std::vector<std::string> labels;
  for (const auto& matrix : set.matrices()) {
    if (labels.size() == kNamed) {
      labels.push_back(fmt::format("and {} more", set.matrices().size() - kNamed));
      break;
    }
    labels.push_back(matrix.label());
  }
  return fmt::format("{}", fmt::join(labels, ", "));
}

MatrixComparison compare_pair(const WeightMatrix& a, const WeightMatrix& b, const RunContext& context) {
  if (a.view.shape != b.view.shape) {
    throw Error(ErrorCode::shape_mismatch,
                fmt::format("{} of {} is {}, {} of {} is {}", a.label(), a.source.string(), shape_text(a.view.shape),
                            b.label(), b.source.string(), shape_text(b.view.shape)));
  }
  Similarity similarity = compare_matrices(a.view, b.view, feature_axis(a.component), context);
  const auto summary = [](const MetricSummary& s) { return MeanStd{s.mean, s.std}; };
  MatrixComparison result;
  auto& record = result.record;
  record.layer = a.layer;
  record.component = a.component;
  record.axis = feature_axis_name(similarity.axis);
  record.rows = similarity.rows;
  record.cols = similarity.cols;
  record.features = similarity.features();
  record.jaccard = summary(similarity.jaccard_summary);
  record.cosine = summary(similarity.cosine_summary);
  record.hamming = summary(similarity.hamming_summary);
  record.matrix_jaccard = similarity.matrix_jaccard;
  record.matrix_cosine = similarity.matrix_cosine;
  record.matrix_hamming = similarity.matrix_hamming;
  result.features = {std::move(similarity.jaccard), std::move(similarity.cosine), std::move(similarity.hamming)};
  return result;
}

}  // namespace

SetComparison compare_sets(const MatrixSet& a, const MatrixSet& b, const RunContext& context) {
  const bool any_name = is_single_tensor(a) && is_single_tensor(b);
  SetComparison result;
  const auto total = a.matrices().size();
  for (std::size_t i = 0; i < total; ++i) {
    const auto& matrix = a.matrices()[i];
    context.check_stop();
    context.report({"compare", matrix.label(), "matrices", i, total, 0.0});
    const WeightMatrix* other = partner(matrix, b, any_name);
    if (other == nullptr) {
      result.unpaired.push_back({a.reference(), matrix.layer, matrix.component});
      continue;
    }
    result.matrices.push_back(compare_pair(matrix, *other, context));
    result.matrices.back().record.a = a.reference();
    result.matrices.back().record.b = b.reference();
  }
  for (const auto& matrix : b.matrices()) {
    if (partner(matrix, a, any_name) == nullptr) {
      result.unpaired.push_back({b.reference(), matrix.layer, matrix.component});
    }
  }
  if (result.matrices.empty()) {
    throw Error(ErrorCode::nothing_to_compare, fmt::format("{} holds {}; {} holds {}", a.reference(), contents_text(a),
                                                           b.reference(), contents_text(b)));
  }
  context.report({"compare", "", "matrices", total, total, 1.0});
  a.check_intact();
  b.check_intact();
  return result;
}

}  // namespace lacuna
