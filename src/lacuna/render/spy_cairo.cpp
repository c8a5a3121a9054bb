#include "lacuna/render/spy_cairo.hpp"

#include <cairo.h>
#include <fmt/format.h>

#include <cmath>
#include <memory>
#include <numbers>

#include "lacuna/core/error.hpp"

namespace lacuna {
namespace {

struct DestroySurface {
  void operator()(cairo_surface_t* surface) const { cairo_surface_destroy(surface); }
};
struct DestroyContext {
  void operator()(cairo_t* context) const { cairo_destroy(context); }
};
using Surface = std::unique_ptr<cairo_surface_t, DestroySurface>;
using Context = std::unique_ptr<cairo_t, DestroyContext>;

void check(cairo_status_t status) {
  if (status == CAIRO_STATUS_SUCCESS) return;
  const auto code = status == CAIRO_STATUS_NO_MEMORY ? ErrorCode::out_of_memory : ErrorCode::internal;
  throw Error(code, fmt::format("cairo could not draw the text of a spy plot: {}", cairo_status_to_string(status)));
}

void set_font(cairo_t* context, double size, bool bold) {
  cairo_select_font_face(context, "DejaVu Sans", CAIRO_FONT_SLANT_NORMAL,
                         bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
  cairo_set_font_size(context, size);
}

void draw_text(cairo_t* context, const SpyText& item) {
  set_font(context, item.size, item.bold);
  cairo_text_extents_t extents;
  cairo_text_extents(context, item.text.c_str(), &extents);
  const double back = item.anchor == TextAnchor::start ? 0.0 : item.anchor == TextAnchor::middle ? 0.5 : 1.0;
  cairo_save(context);
  cairo_translate(context, std::round(item.x), std::round(item.y));
  if (item.vertical) cairo_rotate(context, -std::numbers::pi / 2);
  cairo_move_to(context, std::round(-back * extents.x_advance), 0);
  cairo_set_source_rgba(context, 0, 0, 0, item.ink);
  cairo_show_text(context, item.text.c_str());
  cairo_restore(context);
}

// Lines are one or two pixels wide and must not blur: they are drawn as rectangles on whole pixels.
void draw_line(cairo_t* context, const SpyLine& line, double width) {
  const double x = std::round(std::min(line.x0, line.x1) - (line.x0 == line.x1 ? width / 2 : 0));
  const double y = std::round(std::min(line.y0, line.y1) - (line.y0 == line.y1 ? width / 2 : 0));
  const double w = line.x0 == line.x1 ? width : std::round(std::abs(line.x1 - line.x0));
  const double h = line.y0 == line.y1 ? width : std::round(std::abs(line.y1 - line.y0));
  cairo_rectangle(context, x, y, w, h);
  cairo_fill(context);
}

}  // namespace

double measure_text(const std::string& text, double size, bool bold) {
  const Surface surface(cairo_image_surface_create(CAIRO_FORMAT_A8, 1, 1));
  const Context context(cairo_create(surface.get()));
  set_font(context.get(), size, bold);
  cairo_text_extents_t extents{};
  cairo_text_extents(context.get(), text.c_str(), &extents);
  check(cairo_status(context.get()));
  return extents.x_advance;
}

int mask_row_bytes(int width) { return cairo_format_stride_for_width(CAIRO_FORMAT_A8, width); }

void paint_mask(const SpyLayout& layout, std::uint8_t* mask) {
  const Surface surface(cairo_image_surface_create_for_data(mask, CAIRO_FORMAT_A8, layout.width, layout.height,
                                                            mask_row_bytes(layout.width)));
  check(cairo_surface_status(surface.get()));
  const Context context(cairo_create(surface.get()));
  cairo_set_source_rgba(context.get(), 0, 0, 0, 0.75);
  for (const auto& line : layout.lines) draw_line(context.get(), line, layout.line_width);
  for (const auto& text : layout.texts) draw_text(context.get(), text);
  check(cairo_status(context.get()));
  cairo_surface_flush(surface.get());
}

}  // namespace lacuna
