// Spy plots: where a matrix is not zero.
//
// A matrix that fits is drawn at 1:1 (small ones with larger, equal squares), one colour for non-zero on white. A
// larger one is averaged down: each pixel is the exact share of non-zeros in a box, drawn with density_ramp and a
// colour bar. Boxes above 2 × 2 have sides that are multiples of four, so that an N:M pattern shows as the even tone it
// is, not as stripes made by the drawing. Title, sparsity, shape, axis labels and ticks stand around the plot.
//
// Image    8-bit or 4-bit palette PNG; text through cairo in DejaVu Sans, else the system's sans-serif.
// Cost     one pass over the matrix (see density.hpp); 28,672 × 8,192 bf16 well under a second on two cores.
// Exact    the plot's pixels are determined by the matrix and the options; text depends on the fonts installed.
// Threads  safe to call from any thread; parallel inside.
// Errors   those of density.hpp; Error{invalid_argument}: sizes or range outside their limits; write_spy and
//          write_spy_svg: those of AtomicFile.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "lacuna/render/density.hpp"
#include "lacuna/render/palette.hpp"

namespace lacuna {

struct DensityRange {
  double low = 0.0;   // share of non-zeros that gets the first colour; lower shares get it too
  double high = 1.0;  // and the last one
};

struct SpyOptions {
  std::string title;  // "layer 0 · mlp.down_proj · wanda · 50 % unstructured"; may be empty
  std::string x_label = "input feature (column)";
  std::string y_label = "output feature (row)";
  int max_plot_px = 1600;             // longest side of the plot, 16 to 8192; a larger matrix is averaged down
  int min_plot_px = 480;              // squares of a small matrix grow until its longest side comes near this
  Rgb nonzero{0, 0, 0};               // at 1:1
  std::optional<DensityRange> range;  // of a density map; absent: where 98 % of the pixels lie, at least 0.1 wide
};

struct SpyImage {
  std::string png;  // the bytes of a file
  int width_px = 0;
  int height_px = 0;
  std::int64_t nonzeros = 0;
  double sparsity = 0.0;
  std::string description;  // what the picture shows, for readers who cannot see it
};

SpyImage draw_spy(const SpyPattern& pattern, const SpyOptions& options);
std::string spy_png_bytes(const SpyPattern& pattern, const SpyOptions& options);
SpyImage write_spy_png(const std::filesystem::path& target, const SpyPattern& pattern, const SpyOptions& options);

// The same as SVG, runs of cells merged. Error{limit_exceeded} above 65,536 entries.
std::string spy_svg(const SpyPattern& pattern, const SpyOptions& options);
void write_spy_svg(const std::filesystem::path& target, const SpyPattern& pattern, const SpyOptions& options);

}  // namespace lacuna
