// Charts of neighbourhoods, one line per feature: what each keeps, and how far apart they are. As chart.hpp makes them.
//
// Features stand in the order given; lines part groups of them, and the groups' names stand at the axis.
//
// Errors   Error{invalid_argument}: sizes that do not fit each other, or more than kMaxPatternCells cells.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lacuna/render/chart.hpp"

namespace lacuna {

inline constexpr std::int64_t kMaxPatternCells = 65'536;  // a chart of more is slow to draw and too large to open

struct FeatureGroupLabel {
  std::string name;        // "1"; groups without names have no labels
  std::int64_t count = 0;  // features, in a row
};

struct PatternChart {
  std::string title;
  std::string subtitle;
  std::string column_title;   // "row of W"
  std::string feature_title;  // "feature, by cluster"
  std::int64_t n_columns = 0;
  std::vector<std::vector<bool>> kept;    // one line per feature, n_columns each
  std::vector<FeatureGroupLabel> groups;  // empty: none; else they count all features
};
Chart pattern_chart(const PatternChart& chart);

struct HeatMapChart {
  std::string title;
  std::string subtitle;
  std::string measure;        // "Hamming distance"
  std::string feature_title;  // "feature, by cluster"
  std::int64_t n = 0;
  std::vector<double> values;             // n × n, row-major; the diagonal is not part of the colours' range
  std::vector<FeatureGroupLabel> groups;  // as above
};
Chart heat_map_chart(const HeatMapChart& chart);

}  // namespace lacuna
