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

// Sizes of clusters, largest first: the mean over runs with whiskers from the least to the most, a panel for each k,
// and a rule where clusters of equal size would be.
struct ClusterSizes {
  std::int64_t k = 0;
  std::vector<std::vector<std::int64_t>> runs;  // k sizes each, any order
};
struct ClusterSizeChart {
  std::string title;
  std::string subtitle;
  std::vector<ClusterSizes> sizes;
};
Chart cluster_size_chart(const ClusterSizeChart& chart);

// Points in the plane, colour and shape by cluster. The axes have no meaning and are not drawn.
struct PlanePoint {
  double x = 0.0;
  double y = 0.0;
  std::int64_t cluster = 0;
  std::int64_t feature = 0;
};
struct PlaneChart {
  std::string title;
  std::string subtitle;
  std::vector<PlanePoint> points;
};
Chart plane_chart(const PlaneChart& chart);

// Values of many items, one row for each set, with its mean and what chance gives for the mean.
struct Strip {
  std::string name;  // "groups"
  std::vector<double> values;
  double mean = 0.0;
  std::optional<double> chance_mean;
  double chance_deviation = 0.0;
  std::string note;  // at the right end: "p = 0.005"
};
struct StripChart {
  std::string title;
  std::string subtitle;
  std::string value_title;
  std::string row_title;  // of the rows, in tables
  std::string item_name;  // what the values are of: "one block"
  std::optional<double> reference;
  std::string reference_name;
  std::vector<Strip> strips;
};
Chart strip_chart(const StripChart& chart);

}  // namespace lacuna
