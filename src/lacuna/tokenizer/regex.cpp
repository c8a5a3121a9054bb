#include "lacuna/tokenizer/regex.hpp"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <fmt/format.h>
#include <pcre2.h>

#include <algorithm>
#include <array>
#include <bitset>
#include <cstdlib>

#include "lacuna/core/error.hpp"
#include "lacuna/tokenizer/utf8.hpp"

namespace lacuna {
namespace {

// Honest patterns need some ten steps per byte.
constexpr std::int64_t kStepsPerByte = 100;
constexpr std::size_t kMaxJitStackBytes = 8U << 20U;
constexpr std::uint32_t kMaxHeapKibibytes = 64 * 1024;

template <auto Free>
struct Freed {
  template <typename T>
  void operator()(T* pointer) const {
    Free(pointer);
  }
};
using CodePointer = std::unique_ptr<pcre2_code, Freed<pcre2_code_free>>;
using CompileContext = std::unique_ptr<pcre2_compile_context, Freed<pcre2_compile_context_free>>;
using MatchContext = std::unique_ptr<pcre2_match_context, Freed<pcre2_match_context_free>>;
using MatchData = std::unique_ptr<pcre2_match_data, Freed<pcre2_match_data_free>>;
using JitStack = std::unique_ptr<pcre2_jit_stack, Freed<pcre2_jit_stack_free>>;

std::string message_of(int code) {
  std::array<PCRE2_UCHAR, 256> buffer{};
  pcre2_get_error_message(code, buffer.data(), buffer.size());
  return reinterpret_cast<const char*>(buffer.data());
}

CodePointer compile(const std::string& pattern, std::uint32_t more_options, std::string_view original) {
  const CompileContext context(pcre2_compile_context_create(nullptr));
  if (!context) throw std::bad_alloc();
  pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
  int code = 0;
  PCRE2_SIZE offset = 0;
  const std::uint32_t options = PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C | more_options;
  CodePointer compiled(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(), options, &code,
                                     &offset, context.get()));
  if (!compiled) {
    throw Error(ErrorCode::bad_tokenizer,
                fmt::format("the pattern \"{}\" does not compile: {}", original.substr(0, 200), message_of(code)));
  }
  return compiled;
}

// Patterns of widespread models, whose cost has been thought through: no item can be entered twice at one place, and
// what a failed alternative ran over is then taken by the next one. They run uncounted, two to three times as fast.
bool is_known_linear(std::string_view pattern) {
  static constexpr std::array<std::string_view, 4> kKnown = {
      R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)",  // GPT-2
      R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",  // Llama 3
      R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",  // Qwen 2
      R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)",  // GPT-4o
  };
  return std::find(kKnown.begin(), kKnown.end(), pattern) != kKnown.end();
}

// The bytes a match can begin with; all of them when that is not known or a match can be empty.
std::bitset<256> first_bytes(const pcre2_code* code) {
  std::uint32_t can_be_empty = 0;
  pcre2_pattern_info(code, PCRE2_INFO_MATCHEMPTY, &can_be_empty);
  const std::uint8_t* bitmap = nullptr;
  pcre2_pattern_info(code, PCRE2_INFO_FIRSTBITMAP, &bitmap);
  std::bitset<256> bytes;
  for (std::size_t i = 0; i < 256; ++i) {
    bytes[i] = can_be_empty != 0 || bitmap == nullptr || (bitmap[i / 8] >> (i % 8) & 1U) != 0;
  }
  return bytes;
}

}  // namespace

struct Regex::Code {
  CodePointer pointer;  // anchored: a match starts where the search stands
  std::bitset<256> first;
  bool counted = true;
};

Regex::Regex(std::string_view pattern) : pattern_(pattern) {
  const std::string translated = translate_pattern(pattern);
  auto code = std::make_shared<Code>();
  code->first = first_bytes(compile(translated, 0, pattern).get());
  code->counted = !is_known_linear(pattern);
  // Without start optimizations: from every place they would look for a required character as far as the end.
  const std::uint32_t counting = code->counted ? PCRE2_AUTO_CALLOUT : 0;
  code->pointer = compile(translated, PCRE2_ANCHORED | PCRE2_NO_START_OPTIMIZE | counting, pattern);
  // Without a just-in-time compiler (an unusual processor, a hardened kernel) the interpreter gives the same matches.
  static_cast<void>(pcre2_jit_compile(code->pointer.get(), PCRE2_JIT_COMPLETE));
  code_ = std::move(code);
}

bool Regex::can_match_nothing() const {
  std::uint32_t can_be_empty = 0;
  pcre2_pattern_info(code_->pointer.get(), PCRE2_INFO_MATCHEMPTY, &can_be_empty);
  return can_be_empty != 0;
}

struct RegexSearch::State {
  MatchContext context;
  MatchData data;
  JitStack jit_stack;
  StepBudget* budget = nullptr;
  std::size_t last_position = 0;
};

namespace {

// Called before every item of a counted pattern. What the item before it ran over shows in the position.
template <typename State>
int count_step(pcre2_callout_block* block, void* data) {
  auto& state = *static_cast<State*>(data);
  const auto moved =
      static_cast<std::int64_t>(block->current_position) - static_cast<std::int64_t>(state.last_position);
  state.last_position = block->current_position;
  state.budget->steps_left -= 1 + std::abs(moved);
  return state.budget->steps_left < 0 ? PCRE2_ERROR_CALLOUT : 0;
}

}  // namespace

RegexSearch::RegexSearch(const Regex& regex, StepBudget* shared)
    : regex_(regex), budget_(shared != nullptr ? shared : &own_budget_), state_(std::make_unique<State>()) {
  state_->budget = budget_;
  state_->context.reset(pcre2_match_context_create(nullptr));
  state_->data.reset(pcre2_match_data_create_from_pattern(regex.code_->pointer.get(), nullptr));
  state_->jit_stack.reset(pcre2_jit_stack_create(32U << 10U, kMaxJitStackBytes, nullptr));
  if (!state_->context || !state_->data) throw std::bad_alloc();
  pcre2_set_heap_limit(state_->context.get(), kMaxHeapKibibytes);
  pcre2_set_match_limit(state_->context.get(), UINT32_MAX);
  if (regex.code_->counted) pcre2_set_callout(state_->context.get(), count_step<State>, state_.get());
  if (state_->jit_stack) pcre2_jit_stack_assign(state_->context.get(), nullptr, state_->jit_stack.get());
}

RegexSearch::~RegexSearch() = default;

void RegexSearch::start(std::string_view text) {
  text_ = text;
  at_ = 0;
  last_end_.reset();
  budget_->steps_left += kStepsPerByte * static_cast<std::int64_t>(text.size());
}

int RegexSearch::match_here(std::size_t at) {
  state_->last_position = at;
  return pcre2_match(regex_.code_->pointer.get(), reinterpret_cast<PCRE2_SPTR>(text_.data()), text_.size(), at,
                     PCRE2_NO_UTF_CHECK, state_->data.get(), state_->context.get());
}

std::optional<RegexMatch> RegexSearch::next() {
  const auto advance = [&] { at_ += at_ < text_.size() ? utf8_length(text_[at_]) : 1; };
  while (at_ <= text_.size()) {
    if (at_ < text_.size() && !regex_.code_->first[static_cast<unsigned char>(text_[at_])]) {
      advance();
      continue;
    }
    const int result = match_here(at_);
    if (result == PCRE2_ERROR_NOMATCH) {
      advance();
      continue;
    }
    if (result < 0) {
      throw Error(
          ErrorCode::limit_exceeded,
          fmt::format("the pattern \"{}\" needs too many steps on a text of {} bytes{}", regex_.pattern_.substr(0, 200),
                      text_.size(), result == PCRE2_ERROR_CALLOUT ? "" : ": " + message_of(result)));
    }
    const PCRE2_SIZE* offsets = pcre2_get_ovector_pointer(state_->data.get());
    const RegexMatch match{offsets[0], offsets[1]};
    if (match.end == match.begin && last_end_ == match.end) {
      advance();
      continue;
    }
    at_ = match.end;
    last_end_ = match.end;
    return match;
  }
  return std::nullopt;
}

}  // namespace lacuna
