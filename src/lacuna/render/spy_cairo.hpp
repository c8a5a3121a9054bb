// Text and lines of a spy plot through cairo. Internal to render.
//
// Threads  safe: each call has its own surface.
// Errors   Error{internal} with cairo's words; Error{out_of_memory}.
#pragma once

#include <cstdint>
#include <string>

#include "lacuna/render/spy_layout.hpp"

namespace lacuna {

double measure_text(const std::string& text, double size, bool bold);

// Bytes of a row of an 8-bit mask, at least width.
int mask_row_bytes(int width);

// Draws texts and lines of the layout into a zeroed mask of layout.height rows: 0 is paper, 255 ink.
void paint_mask(const SpyLayout& layout, std::uint8_t* mask);

}  // namespace lacuna
