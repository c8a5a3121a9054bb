#include "lacuna/tokenizer/pieces.hpp"

#include <algorithm>

namespace lacuna {
namespace {

// Joins each stretch to the one kept before it whenever `joins(previous_is_match, this_is_match)`. The flag compared is
// that of the previous stretch itself; before the first it is false.
template <typename Joins>
void join_to_previous(std::vector<Stretch>& stretches, const Joins& joins) {
  std::vector<Stretch> kept;
  kept.reserve(stretches.size());
  bool previous = false;
  for (const auto& stretch : stretches) {
    if (!kept.empty() && joins(previous, stretch.is_match)) {
      kept.back().begin = std::min(kept.back().begin, stretch.begin);
      kept.back().end = std::max(kept.back().end, stretch.end);
    } else {
      kept.push_back(stretch);
    }
    previous = stretch.is_match;
  }
  stretches = std::move(kept);
}

}  // namespace

void apply_split_behavior(std::vector<Stretch>& stretches, SplitBehavior behavior) {
  const auto lone_match = [](bool previous, bool match) { return match && !previous; };
  switch (behavior) {
    case SplitBehavior::isolated: return;
    case SplitBehavior::removed:
      std::erase_if(stretches, [](const Stretch& stretch) { return stretch.is_match; });
      return;
    case SplitBehavior::contiguous:
      join_to_previous(stretches, [](bool previous, bool match) { return previous == match; });
      return;
    case SplitBehavior::merged_with_previous: join_to_previous(stretches, lone_match); return;
    case SplitBehavior::merged_with_next:
      std::reverse(stretches.begin(), stretches.end());
      join_to_previous(stretches, lone_match);
      std::reverse(stretches.begin(), stretches.end());
      return;
  }
}

}  // namespace lacuna
