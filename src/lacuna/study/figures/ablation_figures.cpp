// Variants against each other: `lacuna ablate --json`.
#include <fmt/format.h>

#include <algorithm>

#include "lacuna/study/analyses/ablation.hpp"
#include "lacuna/study/figures/figure_parts.hpp"

namespace lacuna {
namespace {

constexpr std::int64_t kLargestGroup = 1024;  // m of N:M

AblationVariant read_variant(const JsonFields& fields) {
  AblationVariant variant;
  variant.label = fields.text("label");
  if (fields.has("method")) variant.method = fields.text("method");
  if (fields.has("sparsity")) variant.sparsity = fields.number("sparsity", 0, 1);
  variant.n = static_cast<int>(fields.integer("n", 0, kLargestGroup));
  variant.m = static_cast<int>(fields.integer("m", 0, kLargestGroup));
  return variant;
}

MeanStd read_mean(const JsonFields& fields, double low) {
  return {fields.number("mean", low, 1), fields.number("std", 0, 1)};
}

std::size_t variant_named(const Ablation& ablation, const JsonFields& fields, const char* key) {
  const auto label = fields.text(key);
  const auto found = std::ranges::find(ablation.variants, label, &AblationVariant::label);
  if (found == ablation.variants.end()) JsonFields::wrong(fields.path(key), "the label of a variant", label);
  return static_cast<std::size_t>(found - ablation.variants.begin());
}

Ablation read_ablation(const JsonFields& document) {
  Ablation ablation;
  for (const auto& fields : document.objects("variants")) ablation.variants.push_back(read_variant(fields));
  for (const auto& fields : document.objects("pairs")) {
    AblationPair pair;
    pair.projection = fields.text("projection");
    pair.across = fields.text("across");
    pair.a = variant_named(ablation, fields, "a");
    pair.b = variant_named(ablation, fields, "b");
    pair.jaccard = read_mean(fields.object("jaccard"), 0);
    pair.cosine = read_mean(fields.object("cosine"), -1);
    pair.hamming = read_mean(fields.object("hamming"), 0);
    ablation.pairs.push_back(std::move(pair));
  }
  return ablation;
}

AblationMeasure measure_of(const FigureOptions& options) {
  const auto metric = chosen_metric(options, {"jaccard", "cosine", "hamming"});
  if (metric == "cosine") return AblationMeasure::cosine;
  return metric == "jaccard" ? AblationMeasure::jaccard : AblationMeasure::hamming;
}

Chart by_method(const std::vector<RecordedResult>& documents, const FigureOptions& options, const char* kind,
                const std::string& across) {
  const auto measure = measure_of(options);
  return read_figure_document(only_document(documents, kind), [&](const JsonFields& document) {
    if (auto chart = ablation_by_method_chart(read_ablation(document), across, measure, options.title)) return *chart;
    throw Error(ErrorCode::invalid_argument, fmt::format("no variants were compared across {}", across))
        .hint(fmt::format("run `lacuna ablate` on variants of one method with several {}", across));
  });
}

}  // namespace

Chart ablation_figure(const std::vector<RecordedResult>& documents, const FigureOptions& options) {
  const auto measure = measure_of(options);
  return read_figure_document(only_document(documents, "ablation"), [&](const JsonFields& document) {
    return ablation_chart(read_ablation(document), measure, options.title);
  });
}

Chart ablation_patterns_figure(const std::vector<RecordedResult>& documents, const FigureOptions& options) {
  return by_method(documents, options, "ablation-patterns", "patterns");
}

Chart ablation_sparsities_figure(const std::vector<RecordedResult>& documents, const FigureOptions& options) {
  return by_method(documents, options, "ablation-sparsities", "sparsities");
}

}  // namespace lacuna
