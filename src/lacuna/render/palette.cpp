#include "lacuna/render/palette.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "lacuna/core/error.hpp"

namespace lacuna {
namespace {

using Triple = std::array<double, 3>;

double linear_from_srgb(double v) { return v <= 0.04045 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4); }
double srgb_from_linear(double v) { return v <= 0.0031308 ? 12.92 * v : 1.055 * std::pow(v, 1.0 / 2.4) - 0.055; }

Rgb from_oklab(const Triple& lab) {
  const double l = std::pow(lab[0] + 0.3963377774 * lab[1] + 0.2158037573 * lab[2], 3);
  const double m = std::pow(lab[0] - 0.1055613458 * lab[1] - 0.0638541728 * lab[2], 3);
  const double s = std::pow(lab[0] - 0.0894841775 * lab[1] - 1.2914855480 * lab[2], 3);
  const auto channel = [](double linear) {
    return static_cast<std::uint8_t>(std::lround(255.0 * srgb_from_linear(std::clamp(linear, 0.0, 1.0))));
  };
  return {channel(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
          channel(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
          channel(-0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s)};
}

// The path of the ramp before it is cut into equal steps: lightness falls linearly while the hue turns from yellow
// over green and teal to blue. The chroma is small near paper and as large as it can be where sRGB is narrowest, at
// teal, without leaving it: nothing is clipped.
Triple ramp_path(double t) {
  const double lightness = 0.975 - 0.705 * t;
  const double hue = (100.0 + 170.0 * std::pow(t, 0.8)) * std::numbers::pi / 180.0;
  const double chroma = 0.018 + 0.06 * t + 0.05 * std::sin(std::numbers::pi * std::pow(t, 0.7));
  return {lightness, chroma * std::cos(hue), chroma * std::sin(hue)};
}

double distance(const Triple& a, const Triple& b) { return std::hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]); }

}  // namespace

std::string hex_colour(Rgb colour) { return fmt::format("#{:02x}{:02x}{:02x}", colour.r, colour.g, colour.b); }

std::array<double, 3> to_oklab(Rgb colour) {
  const double r = linear_from_srgb(colour.r / 255.0);
  const double g = linear_from_srgb(colour.g / 255.0);
  const double b = linear_from_srgb(colour.b / 255.0);
  const double l = std::cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const double m = std::cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const double s = std::cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return {0.2104542553 * l + 0.7936177850 * m - 0.0040720468 * s,
          1.9779984951 * l - 2.4285922050 * m + 0.4505937099 * s,
          0.0259040371 * l + 0.7827717662 * m - 0.8086757660 * s};
}

std::vector<Rgb> density_ramp(int n) {
  if (n < 2) throw Error(ErrorCode::invalid_argument, fmt::format("colours of a ramp: expected at least 2, got {}", n));
  constexpr int kPieces = 2000;
  std::vector<double> length(kPieces + 1, 0.0);  // of the path up to each piece
  for (int i = 1; i <= kPieces; ++i) {
    length[i] = length[i - 1] + distance(ramp_path(double(i - 1) / kPieces), ramp_path(double(i) / kPieces));
  }
  std::vector<Rgb> ramp;
  for (int k = 0; k < n; ++k) {
    const double wanted = length.back() * k / (n - 1);
    const auto piece = std::lower_bound(length.begin(), length.end(), wanted) - length.begin();
    ramp.push_back(from_oklab(ramp_path(double(std::min<std::ptrdiff_t>(piece, kPieces)) / kPieces)));
  }
  return ramp;
}

const std::array<Rgb, 8>& series_colours() {
  static constexpr std::array<Rgb, 8> kColours = {{{0x00, 0x72, 0xB2},    // blue
                                                   {0xD5, 0x5E, 0x00},    // vermilion
                                                   {0x00, 0x9E, 0x73},    // bluish green
                                                   {0xCC, 0x79, 0xA7},    // reddish purple
                                                   {0xE6, 0x9F, 0x00},    // orange
                                                   {0x56, 0xB4, 0xE9},    // sky blue
                                                   {0x59, 0x59, 0x59},    // grey
                                                   {0x00, 0x00, 0x00}}};  // black
  return kColours;
}

}  // namespace lacuna
