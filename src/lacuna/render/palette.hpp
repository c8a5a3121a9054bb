// Colours of pictures and charts: distinguishable with any colour vision, and in grey print.
//
// density_ramp    a sequential ramp from paper to ink: pale yellow, teal, deep blue. Equal steps of it are equal
//                 distances in OKLab (Björn Ottosson, 2020), and lightness falls all the way, so that a grey copy keeps
//                 the order.
// series_colours  eight colours after Okabe and Ito, "Color Universal Design" (2008), ordered for use on white: yellow,
//                 which vanishes on paper, is left out and grey added.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace lacuna {

struct Rgb {
  std::uint8_t r = 0;
  std::uint8_t g = 0;
  std::uint8_t b = 0;
  bool operator==(const Rgb&) const = default;
};

std::string hex_colour(Rgb colour);          // "#0072b2"
std::array<double, 3> to_oklab(Rgb colour);  // L in [0, 1], a, b

std::vector<Rgb> density_ramp(int n);  // n ≥ 2 colours, from none to all
const std::array<Rgb, 8>& series_colours();

}  // namespace lacuna
