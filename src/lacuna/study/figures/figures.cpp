#include "lacuna/study/figures/figures.hpp"

#include <fmt/format.h>

#include <array>

#include "lacuna/study/figures/figure_parts.hpp"

namespace lacuna {
namespace {

using Draw = Chart (*)(const std::vector<RecordedResult>&, const FigureOptions&);

struct Entry {
  FigureKind kind;
  Draw draw;
};

constexpr std::array kEntries = {
    Entry{{"neighbours", "distance of a feature to its nearest ones, by rank", "neighbours --json", ""},
          neighbours_figure},
    Entry{{"gradient", "distance of a feature to random others, by rank", "gradient --json", ""}, gradient_figure},
    Entry{{"distances", "distances of all pairs of features, beside chance", "pairs --json", ""}, distances_figure},
    Entry{{"groups", "group metrics in units of chance", "groups --json", ""}, groups_figure},
    Entry{{"coherence", "what a block kernel may skip, beside chance", "coherence --json", ""}, coherence_figure},
    Entry{{"separation", "how far apart clusters are, beside chance", "cluster --json", "hamming,euclidean"},
          separation_figure},
    Entry{{"within-between", "distances inside clusters and between them", "cluster --json", "hamming,euclidean"},
          within_between_figure},
    Entry{{"sizes", "sizes of clusters, largest first", "cluster --json", ""}, sizes_figure},
    Entry{{"heatmap", "features of one neighbourhood, each with each", "cluster --patterns --json", "hamming,jaccard"},
          heatmap_figure},
    Entry{{"pattern", "what features keep, by cluster or distance", "cluster|gradient --patterns --json", ""},
          pattern_figure},
    Entry{{"tsne", "features in the plane, by cluster", "tsne --json", ""}, tsne_figure},
    Entry{{"sparsity", "what activation sparsity costs, by layer", "activations --json", "energy,threshold"},
          sparsity_figure},
    Entry{{"frequency", "hot and cold features, by layer", "activations --coactivation --json", ""}, frequency_figure},
    Entry{{"thresholds", "sparsity and energy of weights against the threshold", "threshold --json", "sparsity,energy"},
          thresholds_figure},
    Entry{{"speed", "speed against sparsity, beside the ideal", "bench gemv|pack|mmm --json", ""}, speed_figure},
    Entry{{"ablation", "variants against each other, by projection", "ablate --json", "jaccard,cosine,hamming"},
          ablation_figure},
    Entry{{"ablation-patterns", "methods × pairs of patterns", "ablate --json", "jaccard,cosine,hamming"},
          ablation_patterns_figure},
    Entry{{"ablation-sparsities", "methods × pairs of sparsities", "ablate --json", "jaccard,cosine,hamming"},
          ablation_sparsities_figure},
};

std::string names() {
  std::string text;
  for (const auto& entry : kEntries) text += (text.empty() ? "" : ", ") + std::string(entry.kind.name);
  return text;
}

}  // namespace

const std::vector<FigureKind>& figure_kinds() {
  static const std::vector<FigureKind> kKinds = [] {
    std::vector<FigureKind> kinds;
    for (const auto& entry : kEntries) kinds.push_back(entry.kind);
    return kinds;
  }();
  return kKinds;
}

Chart draw_figure(std::string_view kind, const std::vector<RecordedResult>& results, const FigureOptions& options) {
  for (const auto& entry : kEntries) {
    if (entry.kind.name != kind) continue;
    if (!options.metric.empty() && entry.kind.metrics.empty()) {
      throw Error(ErrorCode::invalid_argument, fmt::format("figure {} has no choice of --metric", kind));
    }
    if (results.empty()) throw Error(ErrorCode::invalid_argument, fmt::format("figure {} needs a document", kind));
    return entry.draw(results, options);
  }
  throw Error(ErrorCode::invalid_argument, fmt::format("figure: expected {}, got '{}'", names(), kind));
}

}  // namespace lacuna
