// Figures of a result database, beside those of recorded documents (study/figures).
//
// Errors   Error{invalid_argument}: nothing to draw, or several models or texts and none chosen; those of query_store.
#pragma once

#include <filesystem>
#include <string>

#include "lacuna/core/run_context.hpp"
#include "lacuna/render/chart.hpp"

namespace lacuna::cli {

struct DatabaseFigure {
  std::filesystem::path database = "sparsity.db";
  std::string model;    // as stored, or the last part of it; empty: the only one
  std::string dataset;  // the same
  std::string metric;   // of similarity: "jaccard", "cosine", "hamming"
  std::string title;
};

Chart perplexity_figure(const DatabaseFigure& figure, const RunContext& context);
Chart similarity_figure(const DatabaseFigure& figure, const RunContext& context);
// The newest times that `lacuna bench` recorded of each product, type, shape and place, drawn as its documents are.
Chart recorded_speed_figure(const DatabaseFigure& figure, const RunContext& context);

}  // namespace lacuna::cli
