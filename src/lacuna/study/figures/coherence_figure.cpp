// Block coherence under one order or several: `lacuna coherence --json`.
#include <fmt/format.h>

#include <filesystem>
#include <set>

#include "lacuna/render/structure_charts.hpp"
#include "lacuna/study/figures/figure_parts.hpp"

namespace lacuna {
namespace {

struct Read {
  Strip strip;
  std::string matrix;
  std::string order;
  std::int64_t block = 0;
  double expected = 0.0;
  std::string null;
};

Read read_coherence(const JsonFields& document) {
  Read read;
  read.matrix = matrix_name(document);
  read.order = std::filesystem::path(document.text("order")).filename().string();
  read.block = document.integer("block", 1, kAnyCount);
  read.expected = document.number("expected_independent", 0, 1);
  read.strip.values = document.numbers("groups", 0, 1);
  read.strip.mean = document.number("mean", 0, 1);
  if (const auto null = recorded_null(document)) {
    const auto test = recorded_test(document.object("null"));
    read.strip.chance_mean = test.mean;
    read.strip.chance_deviation = test.std;
    read.strip.note = p_text(test.p);
    read.null = null->text();
  }
  return read;
}

}  // namespace

Chart coherence_figure(const std::vector<RecordedResult>& documents, const FigureOptions& options) {
  std::vector<Read> all;
  std::set<std::string> matrices;
  for (const auto& document : documents) {
    all.push_back(read_figure_document(document, read_coherence));
    matrices.insert(all.back().matrix);
    if (all.back().block == all.front().block) continue;
    throw Error(ErrorCode::invalid_argument, fmt::format("figure coherence: expected blocks of {} features, got {}",
                                                         all.front().block, all.back().block))
        .at(document.name);
  }
  StripChart chart;
  chart.title = "Block coherence";
  if (matrices.size() == 1) chart.title += " · " + all.front().matrix;
  if (!options.title.empty()) chart.title = options.title;
  chart.subtitle = fmt::format("blocks of {} features", all.front().block);
  if (!all.front().null.empty()) {
    chart.subtitle += "; by chance: " + all.front().null + ", mean and standard deviation, each ordered anew";
  }
  chart.value_title = "share of rows that are zero in all features of a block";
  chart.row_title = "order";
  chart.item_name = "one block";
  for (auto& read : all) {
    read.strip.name = matrices.size() == 1 ? read.order : read.matrix + ", " + read.order;
    chart.strips.push_back(std::move(read.strip));
  }
  if (matrices.size() == 1) {
    chart.reference = all.front().expected;
    chart.reference_name = fmt::format("independent columns {:.3g}", all.front().expected);
  }
  return strip_chart(chart);
}

}  // namespace lacuna
