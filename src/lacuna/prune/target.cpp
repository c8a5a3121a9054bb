#include "lacuna/prune/target.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "lacuna/core/error.hpp"

namespace lacuna {
namespace {

constexpr int kMaxGroup = 65536;  // beyond any pattern in use; keeps n and m far from overflow

std::string shortest(double value) {  // as Python writes a float: "0.5", "0.0"
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

bool parse_int(std::string_view text, int& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && !text.empty() && text[0] != '-';
}

}  // namespace

std::string SparsityTarget::label() const {
  return structured() ? fmt::format("{}:{}", n, m) : fmt::format("{:g}%", 100.0 * sparsity);
}

std::string SparsityTarget::script_name() const { return fmt::format("{}-{}-{}", n, m, shortest(sparsity)); }

SparsityTarget unstructured(double sparsity) {
  if (!(sparsity >= 0.0 && sparsity < 1.0)) {
    throw Error(ErrorCode::bad_pattern, fmt::format("sparsity: expected a share in [0, 1), got {}", sparsity));
  }
  return {sparsity, 0, 0};
}

SparsityTarget n_of_m(int n, int m) {
  if (!(0 < n && n < m && m <= kMaxGroup)) {
    throw Error(ErrorCode::bad_pattern,
                fmt::format("pattern: expected N:M with 0 < N < M <= {}, got {}:{}", kMaxGroup, n, m));
  }
  return {static_cast<double>(n) / m, n, m};
}

SparsityTarget parse_pattern(std::string_view text) {
  const auto colon = text.find(':');
  int n = 0;
  int m = 0;
  if (colon == std::string_view::npos || !parse_int(text.substr(0, colon), n) ||
      !parse_int(text.substr(colon + 1), m)) {
    throw Error(ErrorCode::bad_pattern, fmt::format("pattern: expected N:M, for example 2:4, got \"{}\"", text));
  }
  return n_of_m(n, m);
}

}  // namespace lacuna
