#include "lacuna/tokenizer/regex.hpp"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <fmt/format.h>
#include <pcre2.h>

#include <algorithm>
#include <array>
#include <bitset>

#include "lacuna/core/error.hpp"
#include "lacuna/tokenizer/utf8.hpp"

namespace lacuna {
namespace {

// Honest patterns need some ten steps per character, and a long run of spaces once as many as it has characters.
constexpr std::uint64_t kStepsPerByte = 512;
constexpr std::uint64_t kExtraSteps = 10'000'000;
constexpr std::uint64_t kFirstStepLimit = 256;
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
};

Regex::Regex(std::string_view pattern) : pattern_(pattern) {
  const std::string translated = translate_pattern(pattern);
  auto code = std::make_shared<Code>();
  code->first = first_bytes(compile(translated, 0, pattern).get());
  code->pointer = compile(translated, PCRE2_ANCHORED, pattern);
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
};

RegexSearch::RegexSearch(const Regex& regex)
    : regex_(regex), state_(std::make_unique<State>()), steps_left_(kExtraSteps) {
  state_->context.reset(pcre2_match_context_create(nullptr));
  state_->data.reset(pcre2_match_data_create_from_pattern(regex.code_->pointer.get(), nullptr));
  state_->jit_stack.reset(pcre2_jit_stack_create(32U << 10U, kMaxJitStackBytes, nullptr));
  if (!state_->context || !state_->data) throw std::bad_alloc();
  pcre2_set_heap_limit(state_->context.get(), kMaxHeapKibibytes);
  if (state_->jit_stack) pcre2_jit_stack_assign(state_->context.get(), nullptr, state_->jit_stack.get());
}

RegexSearch::~RegexSearch() = default;

void RegexSearch::start(std::string_view text) {
  text_ = text;
  at_ = 0;
  last_end_.reset();
  steps_left_ += kStepsPerByte * text.size();
}

// PCRE2 does not say how many steps a match took, so every attempt is charged its limit; attempts start small and only
// those that fail for want of steps get more.
int RegexSearch::match_here(std::size_t at) {
  for (std::uint64_t limit = kFirstStepLimit;; limit *= 8) {
    const std::uint64_t granted = std::min({limit, steps_left_, std::uint64_t{UINT32_MAX}});
    steps_left_ -= granted;
    pcre2_set_match_limit(state_->context.get(), static_cast<std::uint32_t>(granted));
    const int result = pcre2_match(regex_.code_->pointer.get(), reinterpret_cast<PCRE2_SPTR>(text_.data()),
                                   text_.size(), at, PCRE2_NO_UTF_CHECK, state_->data.get(), state_->context.get());
    if (result != PCRE2_ERROR_MATCHLIMIT || steps_left_ == 0) return result;
  }
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
      throw Error(ErrorCode::limit_exceeded, fmt::format("the pattern \"{}\" needs too many steps: {}",
                                                         regex_.pattern_.substr(0, 200), message_of(result)));
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
