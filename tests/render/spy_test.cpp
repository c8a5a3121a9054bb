#include "lacuna/render/spy.hpp"

#include <gtest/gtest.h>
#include <png.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "lacuna/core/atomic_file.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/render/escape.hpp"
#include "lacuna/render/spy_cairo.hpp"
#include "lacuna/render/spy_layout.hpp"
#include "support/temp_folder.hpp"

namespace lacuna {
namespace {

struct Decoded {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> rgb;

  Rgb at(int x, int y) const {
    const auto* pixel =
        rgb.data() + 3 * (static_cast<std::size_t>(y) * static_cast<std::size_t>(width) + static_cast<std::size_t>(x));
    return {pixel[0], pixel[1], pixel[2]};
  }
};

Decoded decode(const std::string& png) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  Decoded decoded;
  if (png_image_begin_read_from_memory(&image, png.data(), png.size()) == 0) {
    ADD_FAILURE() << image.message;
    return decoded;
  }
  image.format = PNG_FORMAT_RGB;
  decoded.width = static_cast<int>(image.width);
  decoded.height = static_cast<int>(image.height);
  decoded.rgb.resize(PNG_IMAGE_SIZE(image));
  EXPECT_NE(png_image_finish_read(&image, nullptr, decoded.rgb.data(), 0, nullptr), 0) << image.message;
  return decoded;
}

// What draw_spy does up to the pixels.
struct Plan {
  SpyScale scale;
  DensityMap map;
  DensityRange range;
  SpyLayout layout;
};

Plan plan(const SpyPattern& pattern, const SpyOptions& options) {
  Plan p;
  p.scale = choose_scale(pattern.rows, pattern.cols, options);
  p.map = count_density(pattern, p.scale.box, p.scale.box);
  p.range = options.range ? *options.range : choose_range(p.map);
  p.layout = lay_out(p.map, p.scale, p.range, options, measure_text);
  return p;
}

// A pattern whose density grows along both axes.
bool grows(std::int64_t r, std::int64_t c) { return (r * 7919 + c * 104729) % 1000 < r + 2 * c; }

SpyPattern growing(std::int64_t rows, std::int64_t cols) {
  return spy_pattern_from_flags(rows, cols, [cols](std::int64_t r, std::uint8_t* out) {
    for (std::int64_t c = 0; c < cols; ++c) out[c] = grows(r, c);
  });
}

constexpr Rgb kWhite{255, 255, 255};

TEST(SpyPng, EachEntryIsItsSquare) {
  SpyOptions options;
  options.title = "8 × 12";
  options.nonzero = {10, 20, 200};
  const auto pattern = growing(8, 12);
  const Plan p = plan(pattern, options);
  const Decoded image = decode(spy_png_bytes(pattern, options));
  ASSERT_EQ(p.scale.box, 1);
  ASSERT_EQ(p.scale.zoom_x, 40);  // 480 pixels over 12 columns
  ASSERT_EQ(image.width, p.layout.width);
  ASSERT_EQ(image.height, p.layout.height);
  for (int y = 0; y < p.layout.plot.height; ++y) {
    for (int x = 0; x < p.layout.plot.width; ++x) {
      const Rgb expected = grows(y / p.scale.zoom_y, x / p.scale.zoom_x) ? options.nonzero : kWhite;
      ASSERT_EQ(image.at(p.layout.plot.x + x, p.layout.plot.y + y), expected) << x << ' ' << y;
    }
  }
}

TEST(SpyPng, APixelIsTheExactShareOfItsBox) {
  SpyOptions options;
  options.max_plot_px = 64;
  options.min_plot_px = 1;
  options.range = DensityRange{0.0, 1.0};
  const auto pattern = growing(130, 250);  // 250 > 3 × 64: boxes of 4 × 4, the last ones smaller
  const Plan p = plan(pattern, options);
  ASSERT_EQ(p.scale.box, 4);
  const Decoded image = decode(spy_png_bytes(pattern, options));
  const auto ramp = density_ramp(241);
  for (std::int64_t i = 0; i < 33; ++i) {
    for (std::int64_t j = 0; j < 63; ++j) {
      std::int64_t count = 0;
      std::int64_t entries = 0;
      for (std::int64_t r = 4 * i; r < std::min<std::int64_t>(4 * i + 4, 130); ++r) {
        for (std::int64_t c = 4 * j; c < std::min<std::int64_t>(4 * j + 4, 250); ++c, ++entries) count += grows(r, c);
      }
      const auto shade = static_cast<std::size_t>(std::lround(240.0 * double(count) / double(entries)));
      ASSERT_EQ(image.at(p.layout.plot.x + int(j), p.layout.plot.y + int(i)), ramp[shade]) << i << ' ' << j;
    }
  }
}

TEST(SpyPng, TheColourBarRunsFromNoneToAll) {
  SpyOptions options;
  options.max_plot_px = 64;
  const auto pattern = growing(300, 300);
  const Plan p = plan(pattern, options);
  const Decoded image = decode(spy_png_bytes(pattern, options));
  const auto ramp = density_ramp(241);
  const SpyBox& bar = p.layout.bar;
  ASSERT_GT(bar.width, 0);
  const auto near = [&](int y, Rgb colour) {  // within one shade of 241: a pixel shows its middle
    const auto a = to_oklab(image.at(bar.x + 1, y));
    const auto b = to_oklab(colour);
    return std::hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]) < 0.02;
  };
  EXPECT_TRUE(near(bar.y, ramp.back()));
  EXPECT_TRUE(near(bar.y + bar.height - 1, ramp.front()));
}

TEST(SpyPng, AnEvenPatternIsOneTone) {  // 2:4 must not show stripes made by the drawing
  const auto pattern = spy_pattern_from_flags(600, 1000, [](std::int64_t, std::uint8_t* out) {
    for (std::int64_t c = 0; c < 1000; ++c) out[c] = c % 4 < 2;
  });
  SpyOptions options;
  options.max_plot_px = 300;  // 1000 / 300 would be boxes of 3.3
  const Plan p = plan(pattern, options);
  for (std::int64_t j = 0; j < p.map.map_cols; ++j) EXPECT_DOUBLE_EQ(p.map.density(0, j), 0.5);
  EXPECT_GE(p.range.high - p.range.low, 0.1 - 1e-12);  // and its noise is not blown up
}

TEST(SpyPng, TextStandsAroundThePlot) {
  SpyOptions options;
  options.title = "layer 0 · mlp.down_proj · wanda · 50 % unstructured";
  const auto pattern = growing(64, 64);
  const Plan p = plan(pattern, options);
  const Decoded image = decode(spy_png_bytes(pattern, options));
  const auto has_ink = [&](int x0, int y0, int x1, int y1) {
    for (int y = y0; y < y1; ++y) {
      for (int x = x0; x < x1; ++x) {
        if (image.at(x, y) != kWhite) return true;
      }
    }
    return false;
  };
  const SpyBox& plot = p.layout.plot;
  EXPECT_TRUE(has_ink(plot.x, 0, image.width, plot.y - 8)) << "title";
  EXPECT_TRUE(has_ink(0, plot.y, plot.x - 8, plot.y + plot.height)) << "axis of rows";
  EXPECT_TRUE(has_ink(plot.x, plot.y + plot.height + 8, image.width, image.height)) << "axis of columns";
  EXPECT_FALSE(has_ink(0, 0, image.width, 2)) << "nothing touches the edge";
  EXPECT_FALSE(has_ink(0, 0, 2, image.height));
  EXPECT_FALSE(has_ink(image.width - 2, 0, image.width, image.height));
  EXPECT_FALSE(has_ink(0, image.height - 2, image.width, image.height));
}

TEST(SpyPng, AnyShapeAndTitleCanBeDrawn) {
  for (const auto& [rows, cols] : {std::pair{1, 1}, {1, 5000}, {5000, 1}, {3, 2000}}) {
    SpyOptions options;
    options.title = "\xFF" + std::string(500, 'W') + "\x01 <b> · · " + std::string(300, ' ');
    options.max_plot_px = 256;
    const SpyImage image = draw_spy(growing(rows, cols), options);
    const Decoded decoded = decode(image.png);
    EXPECT_EQ(decoded.width, image.width_px);
    EXPECT_LT(decoded.width, 1200) << "a long title is cut";
    EXPECT_GE(decoded.height, 24);
  }
}

TEST(SpyPng, EndlessNamesAreCut) {
  std::string endless;
  for (int i = 0; i < 100'000; ++i) endless += "层 · \n";
  SpyOptions options;
  options.title = options.x_label = options.y_label = endless;
  const SpyImage image = draw_spy(growing(20, 20), options);
  EXPECT_LT(image.width_px, 1200);
  EXPECT_LT(image.height_px, 1200);
  EXPECT_LT(image.description.size(), 1000U);
}

TEST(SpyPng, SaysWhatItShows) {
  SpyOptions options;
  options.title = "W";
  const float values[] = {1, 0, 0, 0};
  const SpyImage image = draw_spy(spy_pattern(make_tensor_view(DType::f32, {2, 2}, values)), options);
  EXPECT_EQ(image.nonzeros, 1);
  EXPECT_DOUBLE_EQ(image.sparsity, 0.75);
  EXPECT_EQ(image.description, "Spy plot of W: 2 rows × 2 columns, 75.00\u00A0% of the entries are zero.");
}

TEST(SpyPng, RangeOfAllZeroAndAllOne) {
  const auto constant = [](bool value) {
    return spy_pattern_from_flags(100, 100, [value](std::int64_t, std::uint8_t* out) { std::fill_n(out, 100, value); });
  };
  const auto range_of = [](const SpyPattern& pattern) { return choose_range(count_density(pattern, 4, 4)); };
  EXPECT_DOUBLE_EQ(range_of(constant(false)).low, 0.0);
  EXPECT_DOUBLE_EQ(range_of(constant(false)).high, 0.1);
  EXPECT_DOUBLE_EQ(range_of(constant(true)).low, 0.9);
  EXPECT_DOUBLE_EQ(range_of(constant(true)).high, 1.0);
}

TEST(SpyPng, RefusesImpossibleOptions) {
  const auto pattern = growing(4, 4);
  SpyOptions options;
  options.max_plot_px = 100'000;
  EXPECT_THROW(draw_spy(pattern, options), Error);
  options = {};
  options.range = DensityRange{0.7, 0.2};
  EXPECT_THROW(draw_spy(pattern, options), Error);
  options.range = DensityRange{NAN, 1.0};
  EXPECT_THROW(draw_spy(pattern, options), Error);
}

TEST(SpyPng, IsWrittenWhole) {
  const test::TempFolder folder;
  const SpyImage image = write_spy_png(folder / "spy.png", growing(4, 4), {});
  EXPECT_EQ(read_file(folder / "spy.png", 1 << 20), image.png);
}

TEST(SpySvg, RunsCoverExactlyTheNonZeros) {
  const float values[] = {1, 1, 0, 1,  //
                          0, 0, 0, 0,  //
                          1, 1, 1, 1};
  SpyOptions options;
  options.min_plot_px = 40;  // 10 pixels a cell
  const std::string svg = spy_svg(spy_pattern(make_tensor_view(DType::f32, {3, 4}, values)), options);
  EXPECT_NE(svg.find(R"(d="M0 0h20v10h-20zM30 0h10v10h-10zM0 20h40v10h-40z")"), std::string::npos) << svg;
}

TEST(SpySvg, EscapesTitles) {
  SpyOptions options;
  options.title = "</title><script>alert(1)</script>&\"'";
  const std::string svg = spy_svg(growing(4, 4), options);
  EXPECT_EQ(svg.find("<script"), std::string::npos);
  EXPECT_NE(svg.find(escape_html(options.title)), std::string::npos);
}

TEST(SpySvg, IsForSmallMatrices) {
  EXPECT_NO_THROW(spy_svg(growing(1, 65'536), {}));
  try {
    spy_svg(growing(257, 256), {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::limit_exceeded);
  }
}

}  // namespace
}  // namespace lacuna
