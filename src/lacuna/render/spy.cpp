// The picture is one buffer of palette indices. Cairo draws the text into it as an 8-bit mask, which becomes the shades
// of grey [0, kGreys); the plot and the colour bar are then written over it as indices from kGreys on.
#include "lacuna/render/spy.hpp"

#include <fmt/format.h>
#include <png.h>

#include <algorithm>
#include <cmath>

#include "lacuna/core/atomic_file.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/core/threads.hpp"
#include "lacuna/render/spy_cairo.hpp"
#include "lacuna/render/spy_layout.hpp"

namespace lacuna {
namespace {

constexpr int kGreys = 15;  // with the one colour of a 1:1 plot: 16, four bits a pixel
constexpr int kRampColours = 256 - kGreys;
constexpr std::int64_t kPixelsPerThread = 1 << 18;         // fewer take less time than waking a thread
constexpr std::size_t kFastPixels = std::size_t{1} << 22;  // above, deflate works for speed

struct Picture {
  int width = 0;
  int height = 0;
  int row_bytes = 0;
  std::vector<std::uint8_t> indices;
  std::vector<Rgb> palette;

  std::uint8_t* row(int y) {
    return indices.data() + static_cast<std::size_t>(y) * static_cast<std::size_t>(row_bytes);
  }
};

std::vector<Rgb> picture_palette(bool density, Rgb nonzero) {
  std::vector<Rgb> palette;
  for (int i = 0; i < kGreys; ++i) {
    const auto grey = static_cast<std::uint8_t>(255 - 230 * i / (kGreys - 1));  // 25: softer than black
    palette.push_back({grey, grey, grey});
  }
  if (!density) {
    palette.push_back(nonzero);
    return palette;
  }
  const auto ramp = density_ramp(kRampColours);
  palette.insert(palette.end(), ramp.begin(), ramp.end());
  return palette;
}

std::uint8_t ramp_index(double density, const DensityRange& range) {
  const double t = std::clamp((density - range.low) / (range.high - range.low), 0.0, 1.0);
  return static_cast<std::uint8_t>(kGreys + std::lround(t * (kRampColours - 1)));
}

Picture paint_text(const SpyLayout& layout) {
  Picture picture{layout.width, layout.height, mask_row_bytes(layout.width)};
  picture.indices.assign(static_cast<std::size_t>(picture.row_bytes) * static_cast<std::size_t>(layout.height), 0);
  paint_mask(layout, picture.indices.data());
  for (auto& pixel : picture.indices) pixel = static_cast<std::uint8_t>((pixel * (kGreys - 1) + 127) / 255);
  return picture;
}

void paint_plot(const DensityMap& map, const SpyScale& scale, const DensityRange& range, const SpyBox& plot,
                Picture& picture) {
  const std::int64_t grain = kPixelsPerThread / plot.width + 1;
  parallel_for(map.map_rows, grain, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i) {
      const int y = plot.y + static_cast<int>(i) * scale.zoom_y;
      std::uint8_t* line = picture.row(y) + plot.x;
      for (std::int64_t j = 0; j < map.map_cols; ++j) {
        const std::uint8_t index = scale.box > 1 ? ramp_index(map.density(i, j), range) : map.count(i, j) * kGreys;
        std::fill_n(line + j * scale.zoom_x, scale.zoom_x, index);
      }
      for (int copy = 1; copy < scale.zoom_y; ++copy) std::copy_n(line, plot.width, picture.row(y + copy) + plot.x);
    }
  });
}

void paint_bar(const SpyBox& bar, Picture& picture) {
  for (int y = 0; y < bar.height; ++y) {
    const double share = 1.0 - (y + 0.5) / bar.height;
    std::fill_n(picture.row(bar.y + y) + bar.x, bar.width, ramp_index(share, {0.0, 1.0}));
  }
}

std::string encode_png(const Picture& picture) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(picture.width);
  image.height = static_cast<png_uint_32>(picture.height);
  image.format = PNG_FORMAT_RGB_COLORMAP;
  image.colormap_entries = static_cast<png_uint_32>(picture.palette.size());
  if (picture.indices.size() > kFastPixels) image.flags |= PNG_IMAGE_FLAG_FAST;
  std::vector<std::uint8_t> colours;
  for (const Rgb colour : picture.palette) colours.insert(colours.end(), {colour.r, colour.g, colour.b});
  png_alloc_size_t bytes = PNG_IMAGE_PNG_SIZE_MAX(image);
  std::string png(bytes, '\0');
  if (png_image_write_to_memory(&image, png.data(), &bytes, 0, picture.indices.data(), picture.row_bytes,
                                colours.data()) == 0) {
    throw Error(ErrorCode::internal, fmt::format("libpng could not encode a {} × {} picture: {}", picture.width,
                                                 picture.height, image.message));
  }
  png.resize(bytes);
  return png;
}

}  // namespace

SpyImage draw_spy(const SpyPattern& pattern, const SpyOptions& options) {
  require_valid(options);
  const SpyScale scale = choose_scale(pattern.rows, pattern.cols, options);
  const DensityMap map = count_density(pattern, scale.box, scale.box);
  const DensityRange range = options.range ? *options.range : choose_range(map);
  const SpyLayout layout = lay_out(map, scale, range, options, measure_text);
  Picture picture = paint_text(layout);
  picture.palette = picture_palette(scale.box > 1, options.nonzero);
  paint_plot(map, scale, range, layout.plot, picture);
  if (layout.bar.width > 0) paint_bar(layout.bar, picture);
  return {encode_png(picture), layout.width,   layout.height,
          map.nonzeros,        map.sparsity(), spy_description(map, options)};
}

std::string spy_png_bytes(const SpyPattern& pattern, const SpyOptions& options) {
  return draw_spy(pattern, options).png;
}

SpyImage write_spy_png(const std::filesystem::path& target, const SpyPattern& pattern, const SpyOptions& options) {
  SpyImage image = draw_spy(pattern, options);
  write_file_atomic(target, image.png);
  return image;
}

}  // namespace lacuna
