// Charts of structure beside chance, as chart.hpp makes them.
//
// What random masks give is grey in each of them; what was observed is in colour. chart.hpp says what holds of all
// charts: NaN and infinities are left out, names are data.
//
// Errors   Error{invalid_argument}: a count that does not fit the others, named in each.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lacuna/render/chart.hpp"

namespace lacuna {

// Values with whiskers of one standard deviation, in rows; rows of several matrices stand in panels below each other.
struct Interval {
  std::string panel;   // "layer 0 · mlp.down_proj"; the same everywhere: no panels
  std::string row;     // "k = 4"
  std::string series;  // "observed"
  double value = 0.0;
  double deviation = 0.0;  // 0: no whiskers
  std::string note;        // at the right end of the row, once a row: "p = 0.005"
};
struct IntervalChart {
  std::string title;
  std::string subtitle;
  std::string value_title;          // "separation (between / within)"
  std::string row_title;            // of the rows, in tables: "clusters"
  std::string note_title = "note";  // in tables: "p"
  std::string chance;               // the series drawn in grey; may be empty
  std::vector<Interval> intervals;
};
Chart interval_chart(const IntervalChart& chart);

// Distances of all pairs: a histogram above the cumulative share, with the band where random masks lie.
struct DistanceBand {
  double distance = 0.0;
  double low = 0.0;  // cumulative share of pairs
  double high = 0.0;
};
struct DistanceChart {
  std::string title;
  std::string subtitle;
  std::string distance_title = "Hamming distance (share of rows)";
  std::vector<LinePoint> cdf;      // distance, share of pairs at most so far apart; both ascend
  std::vector<DistanceBand> band;  // may be empty
  std::string band_name = "95 % of random masks";
  std::optional<double> mean;
  double unit = 0.0;  // distances are multiples of it: bins are too; 0: any
  int bins = 48;      // at most, 1 to 1000
};
Chart distance_chart(const DistanceChart& chart);

}  // namespace lacuna
