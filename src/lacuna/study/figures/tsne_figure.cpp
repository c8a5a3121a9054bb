// Features in the plane: `lacuna tsne --json`.
#include <fmt/format.h>

#include "lacuna/render/structure_charts.hpp"
#include "lacuna/study/figures/figure_parts.hpp"

namespace lacuna {
namespace {

PlaneChart read_plane(const JsonFields& document) {
  const auto indices = document.integers("indices", 0, kAnyCount);
  const auto labels = document.integers("labels", 0, kAnyCount);
  const auto x = document.numbers("x", -kAnyNumber, kAnyNumber);
  const auto y = document.numbers("y", -kAnyNumber, kAnyNumber);
  if (labels.size() != indices.size() || x.size() != indices.size() || y.size() != indices.size()) {
    throw Error(ErrorCode::corrupt_file,
                fmt::format("indices, labels, x, y: expected the same number of each, got {}, {}, {}, {}",
                            indices.size(), labels.size(), x.size(), y.size()));
  }
  PlaneChart chart;
  for (std::size_t i = 0; i < indices.size(); ++i) chart.points.push_back({x[i], y[i], labels[i], indices[i]});
  chart.title = "t-SNE · " + matrix_name(document);
  chart.subtitle =
      fmt::format("{} features, perplexity {:g}, KL divergence {:.3f}; colours and shapes: k-means, k = {}",
                  indices.size(), document.number("perplexity", 0, kAnyNumber),
                  document.number("kl", -kAnyNumber, kAnyNumber), document.integer("k", 1, kAnyCount));
  return chart;
}

}  // namespace

Chart tsne_figure(const std::vector<RecordedResult>& documents, const FigureOptions& options) {
  PlaneChart chart = read_figure_document(only_document(documents, "tsne"), read_plane);
  if (!options.title.empty()) chart.title = options.title;
  return plane_chart(chart);
}

}  // namespace lacuna
