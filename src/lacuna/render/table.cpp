#include "lacuna/render/table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace lacuna {

namespace {

std::string grouped(std::string number) {  // digits, perhaps with decimals; no sign
  for (std::size_t at = std::min(number.find('.'), number.size()); at > 3; at -= 3) number.insert(at - 3, ",");
  return number;
}

}  // namespace

std::string count_text(std::int64_t count) {
  const auto magnitude = static_cast<std::uint64_t>(count);
  return count < 0 ? "−" + grouped(fmt::format("{}", -magnitude)) : grouped(fmt::format("{}", magnitude));
}

std::string number_text(double value, int decimals) {
  if (std::isnan(value)) return "–";
  if (std::isinf(value)) return value > 0 ? "∞" : "−∞";
  const std::string text = grouped(fmt::format("{:.{}f}", std::abs(value), decimals));
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
