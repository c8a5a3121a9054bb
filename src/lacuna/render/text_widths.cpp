#include "lacuna/render/text_widths.hpp"

#include <cairo.h>

#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "lacuna/render/escape.hpp"

namespace lacuna {
namespace {

constexpr std::string_view kFormats = "−–—…±×·%‰";  // of numbers, and what cuts text off

std::set<std::string> characters_of(std::string_view text) {
  std::set<std::string> characters;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at + 1;
    while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) ++end;
    characters.emplace(text.substr(at, end - at));
    at = end;
  }
  return characters;
}

nlohmann::json measure(const std::set<std::string>& characters, cairo_font_weight_t weight) {
  constexpr double kSize = 1000.0;
  cairo_surface_t* surface = cairo_image_surface_create(CAIRO_FORMAT_A8, 1, 1);
  cairo_t* cairo = cairo_create(surface);
  cairo_select_font_face(cairo, "DejaVu Sans", CAIRO_FONT_SLANT_NORMAL, weight);
  cairo_set_font_size(cairo, kSize);
  auto widths = nlohmann::json::object();
  for (const auto& character : characters) {
    cairo_text_extents_t extents;
    cairo_text_extents(cairo, character.c_str(), &extents);
    widths[character] = extents.x_advance / kSize;
  }
  cairo_destroy(cairo);
  cairo_surface_destroy(surface);
  return widths;
}

}  // namespace

nlohmann::json text_widths(std::string_view text) {
  std::set<std::string> characters = characters_of(clean_utf8(text));
  characters.merge(characters_of(kFormats));
  for (char c = ' '; c <= '~'; ++c) characters.emplace(1, c);
  return {{"regular", measure(characters, CAIRO_FONT_WEIGHT_NORMAL)},
          {"bold", measure(characters, CAIRO_FONT_WEIGHT_BOLD)}};
}

}  // namespace lacuna
