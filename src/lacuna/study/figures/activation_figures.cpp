// Activation profiles: `lacuna activations --json`, or the file that its -o writes.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "lacuna/study/analyses/activation_file.hpp"
#include "lacuna/study/figures/figure_parts.hpp"

namespace lacuna {
namespace {

// "q, k, v": who reads the input.
std::string readers(const InputProfile& input) {
  std::string text;
  for (const auto& component : input.components) {
    std::string name = component.substr(component.rfind('.') + 1);
    if (name.ends_with("_proj")) name.resize(name.size() - 5);
    text += (text.empty() ? "input of " : ", ") + name;
  }
  return text;
}

std::string source_text(const ActivationProfile& profile) {
  const auto name = [](const std::string& path) { return std::filesystem::path(path).filename().string(); };
  return fmt::format("{} on {}: {} sequences of {} tokens", name(profile.model), name(profile.calibration),
                     profile.samples, profile.seqlen);
}

LineChart layered(const ActivationProfile& profile, const FigureOptions& options, const std::string& title) {
  LineChart chart;
  chart.title = options.title.empty() ? title : options.title;
  chart.subtitle = source_text(profile);
  chart.series_title = "layer";
  chart.x_format = ValueFormat::percent;
  chart.ordered = true;
  return chart;
}

LineSeries series_of(const InputProfile& input) { return {std::to_string(input.layer), readers(input), {}}; }

}  // namespace

Chart sparsity_figure(const std::vector<RecordedResult>& documents, const FigureOptions& options) {
  const std::string metric = chosen_metric(options, {"energy", "threshold"});
  const auto& document = only_document(documents, "sparsity");
  const auto profile = parse_activation_profile(document.name, document.json);
  const bool energy = metric == "energy";
  LineChart chart =
      layered(profile, options, energy ? "What activation sparsity keeps" : "Thresholds for activation sparsity");
  chart.x_title = energy ? "sparsity of the input" : "share of |x| at or below the threshold";
  chart.y_title = energy ? "energy kept" : "threshold |x|";
  chart.y_format = energy ? ValueFormat::percent : ValueFormat::number;
  if (!energy) chart.y_scale = AxisScale::automatic;
  for (const auto& input : profile.inputs) {
    auto series = series_of(input);
    if (energy) {
      series.points.push_back({0.0, 1.0});
      for (const auto& target : input.targets) series.points.push_back({target.given, target.energy_kept});
    } else {
      for (const auto& [q, value] : input.quantiles) series.points.push_back({q, value});
    }
    std::sort(series.points.begin(), series.points.end(), [](const auto& a, const auto& b) { return a.x < b.x; });
    chart.series.push_back(std::move(series));
  }
  return line_chart(chart);
}

Chart frequency_figure(const std::vector<RecordedResult>& documents, const FigureOptions& options) {
  const auto& document = only_document(documents, "frequency");
  const auto profile = parse_activation_profile(document.name, document.json);
  LineChart chart = layered(profile, options, "Hot and cold features");
  chart.x_title = "features, hottest first";
  chart.y_title = "active in this share of tokens";
  chart.y_format = ValueFormat::percent;
  chart.y_from_zero = true;
  for (const auto& input : profile.inputs) {
    if (!input.coactivation) continue;
    auto series = series_of(input);
    const auto& frequencies = input.coactivation->frequency_percentiles;
    for (std::size_t i = 0; i < frequencies.size(); ++i) {
      const double share =
          frequencies.size() > 1 ? static_cast<double>(i) / static_cast<double>(frequencies.size() - 1) : 0.0;
      series.points.push_back({share, frequencies[i]});
    }
    chart.subtitle = fmt::format(
        "{}; inputs at {:g} % sparsity: features that were all alike would be active in {:g} % of tokens",
        source_text(profile), 100.0 * input.coactivation->sparsity, 100.0 * (1.0 - input.coactivation->sparsity));
    chart.series.push_back(std::move(series));
  }
  if (chart.series.empty()) {
    throw Error(ErrorCode::invalid_argument, "the profile holds no frequencies")
        .at(document.name)
        .hint("measure it with --coactivation SPARSITY");
  }
  return line_chart(chart);
}

}  // namespace lacuna
