#include "lacuna/formats/pickle.hpp"

#include <fmt/format.h>

#include <charconv>
#include <limits>

#include "lacuna/formats/pickle_machine.hpp"
#include "lacuna/formats/pickle_opcodes.hpp"
#include "lacuna/formats/printable.hpp"
#include "lacuna/formats/utf8.hpp"

namespace lacuna {
namespace {

using namespace std::string_view_literals;

constexpr std::uint64_t kMaxLine = 1024;                                   // of the text opcodes INT, LONG and GLOBAL
constexpr auto kMagicLong = "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"sv;  // torch's own: 0x1950a86a20f9469cfc6c
constexpr auto kMagicDecimal = "119547037146038801333356"sv;

}  // namespace

bool is_pickle_container(PickleKind kind) {
  return kind == PickleKind::list || kind == PickleKind::tuple || kind == PickleKind::dict;
}

PickleTree read_pickle(const ByteSource& source, std::uint64_t begin, std::uint64_t end, MemoryBudget& budget) {
  return PickleMachine(source, begin, end, budget).run();
}

PickleTree PickleMachine::run() {
  while (step()) {
  }
  tree_.end = at_;
  return std::move(tree_);
}

bool PickleMachine::step() {
  op_at_ = at_;
  const std::uint8_t opcode = take_u8();
  switch (opcode) {
    case kProto: {
      const auto version = take_u8();
      if (op_at_ != begin_) fail("pickle: PROTO is not the first opcode");
      if (version > 5) fail(fmt::format("pickle protocol {}; expected at most 5", version));
      return true;
    }
    case kFrame: {
      const auto length = take_u64();
      if (length > end_ - at_) fail(fmt::format("pickle: a frame of {} bytes, {} are left", length, end_ - at_));
      return true;
    }
    case kMark:
      grow(marks_, 1);
      marks_.push_back(stack_.size());
      return true;
    case kStop: stop(); return false;
    default: break;
  }
  if (!step_scalar(opcode) && !step_container(opcode) && !step_memo(opcode) && !step_call(opcode)) refuse(opcode);
  return true;
}

bool PickleMachine::step_scalar(std::uint8_t opcode) {
  const auto integer = [&](std::int64_t number) { push({number, 0, PickleKind::integer}); };
  switch (opcode) {
    case kNone: push({0, 0, PickleKind::none}); return true;
    case kNewTrue: push({1, 0, PickleKind::boolean}); return true;
    case kNewFalse: push({0, 0, PickleKind::boolean}); return true;
    case kInt: push_int_line(); return true;
    case kLong: push_long_line(); return true;
    case kBinInt: integer(static_cast<std::int32_t>(take_u32())); return true;
    case kBinInt1: integer(take_u8()); return true;
    case kBinInt2: integer(take_u16()); return true;
    case kLong1: push_long(take_u8()); return true;
    case kLong4: push_long(take_u32()); return true;
    case kBinFloat:
      take(8);
      push({0, 0, PickleKind::real});
      return true;
    case kShortBinString:
    case kShortBinUnicode: push_string(take_u8()); return true;
    case kBinString:
    case kBinUnicode: push_string(take_u32()); return true;
    case kBinUnicode8: push_string(take_u64()); return true;
    default: return false;
  }
}

bool PickleMachine::step_container(std::uint8_t opcode) {
  switch (opcode) {
    case kEmptyList: push_container(PickleKind::list); return true;
    case kEmptyDict: push_container(PickleKind::dict); return true;
    case kEmptyTuple: push_container(PickleKind::tuple); return true;
    case kTuple: push_container(PickleKind::tuple, pop_last(count_to_mark())); return true;
    case kTuple1: push_container(PickleKind::tuple, pop_last(1)); return true;
    case kTuple2: push_container(PickleKind::tuple, pop_last(2)); return true;
    case kTuple3: push_container(PickleKind::tuple, pop_last(3)); return true;
    case kAppend: append(1); return true;
    case kAppends: append(count_to_mark()); return true;
    case kSetItem: set_items(2); return true;
    case kSetItems: set_items(count_to_mark()); return true;
    default: return false;
  }
}

bool PickleMachine::step_memo(std::uint8_t opcode) {
  switch (opcode) {
    case kBinPut: put(take_u8(), top()); return true;
    case kLongBinPut: put(take_u32(), top()); return true;
    case kMemoize: put(memo_count_, top()); return true;
    case kBinGet: get(take_u8()); return true;
    case kLongBinGet: get(take_u32()); return true;
    default: return false;
  }
}

std::uint64_t PickleMachine::take(std::uint64_t length) {
  if (length > end_ - at_) {
    fail(fmt::format("pickle: an opcode needs {} more bytes, {} are left", length, end_ - at_));
  }
  return std::exchange(at_, at_ + length);
}

std::string_view PickleMachine::take_line() {
  const auto rest = source_.text(at_, std::min(end_ - at_, kMaxLine + 1), "pickle");
  const auto length = rest.find('\n');
  if (length == std::string_view::npos) {
    fail(fmt::format("pickle: expected a line of at most {} bytes after this opcode", kMaxLine));
  }
  at_ += length + 1;
  return rest.substr(0, length);
}

void PickleMachine::push(PickleValue value) {
  grow(stack_, 1);
  stack_.push_back(value);
}

void PickleMachine::push_node(PickleNode node) {
  grow(tree_.nodes, 1);
  const PickleKind kind = node.kind;
  node.offset = op_at_;
  tree_.nodes.push_back(std::move(node));
  push({static_cast<std::int64_t>(tree_.nodes.size() - 1), 0, kind});
}

void PickleMachine::require_reachable(std::size_t count) const {
  const std::size_t reachable = stack_.size() - (marks_.empty() ? 0 : marks_.back());
  if (reachable < count) fail(fmt::format("pickle: an opcode needs {} values, the stack holds {}", count, reachable));
}

PickleValue& PickleMachine::top() {
  require_reachable(1);
  return stack_.back();
}

std::size_t PickleMachine::count_to_mark() {
  if (marks_.empty()) fail("pickle: an opcode needs a MARK, there is none");
  const std::size_t count = stack_.size() - marks_.back();
  marks_.pop_back();
  return count;
}

std::vector<PickleValue> PickleMachine::pop_last(std::size_t count) {
  require_reachable(count);
  std::vector<PickleValue> items;
  if (count != 0) grow(items, count);
  items.assign(stack_.end() - static_cast<std::ptrdiff_t>(count), stack_.end());
  stack_.resize(stack_.size() - count);
  return items;
}

void PickleMachine::push_int_line() {
  const auto line = take_line();
  if (line == "00" || line == "01") return push({line == "01", 0, PickleKind::boolean});  // how protocol 1 writes them
  std::int64_t number = 0;
  const auto [rest, error] = std::from_chars(line.begin(), line.end(), number);
  if (error != std::errc{} || rest != line.end()) fail(fmt::format("pickle: INT of {}", printable(line)));
  push({number, 0, PickleKind::integer});
}

void PickleMachine::push_long_line() {
  auto line = take_line();
  if (line.ends_with('L')) line.remove_suffix(1);
  if (line == kMagicDecimal) return push({0, 0, PickleKind::magic_number});
  std::int64_t number = 0;
  const auto [rest, error] = std::from_chars(line.begin(), line.end(), number);
  if (error == std::errc::result_out_of_range && rest == line.end()) return push({0, 0, PickleKind::big_integer});
  if (error != std::errc{} || rest != line.end()) fail(fmt::format("pickle: LONG of {}", printable(line)));
  push({number, 0, PickleKind::integer});
}

void PickleMachine::push_long(std::uint64_t length) {
  if (length > std::numeric_limits<std::int32_t>::max()) fail("pickle: LONG4 of negative length");
  const auto digits = source_.text(take(length), length, "pickle integer");  // little-endian, two's complement
  if (digits == kMagicLong) return push({0, 0, PickleKind::magic_number});
  if (digits.size() > 8) return push({0, 0, PickleKind::big_integer});
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    number |= std::uint64_t{static_cast<unsigned char>(digits[i])} << (8 * i);
  }
  const unsigned unused = 64 - 8 * static_cast<unsigned>(digits.size());
  const bool negative = !digits.empty() && (static_cast<unsigned char>(digits.back()) & 0x80U) != 0;
  if (negative && unused != 0) number |= ~std::uint64_t{0} << (64 - unused);
  push({static_cast<std::int64_t>(number), 0, PickleKind::integer});
}

void PickleMachine::push_string(std::uint64_t length) {
  const std::uint64_t offset = take(length);
  if (length > std::numeric_limits<std::uint32_t>::max()) fail("pickle: a string of more than 4 GiB");
  const std::size_t start = tree_.text_pool.size();
  if (length > tree_.text_pool.capacity() - start) {
    const std::uint64_t capacity = std::max(start + length, 2 * tree_.text_pool.capacity());
    budget_.charge(capacity - tree_.text_pool.capacity(), source_, op_at_);
    tree_.text_pool.reserve(capacity);
  }
  tree_.text_pool += source_.text(offset, length, "pickle string");
  if (!is_utf8(std::string_view(tree_.text_pool).substr(start))) fail("pickle: a string is not valid UTF-8");
  push({static_cast<std::int64_t>(start), static_cast<std::uint32_t>(length), PickleKind::string});
}

void PickleMachine::push_container(PickleKind kind, std::vector<PickleValue> items) {
  PickleNode node;
  node.kind = kind;
  node.items = std::move(items);
  push_node(std::move(node));
}

PickleNode& PickleMachine::container_below(std::size_t count, PickleKind kind) {
  require_reachable(count + 1);
  const PickleValue& value = stack_[stack_.size() - count - 1];
  if (value.kind != kind) {
    fail(kind == PickleKind::list ? "pickle: APPEND to something that is not a list"
                                  : "pickle: SETITEM on something that is not a dict");
  }
  return node(value);
}

void PickleMachine::append(std::size_t count) {
  auto& list = container_below(count, PickleKind::list);
  grow(list.items, count);
  list.items.insert(list.items.end(), stack_.end() - static_cast<std::ptrdiff_t>(count), stack_.end());
  stack_.resize(stack_.size() - count);
}

void PickleMachine::set_items(std::size_t count) {
  if (count % 2 != 0) fail(fmt::format("pickle: SETITEMS with {} values; expected keys and values in pairs", count));
  auto& dict = container_below(count, PickleKind::dict);
  grow(dict.items, count);
  const std::size_t first = stack_.size() - count;
  for (std::size_t i = first; i < stack_.size(); i += 2) require_key(stack_[i]);
  dict.items.insert(dict.items.end(), stack_.begin() + static_cast<std::ptrdiff_t>(first), stack_.end());
  stack_.resize(first);
}

void PickleMachine::require_key(const PickleValue& key) const {
  switch (key.kind) {
    case PickleKind::none:
    case PickleKind::boolean:
    case PickleKind::integer:
    case PickleKind::real:
    case PickleKind::string: return;
    default: fail("pickle: a dict key that is neither text, a number, a bool nor None");
  }
}

// Honest indices count the PUTs so far, so none exceeds the bytes before it; this also bounds the memo.
void PickleMachine::put(std::uint64_t index, PickleValue value) {
  if (index > at_ - begin_) fail(fmt::format("pickle: memo index {} after {} bytes", index, at_ - begin_));
  if (index >= memo_.size()) {
    grow(memo_, index + 1 - memo_.size());
    memo_.resize(index + 1);
  }
  if (!memo_[index].present) ++memo_count_;
  memo_[index] = {value, true};
}

void PickleMachine::get(std::uint64_t index) {
  if (index >= memo_.size() || !memo_[index].present) {
    fail(fmt::format("pickle: memo index {} was never stored", index));
  }
  push(memo_[index].value);
}

void PickleMachine::stop() {
  if (!marks_.empty()) fail("pickle: STOP inside a MARK");
  if (stack_.size() != 1) fail(fmt::format("pickle: STOP with {} values on the stack; expected 1", stack_.size()));
  tree_.root = stack_.back();
}

}  // namespace lacuna
