#include "lacuna/render/table.hpp"

#include <fmt/format.h>

#include <cmath>

namespace lacuna {

std::string count_text(std::int64_t count) {
  std::string digits = fmt::format("{}", count);
  const std::int64_t first = count < 0 ? 1 : 0;
  for (std::int64_t at = static_cast<std::int64_t>(digits.size()) - 3; at > first; at -= 3) {
    digits.insert(static_cast<std::size_t>(at), ",");
  }
  return digits;
}

std::string number_text(double value, int decimals) {
  if (std::isnan(value)) return "–";
  if (std::isinf(value)) return value > 0 ? "∞" : "−∞";
  std::string text = fmt::format("{:.{}f}", std::abs(value), decimals);
  const bool is_zero = text.find_first_not_of("0.") == std::string::npos;
  return value < 0 && !is_zero ? "−" + text : text;
}

std::string percent_text(double share, int decimals) {
  return std::isfinite(share) ? number_text(100.0 * share, decimals) + "\u00A0%" : number_text(share, decimals);
}

Cell text_cell(std::string text) { return {std::move(text), std::nullopt}; }

Cell number_cell(double value, int decimals) {
  return {number_text(value, decimals), std::isnan(value) ? std::nullopt : std::optional(value)};
}

Cell percent_cell(double share, int decimals) {
  return {percent_text(share, decimals), std::isnan(share) ? std::nullopt : std::optional(share)};
}

Cell count_cell(std::int64_t count) { return {count_text(count), static_cast<double>(count)}; }

}  // namespace lacuna
