// Writes what render can draw, made of invented numbers, for looking at and for the tests that need other programs:
//
//   report.html         every part that a page can have
//   hostile.html        the same parts, their names made to attack the page
//   charts/*.json       the specifications of the charts of both
//   spy-*.png, spy.svg  spy plots of several sizes
//
// usage: sample_page FOLDER
#include <fmt/format.h>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <vector>

#include "lacuna/core/atomic_file.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/core/random.hpp"
#include "lacuna/render/page.hpp"
#include "lacuna/render/pattern_charts.hpp"
#include "lacuna/render/spy.hpp"
#include "lacuna/render/structure_charts.hpp"

namespace {
using namespace lacuna;

const std::vector<std::string> kMethods = {"magnitude", "wanda", "sparsegpt"};
const std::vector<std::string> kProjections = {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj",
                                               "self_attn.o_proj", "mlp.gate_proj",    "mlp.up_proj",
                                               "mlp.down_proj"};

// A pattern whose density differs by column (as Wanda's does) and by block of rows.
std::vector<std::uint16_t> invented_weights(std::int64_t rows, std::int64_t cols, double density, std::uint64_t seed) {
  Random random(seed);
  std::vector<double> by_column(static_cast<std::size_t>(cols));
  for (auto& share : by_column) share = std::clamp(density + 0.12 * random.normal(), 0.02, 0.98);
  std::vector<std::uint16_t> weights(static_cast<std::size_t>(rows * cols));
  for (std::int64_t r = 0; r < rows; ++r) {
    const double shift = 0.08 * std::sin(6.0 * static_cast<double>(r) / static_cast<double>(rows));
    for (std::int64_t c = 0; c < cols; ++c) {
      const bool kept = random.uniform() < by_column[static_cast<std::size_t>(c)] + shift;
      weights[static_cast<std::size_t>(r * cols + c)] = kept ? 0x3f80 : 0;
    }
  }
  return weights;
}

SpyImage invented_spy(std::int64_t rows, std::int64_t cols, double density, const SpyOptions& options) {
  const auto weights = invented_weights(rows, cols, density, static_cast<std::uint64_t>(rows * 31 + cols));
  return draw_spy(spy_pattern(make_tensor_view(DType::bf16, {rows, cols}, weights.data())), options);
}

PerplexityChart invented_perplexities() {
  PerplexityChart chart;
  chart.subtitle = "tiny-llama on text sampled from itself, windows of 512 tokens";
  chart.dense = 18.34;
  const double harm[] = {2.6, 1.0, 0.6};
  for (std::size_t m = 0; m < kMethods.size(); ++m) {
    for (const double s : {0.3, 0.4, 0.5, 0.6, 0.7, 0.8}) {
      chart.points.push_back({kMethods[m], "unstructured", s, 18.34 * std::exp(harm[m] * 9 * std::pow(s, 5)), 0.2 + s});
    }
    chart.points.push_back({kMethods[m], "2:4", 0.5, 18.34 * std::exp(harm[m] * 0.72), 0.5});
    chart.points.push_back({kMethods[m], "4:8", 0.5, 18.34 * std::exp(harm[m] * 0.45), 0.5});
  }
  return chart;
}

SimilarityChart invented_similarities(Random& random) {
  SimilarityChart chart;
  chart.subtitle = "Share of weights kept by both among those kept by either; 50 % unstructured and 2:4";
  const std::vector<std::string> labels = {"magnitude 50 %", "wanda 50 %", "sparsegpt 50 %", "wanda 2:4",
                                           "sparsegpt 2:4"};
  for (int layer = 0; layer < 4; ++layer) {
    SimilarityPanel panel{fmt::format("layer {}", layer), labels, std::vector<double>(25, 1.0)};
    for (std::size_t i = 0; i < 5; ++i) {
      for (std::size_t j = i + 1; j < 5; ++j) {
        panel.values[i * 5 + j] = panel.values[j * 5 + i] = 0.52 + 0.4 * random.uniform();
      }
    }
    chart.panels.push_back(panel);
  }
  return chart;
}

LineChart invented_errors(Random& random) {
  LineChart chart;
  chart.title = "Relative output error by layer";
  chart.subtitle = "‖(W − Ŵ)X‖² / ‖WX‖² on the calibration tokens, 50 % unstructured";
  chart.y_title = "relative error";
  chart.y_from_zero = true;
  for (const auto& projection : kProjections) {
    for (std::size_t m = 0; m < kMethods.size(); ++m) {
      LineSeries series{kMethods[m], projection, {}};
      for (int layer = 0; layer < 8; ++layer) {
        series.points.push_back(
            {double(layer), (0.3 - 0.09 * double(m)) * (0.5 + 0.06 * layer + 0.1 * random.uniform())});
      }
      chart.series.push_back(std::move(series));
    }
  }
  return chart;
}

LineChart invented_sparsities(Random& random) {
  LineChart chart;
  chart.title = "Sparsity by layer";
  chart.y_title = "share of zeros";
  chart.y_format = ValueFormat::percent;
  for (const auto& method : kMethods) {
    LineSeries series{method + " 50 %", "", {}};
    for (int layer = 0; layer < 32; ++layer) series.points.push_back({double(layer), 0.5 + 0.02 * random.normal()});
    chart.series.push_back(std::move(series));
  }
  return chart;
}

DistributionChart invented_distributions(Random& random, DistributionKind kind) {
  DistributionChart chart;
  chart.title = "Similarity per feature, layer 0 · mlp.down_proj";
  chart.kind = kind;
  const std::vector<std::string> names = {"wanda against sparsegpt", "wanda against magnitude",
                                          "sparsegpt against magnitude"};
  for (std::size_t d = 0; d < names.size(); ++d) {
    Distribution distribution{names[d], {}};
    for (int i = 0; i < 1500; ++i) {
      distribution.values.push_back(std::clamp(0.85 - 0.12 * double(d) + 0.05 * random.normal(), 0.0, 1.0));
    }
    chart.distributions.push_back(std::move(distribution));
  }
  return chart;
}

BarChart invented_bars() {
  BarChart chart;
  chart.title = "Time to prune";
  chart.subtitle = "Two cores, 32 sequences of 256 tokens";
  chart.category_title = "target";
  chart.value_title = "seconds";
  for (const char* target : {"50 %", "70 %", "2:4", "4:8"}) {
    for (std::size_t m = 0; m < kMethods.size(); ++m)
      chart.bars.push_back({target, kMethods[m], 1.2 + 3.1 * double(m * m)});
  }
  return chart;
}

IntervalChart invented_separations() {
  IntervalChart chart;
  chart.title = "Separation of clusters";
  chart.subtitle = "Mean and standard deviation over 10 neighbourhoods; chance: 100 draws of the null model margins";
  chart.value_title = "separation: between / within";
  chart.row_title = "clusters";
  chart.chance = "chance";
  for (const char* matrix : {"layer 0 · mlp.up_proj", "layer 0 · mlp.down_proj"}) {
    for (const int k : {4, 8, 16}) {
      const std::string row = fmt::format("k = {}", k);
      chart.intervals.push_back({matrix, row, "observed", 1.04 + 0.01 * k, 0.02, ""});
      chart.intervals.push_back({matrix, row, "chance", 1.03 + 0.003 * k, 0.01, "p = 0.010"});
    }
  }
  return chart;
}

DistanceChart invented_distances() {
  DistanceChart chart;
  chart.title = "Distances of all pairs · layer 0 · mlp.up_proj";
  chart.unit = 1.0 / 256;
  chart.mean = 0.5;
  for (int d = 64; d <= 192; ++d) {
    const double share = 0.5 + 0.5 * std::erf((d - 128) / 24.0);
    chart.cdf.push_back({d / 256.0, share});
    chart.band.push_back({d / 256.0, 0.97 * share, std::min(1.0, 1.02 * share)});
  }
  return chart;
}

ClusterSizeChart invented_sizes() {
  return {"Sizes of clusters",
          "bars: mean over 2 neighbourhoods",
          {{4, {{60, 30, 20, 18}, {50, 40, 28, 10}}}, {2, {{90, 38}}}}};
}

PlaneChart invented_plane(Random& random) {
  PlaneChart chart{"t-SNE · layer 0 · mlp.up_proj", "perplexity 30; colours and shapes: k-means", {}};
  for (int i = 0; i < 120; ++i) chart.points.push_back({random.normal() + i % 5, random.normal(), i % 5, i});
  return chart;
}

StripChart invented_strips(Random& random) {
  StripChart chart{
      "Block coherence", "blocks of 8 features", "share of rows", "order", "one block", 0.004, "independent", {}};
  for (const char* order : {"stored", "groups"}) {
    Strip strip{order, {}, 0.011, 0.010, 0.001, "p = 0.06"};
    for (int i = 0; i < 40; ++i) strip.values.push_back(0.02 * random.uniform());
    chart.strips.push_back(strip);
  }
  return chart;
}

PatternChart invented_pattern(Random& random) {
  PatternChart chart{"Patterns", "k-means with k = 2",  "row of W", "feature, by cluster", 60,
                     {},         {{"1", 20}, {"2", 10}}};
  for (int i = 0; i < 30; ++i) {
    auto& line = chart.kept.emplace_back();
    for (int c = 0; c < 60; ++c) line.push_back(random.uniform() < (i < 20 ? 0.5 : 0.3));
  }
  return chart;
}

HeatMapChart invented_heat_map(Random& random) {
  HeatMapChart chart{"Distances", "k-means with k = 2", "Hamming distance", "feature, by cluster", 16,
                     {},          {{"1", 10}, {"2", 6}}};
  for (int i = 0; i < 256; ++i) chart.values.push_back(i % 17 == 0 ? 0.0 : 0.4 + 0.2 * random.uniform());
  return chart;
}

Table invented_results() {
  Table table{
      {{"method"}, {"target"}, {"sparsity", true}, {"perplexity", true}, {"against dense", true}, {"weights", true}},
      {}};
  for (const auto& point : invented_perplexities().points) {
    table.rows.push_back({text_cell(point.method), text_cell(point.pattern), percent_cell(point.sparsity, 0),
                          number_cell(point.perplexity, 2), number_cell(point.perplexity / 18.34, 2),
                          count_cell(static_cast<std::int64_t>(4'200'000 * (1 - point.sparsity)))});
  }
  return table;
}

std::vector<Chart> sample_charts() {
  Random random(1);
  return {perplexity_chart(invented_perplexities()),
          similarity_chart(invented_similarities(random)),
          distribution_chart(invented_distributions(random, DistributionKind::histogram)),
          distribution_chart(invented_distributions(random, DistributionKind::box)),
          line_chart(invented_sparsities(random)),
          line_chart(invented_errors(random)),
          bar_chart(invented_bars()),
          interval_chart(invented_separations()),
          distance_chart(invented_distances()),
          cluster_size_chart(invented_sizes()),
          plane_chart(invented_plane(random)),
          strip_chart(invented_strips(random)),
          pattern_chart(invented_pattern(random)),
          heat_map_chart(invented_heat_map(random))};
}

std::vector<Picture> sample_gallery() {
  std::vector<Picture> gallery;
  for (const auto& method : kMethods) {
    SpyOptions options;
    options.title = "layer 0 · mlp.down_proj · " + method + " · 50 % unstructured";
    options.max_plot_px = 512;
    const auto spy = invented_spy(256, 688, 0.5, options);
    gallery.push_back({spy.png, spy.description, ""});
  }
  return gallery;
}

Page sample_page(const std::vector<Chart>& charts) {
  Page page(
      "What pruning leaves of tiny-llama",
      "One model of 4.2 million weights, pruned by three methods to six targets, and measured on text sampled from "
      "the model itself. The numbers of this page are invented: it shows how a report looks.");
  page.key_figures({{"18.34", "perplexity, dense", "± 0.21"},
                    {"19.02", "best at 50 %", "sparsegpt"},
                    {"24", "pruned models", ""},
                    {"1 min 48 s", "in all", "2 threads"}});
  page.section("Results");
  page.paragraph("Perplexity of every pruned model, lower is better. Sort by any column.");
  page.table(invented_results(), "Every model, measured");
  page.chart(charts[0], "Lines join unstructured targets; squares and triangles are N:M patterns.");
  page.section("Similarity").subsection("Which weights methods agree on").chart(charts[1]);
  page.subsection("Feature by feature").chart(charts[2]).chart(charts[3]);
  page.section("Layers").chart(charts[4]).chart(charts[5]);
  page.note("Layer 3 mlp.down_proj: the Gram matrix was not positive definite; the damping was raised to 10 %.");
  page.section("Patterns").paragraph("Where each method kept weights. A click enlarges a picture.");
  page.gallery(sample_gallery());
  page.section("Cost").chart(charts[6]);
  page.section("Structure");
  for (std::size_t i = 7; i < charts.size(); ++i) page.chart(charts[i]);
  page.section("Provenance");
  page.key_values({{"model", "examples/tiny-llama"},
                   {"calibration", "generated.txt, 32 × 256 tokens"},
                   {"seed", "0"},
                   {"SHA-256 of the tokens", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"},
                   {"version", "0.1.0 (1a2b3c4d5e6f)"}});
  page.code("lacuna study examples/demo.toml --threads 2");
  return page;
}

// Ends scripts, attributes and elements, runs on error and on load, and looks like an expression or a format of Vega.
std::string hostile(int i) {
  return fmt::format(
      R"x({}"'></script></style></title><script>document.documentElement.dataset.owned={}</script><img src=x )x"
      R"x(onerror="document.documentElement.dataset.owned={}"><svg onload=alert(1)>datum['a'].b[0]\'+alert(1)+'%s)x",
      i, i, i);
}

std::vector<Chart> hostile_charts() {
  PerplexityChart perplexities{hostile(1), hostile(2), {}, 17.5, AxisScale::log};
  perplexities.points = {{hostile(3), "unstructured", 0.5, 20, 1}, {hostile(3), hostile(4), 0.7, 30, 1}};
  const SimilarityChart similarities{
      hostile(5), hostile(6), hostile(7), {{hostile(8), {hostile(9), "b"}, {1, 0.5, 0.5, 1}}}, {}};
  LineChart lines{hostile(10), hostile(11), hostile(12), hostile(13), hostile(14)};
  lines.series = {{hostile(15), hostile(16), {{0, 1}, {1, 2}}}, {"b", "panel", {{0, 2}, {1, 1}}}};
  DistributionChart histogram{hostile(17), hostile(18), hostile(19), hostile(20), hostile(21)};
  histogram.distributions = {{hostile(22), {1, 2, 2, 3}}};
  DistributionChart boxes = histogram;
  boxes.kind = DistributionKind::box;
  BarChart bars{hostile(23), hostile(24), hostile(25), hostile(26), hostile(27)};
  bars.bars = {{hostile(28), hostile(29), 1}, {"c", "d", 2}};
  IntervalChart intervals{hostile(49), hostile(50), hostile(51), hostile(52), hostile(53), hostile(54), {}};
  intervals.intervals = {{hostile(55), hostile(56), hostile(54), 1, 0.5, hostile(57)}, {"b", "c", "d", 2, 0, ""}};
  DistanceChart distances{hostile(58),       hostile(59), hostile(60), {{0.1, 0.5}, {0.2, 1}},
                          {{0.1, 0.4, 0.6}}, hostile(61)};
  distances.band.push_back({0.2, 0.9, 1});
  return {perplexity_chart(perplexities),
          similarity_chart(similarities),
          line_chart(lines),
          distribution_chart(histogram),
          distribution_chart(boxes),
          bar_chart(bars),
          interval_chart(intervals),
          distance_chart(distances),
          cluster_size_chart({hostile(62), hostile(63), {{1, {{1}}}}}),
          plane_chart({hostile(64), hostile(65), {{0, 0, 0, 0}, {1, 1, 1, 1}}}),
          strip_chart({hostile(66),
                       hostile(67),
                       hostile(68),
                       hostile(69),
                       hostile(70),
                       0.5,
                       hostile(71),
                       {{hostile(72), {0.1, 0.2}, 0.15, 0.1, 0.05, hostile(73)}}}),
          pattern_chart({hostile(74), hostile(75), hostile(76), hostile(77), 2, {{true, false}}, {{hostile(78), 1}}}),
          heat_map_chart({hostile(79), hostile(80), hostile(81), hostile(82), 2, {0, 1, 1, 0}, {{hostile(83), 2}}})};
}

Page hostile_page(const std::vector<Chart>& charts) {
  Page page(hostile(30), hostile(31));
  page.section(hostile(32)).subsection(hostile(33)).paragraph(hostile(34)).note(hostile(35)).code(hostile(36));
  page.key_figures({{hostile(37), hostile(38), hostile(39)}}).key_values({{hostile(40), hostile(41)}});
  page.table({{{hostile(42)}}, {{text_cell(hostile(43))}, {text_cell("b")}}}, hostile(44));
  SpyOptions options;
  options.title = hostile(45);
  page.picture({invented_spy(8, 8, 0.5, options).png, hostile(46), hostile(47)});
  for (const auto& chart : charts) page.chart(chart, hostile(48));
  return page;
}

void write_charts(const std::filesystem::path& folder, const std::string& name, const std::vector<Chart>& charts) {
  for (std::size_t i = 0; i < charts.size(); ++i) {
    write_file_atomic(folder / "charts" / fmt::format("{}-{}.json", name, i), charts[i].spec);
  }
}

void write_spies(const std::filesystem::path& folder) {
  struct Size {
    std::int64_t rows, cols;
    const char* title;
  };
  const Size sizes[] = {{8, 16, "tiny"},
                        {1, 40, "a vector"},
                        {64, 256, "layer 0 · self_attn.q_proj · wanda · 2:4"},
                        {688, 256, "layer 0 · mlp.gate_proj · magnitude · 50 % unstructured"},
                        {4096, 1024, "layer 11 · mlp.down_proj · sparsegpt · 50 % unstructured"}};
  for (const auto& size : sizes) {
    SpyOptions options;
    options.title = size.title;
    options.max_plot_px = 900;
    write_file_atomic(folder / fmt::format("spy-{}x{}.png", size.rows, size.cols),
                      invented_spy(size.rows, size.cols, 0.5, options).png);
  }
  const auto weights = invented_weights(32, 48, 0.4, 7);
  SpyOptions options;
  options.title = "layer 0 · <mlp.down_proj> & wanda · 60 % unstructured";
  write_spy_svg(folder / "spy.svg", spy_pattern(make_tensor_view(DType::bf16, {32, 48}, weights.data())), options);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::fputs("usage: sample_page FOLDER\n", stderr), 2;
  try {
    const std::filesystem::path folder = argv[1];
    std::filesystem::create_directories(folder / "charts");
    const auto charts = sample_charts();
    const auto attacks = hostile_charts();
    sample_page(charts).write(folder / "report.html");
    hostile_page(attacks).write(folder / "hostile.html");
    write_charts(folder, "sample", charts);
    write_charts(folder, "hostile", attacks);
    write_spies(folder);
  } catch (const Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
