#include "lacuna/tokenizer/growth_limit.hpp"

#include <fmt/format.h>

#include "lacuna/core/error.hpp"

namespace lacuna {

void check_growth(std::size_t bytes_before, std::size_t bytes_after, std::string_view what) {
  if (bytes_after <= kMaxTextGrowth * bytes_before + kFreeTextGrowth) return;
  throw Error(ErrorCode::limit_exceeded, fmt::format("{} makes {} bytes of {}, expected at most {} times as many", what,
                                                     bytes_after, bytes_before, kMaxTextGrowth));
}

void check_replacement(std::string_view text) {
  if (text.size() <= kMaxReplacementBytes) return;
  throw Error(ErrorCode::limit_exceeded,
              fmt::format("a replacement text of {} bytes, expected at most {}", text.size(), kMaxReplacementBytes));
}

}  // namespace lacuna
