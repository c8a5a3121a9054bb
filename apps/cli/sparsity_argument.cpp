#include "sparsity_argument.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "lacuna/core/error.hpp"

namespace lacuna::cli {
namespace {

Error invalid(const std::string& text) {
  return {ErrorCode::invalid_argument,
          fmt::format("sparsity: expected FIRST:LAST:STEP or a list, numbers in [0, 1), got \"{}\"", text)};
}

std::vector<double> numbers(const std::string& text, char separator) {
  std::vector<double> values;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (true) {
    double value = 0.0;
    const auto [next, error] = std::from_chars(at, end, value);
    if (error != std::errc() || !(value >= 0.0 && value < 1.0)) throw invalid(text);
    values.push_back(value);
    if (next == end) return values;
    if (*next != separator) throw invalid(text);
    at = next + 1;
  }
}

}  // namespace

std::vector<double> parse_sparsities(const std::string& text) {
  if (text.find(':') == std::string::npos) {
    auto values = numbers(text, ',');
    std::sort(values.begin(), values.end());
    return values;
  }
  const auto range = numbers(text, ':');
  if (range.size() != 3 || range[2] < 0.001 || range[1] < range[0]) throw invalid(text);
  std::vector<double> values;
  const auto steps = static_cast<int>(std::floor((range[1] - range[0]) / range[2] + 1e-6));
  for (int i = 0; i <= steps; ++i) {  // rounded: 0.1 · 3 shows as 0.30000000000000004
    values.push_back(std::round((range[0] + i * range[2]) * 1e9) / 1e9);
  }
  return values;
}

}  // namespace lacuna::cli
