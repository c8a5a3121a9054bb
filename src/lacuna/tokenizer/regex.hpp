// Regular expressions of tokenizer files, with a bound on the work that a hostile pattern can cause.
//
// The reference uses Oniguruma; here patterns run on PCRE2 after translate_pattern() has rewritten what the two
// understand differently (white space, word characters, scripts) and refused what tokenizers do not need
// (backreferences, recursion, verbs, callouts, conditionals). Every search has a budget of matching steps in proportion
// to the text, so catastrophic backtracking ends in an Error instead of a hang.
//
// Errors   unsupported_tokenizer: a construct outside the supported syntax, named. bad_tokenizer: the pattern does not
//          compile. limit_exceeded: the budget is spent.
// Threads  a Regex is safe from any thread; a RegexSearch belongs to one.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace lacuna {

struct RegexMatch {
  std::size_t begin;
  std::size_t end;
};

// The PCRE2 spelling of an Oniguruma pattern.
std::string translate_pattern(std::string_view pattern);

class Regex {
 public:
  explicit Regex(std::string_view pattern);
  const std::string& pattern() const { return pattern_; }
  bool can_match_nothing() const;

 private:
  friend class RegexSearch;
  struct Code;
  std::string pattern_;
  std::shared_ptr<const Code> code_;
};

// Matching steps that searches may take beyond those in proportion to their texts. A search has its own, or shares one
// with other searches: else a file with thousands of short texts to search buys thousands of these.
struct StepBudget {
  std::int64_t steps_left = 1'000'000;
};

// Finds matches one after another in any number of texts.
class RegexSearch {
 public:
  explicit RegexSearch(const Regex& regex, StepBudget* shared = nullptr);  // `shared` must outlive the search
  ~RegexSearch();
  RegexSearch(const RegexSearch&) = delete;
  RegexSearch& operator=(const RegexSearch&) = delete;

  // Calls visit(RegexMatch) for all matches, left to right, as a find-all does: after a match the search goes on at its
  // end, and an empty match directly behind another match does not count. `text` is valid UTF-8.
  template <typename Visit>
  void for_each_match(std::string_view text, const Visit& visit) {
    start(text);
    while (const auto match = next()) visit(*match);
  }

 private:
  struct State;
  void start(std::string_view text);
  std::optional<RegexMatch> next();
  int match_here(std::size_t at);

  const Regex& regex_;
  StepBudget own_budget_;
  StepBudget* budget_;
  std::unique_ptr<State> state_;
  std::string_view text_;
  std::size_t at_ = 0;
  std::optional<std::size_t> last_end_;
};

}  // namespace lacuna
