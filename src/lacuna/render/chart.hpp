// Charts, as Vega-Lite v6 specifications made from plain numbers.
//
// Each function gives a Chart: the specification, a sentence for readers who cannot see it, and the same numbers as a
// table. Specifications carry a light theme; a page replaces `config` to follow the reader's. Series differ by dash and
// shape as well as by colour, so that grey prints stay readable. Hovering shows exact values; a click in the legend
// keeps one series.
//
// Values   NaN and infinities are left out of the picture and stay in the table; a logarithmic axis leaves out values
//          ≤ 0 too.
// Names    may come from strangers; they are data in the specification, never part of an expression.
// Errors   Error{invalid_argument}: a matrix that is not as large as its labels.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lacuna/render/table.hpp"

namespace lacuna {

struct Chart {
  std::string title;
  std::string description;
  std::string spec;  // JSON
  Table data;
};

enum class AxisScale { automatic, linear, log };  // automatic: logarithmic when the values span more than a factor of 8

// Perplexity against sparsity, one line per method; N:M results as points of their own shape.
struct PerplexityPoint {
  std::string method;     // "wanda"
  std::string pattern;    // "unstructured", "2:4"
  double sparsity = 0.0;  // share of zeros
  double perplexity = 0.0;
  double standard_error = 0.0;  // 0: unknown, no error bar
};
struct PerplexityChart {
  std::string title = "Perplexity against sparsity";
  std::string subtitle;  // "tiny-llama on WikiText-2, windows of 512 tokens"
  std::vector<PerplexityPoint> points;
  std::optional<double> dense;  // a horizontal rule
  AxisScale scale = AxisScale::automatic;
};
Chart perplexity_chart(const PerplexityChart& chart);

// Heat maps of a symmetric measure between methods, one panel per layer or matrix; or of methods by what they were
// compared across.
struct SimilarityPanel {
  std::string name;                       // "layer 0 · mlp.down_proj"
  std::vector<std::string> labels;        // n methods
  std::vector<double> values;             // n × columns, row-major; NaN: not compared
  std::vector<std::string> columns = {};  // "50% and 2:4"; empty: the labels again

  const std::vector<std::string>& column_labels() const { return columns.empty() ? labels : columns; }
};
struct SimilarityChart {
  std::string title = "Similarity of the patterns kept";
  std::string subtitle;
  std::string measure = "Jaccard similarity";
  std::vector<SimilarityPanel> panels;
  std::optional<double> low;  // of the colour scale; absent: the smallest value, rounded down
};
Chart similarity_chart(const SimilarityChart& chart);

// Lines over a number, mostly the layer: sparsity, relative error, similarity. Panels (optional) stand side by side.
struct LinePoint {
  double x = 0.0;
  double y = 0.0;
};
struct LineSeries {
  std::string name;   // "wanda 50 %"
  std::string panel;  // "mlp.down_proj"; empty: one panel
  std::vector<LinePoint> points;
  std::vector<LinePoint> marks = {};  // points of the line that stand out: what was chosen
};
enum class ValueFormat { number, percent };  // percent: shares, 0.5 shown as 50 %
struct LineChart {
  std::string title;
  std::string subtitle;
  std::string x_title = "layer";
  std::string y_title;                  // with its unit: "relative error ‖(W−Ŵ)X‖² / ‖WX‖²"
  std::string series_title = "method";  // empty: a single series needs no legend
  ValueFormat y_format = ValueFormat::number;
  AxisScale y_scale = AxisScale::linear;
  bool y_from_zero = false;
  ValueFormat x_format = ValueFormat::number;
  bool ordered = false;  // series have an order, as layers do: a ramp of colours, no dashes, no points
  std::vector<LineSeries> series;
};
Chart line_chart(const LineChart& chart);

// Distributions of a per-feature measure: histograms as outlines over shared bins, or box plots, one row each.
struct Distribution {
  std::string name;  // "wanda against sparsegpt, 50 %"
  std::vector<double> values;
};
enum class DistributionKind { histogram, box };
struct DistributionChart {
  std::string title;
  std::string subtitle;
  std::string value_title = "Jaccard similarity";
  std::string series_title = "comparison";
  std::string item_name = "features";  // what the values are of: "share of features" is the histogram's axis
  DistributionKind kind = DistributionKind::histogram;
  int bins = 40;  // of a histogram, 1 to 1000
  std::vector<Distribution> distributions;
};
Chart distribution_chart(const DistributionChart& chart);

// Bars, grouped by series where there is more than one.
struct Bar {
  std::string category;
  std::string series;  // empty: one series
  double value = 0.0;
};
struct BarChart {
  std::string title;
  std::string subtitle;
  std::string category_title;
  std::string value_title;  // with its unit
  std::string series_title = "method";
  ValueFormat value_format = ValueFormat::number;
  std::vector<Bar> bars;
};
Chart bar_chart(const BarChart& chart);

}  // namespace lacuna
