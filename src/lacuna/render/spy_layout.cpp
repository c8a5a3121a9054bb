#include "lacuna/render/spy_layout.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "lacuna/core/error.hpp"
#include "lacuna/render/spy_text.hpp"
#include "lacuna/render/table.hpp"

namespace lacuna {
namespace {

constexpr int kMinSide = 24;  // a single row is drawn this high

// Builds a layout; all distances are multiples of the font size em.
struct Builder {
  const DensityMap& map;
  const SpyScale& scale;
  const DensityRange& range;
  const SpyOptions& options;
  const MeasureText& measure;
  SpyLayout out;
  double em = 12;

  double tick_size() const { return 0.85 * em; }
  double title_size() const { return 1.15 * em; }
  double subtitle_size() const { return 0.92 * em; }
  double pad() const { return std::round(1.2 * em); }
  bool has_bar() const { return scale.box > 1; }
  std::string label(const std::string& text) const;

  void place_plot(double left, double top);
  void add_titles(double left, double* top, double* widest);
  void add_x_axis();
  void add_y_axis();
  void add_bar();
};

// Steps of round numbers: powers of two where the extent is a multiple of 64, as most layers' are; else 1, 2, 5, 10, …
std::vector<std::int64_t> axis_ticks(std::int64_t extent, double max_ticks) {
  const bool binary = extent >= 64 && extent % 64 == 0;
  constexpr std::array<std::int64_t, 3> kDecimal = {1, 2, 5};
  std::int64_t step = 1;
  std::int64_t power = 1;
  for (std::size_t i = 1; static_cast<double>((extent - 1) / step + 1) > max_ticks; ++i) {
    if (binary) {
      step *= 2;
      continue;
    }
    if (i % 3 == 0) power *= 10;
    step = kDecimal[i % 3] * power;
  }
  std::vector<std::int64_t> ticks;
  for (std::int64_t tick = 0; tick < extent; tick += step) ticks.push_back(tick);
  return ticks;
}

// Between the labels of a colour bar, in percent.
double bar_step(double width) {
  return width > 60 ? 20 : width > 30 ? 10 : width > 15 ? 5 : width > 5 ? 2 : width > 2 ? 0.5 : width / 4;
}

std::string Builder::label(const std::string& text) const {
  return ellipsised(one_line(text), em, false, 30 * em, measure);
}

void Builder::add_titles(double left, double* top, double* widest) {
  const double width = std::max<double>(out.plot.width, 30 * em);
  const auto add = [&](const std::string& text, double size, bool bold, double ink, double line_height) {
    if (text.empty()) return;
    for (const auto& line : wrapped(one_line(text), size, bold, width, measure)) {
      *top += line_height;
      *widest = std::max(*widest, measure(line, size, bold));
      out.texts.push_back({line, left, std::round(*top), size, TextAnchor::start, false, bold, ink});
    }
  };
  add(options.title, title_size(), true, 1.0, 1.5 * em);
  add(spy_subtitle(map), subtitle_size(), false, 0.75, 1.35 * em);
}

void Builder::place_plot(double left, double top) {
  out.plot.x = static_cast<int>(std::lround(left));
  out.plot.y = static_cast<int>(std::lround(top));
  const double half = out.line_width / 2;  // the frame lies just outside the plot
  const double x0 = out.plot.x - half, x1 = out.plot.x + out.plot.width + half;
  const double y0 = out.plot.y - half, y1 = out.plot.y + out.plot.height + half;
  out.lines.insert(
      out.lines.end(),
      {{x0 - half, y0, x1 + half, y0}, {x0 - half, y1, x1 + half, y1}, {x0, y0, x0, y1}, {x1, y0, x1, y1}});
}

// The middle of entry `index`, in pixels from the start of the plot.
double entry_offset(std::int64_t index, std::int64_t box, int zoom) {
  return (static_cast<double>(index) + 0.5) / static_cast<double>(box) * zoom;
}

void Builder::add_x_axis() {
  const double base = out.plot.y + out.plot.height + out.line_width;
  const double widest = measure(count_text(map.cols), tick_size(), false);
  const double max_ticks = std::clamp(out.plot.width / (widest + 1.4 * em), 1.0, 9.0);
  const std::int64_t box = map.box_cols;
  for (const std::int64_t tick : axis_ticks(map.cols, max_ticks)) {
    const double x = out.plot.x + entry_offset(tick, box, scale.zoom_x);
    out.lines.push_back({x, base, x, base + 0.4 * em});
    out.texts.push_back({count_text(tick), x, base + 1.35 * em, tick_size(), TextAnchor::middle, false, false, 0.85});
  }
  const std::string text = label(options.x_label);
  const bool fits = measure(text, em, false) <= out.plot.width;
  const double x = fits ? out.plot.x + out.plot.width / 2.0 : out.plot.x;
  out.texts.push_back({text, x, base + 2.9 * em, em, fits ? TextAnchor::middle : TextAnchor::start});
}

void Builder::add_y_axis() {
  const double base = out.plot.x - out.line_width;
  const double max_ticks = std::clamp(out.plot.height / (2.4 * em), 1.0, 9.0);
  const std::int64_t box = map.box_rows;
  for (const std::int64_t tick : axis_ticks(map.rows, max_ticks)) {
    const double y = out.plot.y + entry_offset(tick, box, scale.zoom_y);
    out.lines.push_back({base - 0.4 * em, y, base, y});
    out.texts.push_back(
        {count_text(tick), base - 0.6 * em, y + 0.3 * em, tick_size(), TextAnchor::end, false, false, 0.85});
  }
  const double y = out.plot.y + out.plot.height / 2.0;
  out.texts.push_back({label(options.y_label), pad() + 0.6 * em, y, em, TextAnchor::middle, true});
}

void Builder::add_bar() {
  const double low = 100 * range.low;
  const double high = 100 * range.high;
  const double step = bar_step(high - low);
  const double right = out.bar.x + out.bar.width;
  double widest = 0;
  for (double percent = std::ceil(low / step - 1e-9) * step; percent <= high + 1e-9;
       percent += step) {  // 1e-9: rounding
    const double y = out.bar.y + out.bar.height * (high - percent) / (high - low);
    const std::string text = percent_text(percent / 100, step < 1 ? 1 : 0);
    widest = std::max(widest, measure(text, tick_size(), false));
    out.lines.push_back({right, y, right + 0.3 * em, y});
    out.texts.push_back({text, right + 0.5 * em, y + 0.3 * em, tick_size(), TextAnchor::start, false, false, 0.85});
  }
  const double y = out.bar.y + out.bar.height / 2.0;
  out.texts.push_back({"share of non-zeros", right + widest + 1.9 * em, y, em, TextAnchor::middle, true});
}

}  // namespace

void require_valid(const SpyOptions& options) {
  if (options.max_plot_px < 16 || options.max_plot_px > 8192) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("longest side of a spy plot: expected 16 to 8192 pixels, got {}", options.max_plot_px));
  }
  if (options.min_plot_px < 1 || options.min_plot_px > 8192) {
    throw Error(
        ErrorCode::invalid_argument,
        fmt::format("size that small spy plots grow to: expected 1 to 8192 pixels, got {}", options.min_plot_px));
  }
  if (options.range &&
      !(options.range->low >= 0 && options.range->low < options.range->high && options.range->high <= 1)) {
    throw Error(ErrorCode::invalid_argument, fmt::format("density range: expected 0 ≤ low < high ≤ 1, got {} to {}",
                                                         options.range->low, options.range->high));
  }
}

SpyScale choose_scale(std::int64_t rows, std::int64_t cols, const SpyOptions& options) {
  const std::int64_t longest = std::max(rows, cols);
  SpyScale scale;
  scale.box = (longest - 1) / options.max_plot_px + 1;
  if (scale.box > 2) scale.box = (scale.box + 3) / 4 * 4;
  const auto cells = [&](std::int64_t extent) { return (extent - 1) / scale.box + 1; };
  const int wanted = std::min(options.min_plot_px, options.max_plot_px);
  const int zoom = std::max<int>(1, static_cast<int>(wanted / cells(longest)));
  const auto at_least = [&](std::int64_t extent) {
    return std::max(zoom, static_cast<int>((kMinSide - 1) / cells(extent) + 1));
  };
  scale.zoom_x = at_least(cols);
  scale.zoom_y = at_least(rows);
  return scale;
}

DensityRange choose_range(const DensityMap& map) {
  constexpr int kBins = 1000;
  constexpr double kMinWidth = 10;  // percent: an even tone must not look like structure
  std::array<std::int64_t, kBins + 1> histogram{};
  for (std::int64_t i = 0; i < map.map_rows; ++i) {
    for (std::int64_t j = 0; j < map.map_cols; ++j) ++histogram[static_cast<std::size_t>(map.density(i, j) * kBins)];
  }
  const std::int64_t cut = map.map_rows * map.map_cols / 100;
  int low = 0;
  for (std::int64_t seen = histogram[0]; low < kBins && seen <= cut; seen += histogram[static_cast<std::size_t>(low)])
    ++low;
  int high = kBins;
  for (std::int64_t seen = histogram[kBins]; high > low && seen <= cut;
       seen += histogram[static_cast<std::size_t>(high)]) {
    --high;
  }
  double from = low * (100.0 / kBins);
  double to = high * (100.0 / kBins);
  const double missing = std::max(0.0, kMinWidth - (to - from));
  from = std::clamp(from - missing / 2, 0.0, 100.0 - kMinWidth);
  to = std::clamp(to + missing / 2, from + kMinWidth, 100.0);
  const double step = bar_step(to - from);
  return {std::floor(from / step) * step / 100, std::min(100.0, std::ceil(to / step) * step) / 100};
}

std::string spy_subtitle(const DensityMap& map) {
  std::string text =
      fmt::format("{} × {} · {} zeros", count_text(map.rows), count_text(map.cols), percent_text(map.sparsity(), 2));
  if (map.box_rows == 1 && map.box_cols == 1) return text + " · dark = non-zero";
  return text + fmt::format(" · each pixel averages {} × {} weights", map.box_rows, map.box_cols);
}

std::string spy_description(const DensityMap& map, const SpyOptions& options) {
  return fmt::format("Spy plot{}{}: {} rows × {} columns, {} of the entries are zero.",
                     options.title.empty() ? "" : " of ", one_line(options.title), count_text(map.rows),
                     count_text(map.cols), percent_text(map.sparsity(), 2));
}

SpyLayout lay_out(const DensityMap& map, const SpyScale& scale, const DensityRange& range, const SpyOptions& options,
                  const MeasureText& measure) {
  Builder b{map, scale, range, options, measure, {}};
  b.out.plot.width = static_cast<int>(map.map_cols) * scale.zoom_x;
  b.out.plot.height = static_cast<int>(map.map_rows) * scale.zoom_y;
  const double side = std::sqrt(double(b.out.plot.width) * b.out.plot.height);
  b.em = std::clamp(std::round(8 + side / 90), 12.0, 26.0);
  b.out.line_width = b.em >= 20 ? 2 : 1;

  const double tick_label = measure(count_text(map.rows), b.tick_size(), false);
  const double left = std::round(b.pad() + 1.8 * b.em + tick_label + 0.6 * b.em + b.out.line_width);
  double top = b.pad() - 0.4 * b.em;
  double widest = 0;
  b.add_titles(left, &top, &widest);
  top += 1.0 * b.em;
  const double y_label = measure(b.label(options.y_label), b.em, false);
  top = std::max(top, b.pad() + (y_label - b.out.plot.height) / 2);  // a long label beside a flat plot
  b.place_plot(left, top);

  double right = left + b.out.plot.width + b.pad();
  double bottom = b.out.plot.y + b.out.plot.height + 3.2 * b.em;
  bottom = std::max(bottom, b.out.plot.y + (b.out.plot.height + y_label) / 2);
  if (b.has_bar()) {
    const int height = std::max(b.out.plot.height, static_cast<int>(10 * b.em));
    b.out.bar = {static_cast<int>(right), b.out.plot.y, static_cast<int>(b.em), height};
    right += 7.0 * b.em;
    bottom = std::max<double>(bottom, b.out.bar.y + height);
    b.add_bar();
  }
  b.add_x_axis();
  b.add_y_axis();
  const double x_label_end = left + std::max<double>(b.out.plot.width, measure(b.label(options.x_label), b.em, false));
  b.out.width = static_cast<int>(std::ceil(std::max({right, left + widest + b.pad(), x_label_end + b.pad()})));
  b.out.height = static_cast<int>(std::ceil(bottom + b.pad() * 0.6));
  return b.out;
}

}  // namespace lacuna
