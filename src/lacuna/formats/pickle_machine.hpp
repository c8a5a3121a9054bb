// The state of one run of the pickle interpreter: stack, marks, memo and the tree that grows. Internal to pickle.cpp
// (dispatch, values, containers, memo) and pickle_calls.cpp (everything that in Python would import or call).
//
// Values below the last MARK are out of reach, as in Python's own unpickler.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "lacuna/formats/pickle.hpp"

namespace lacuna {

class PickleMachine {
 public:
  PickleMachine(const ByteSource& source, std::uint64_t begin, std::uint64_t end, MemoryBudget& budget)
      : source_(source), at_(begin), begin_(begin), end_(end), budget_(budget) {}

  PickleTree run();

 private:
  bool step();  // false after STOP
  bool step_scalar(std::uint8_t opcode);
  bool step_container(std::uint8_t opcode);
  bool step_memo(std::uint8_t opcode);
  bool step_call(std::uint8_t opcode);

  // Operands.
  std::uint64_t take(std::uint64_t length);  // returns the offset of the next `length` bytes
  std::uint8_t take_u8() { return source_.u8(take(1), "pickle"); }
  std::uint16_t take_u16() { return source_.u16(take(2), "pickle"); }
  std::uint32_t take_u32() { return source_.u32(take(4), "pickle"); }
  std::uint64_t take_u64() { return source_.u64(take(8), "pickle"); }
  std::string_view take_line();  // without its newline

  // The stack.
  void push(PickleValue value);
  void push_node(PickleNode node);
  PickleValue& top();
  void require_reachable(std::size_t count) const;
  std::size_t count_to_mark();  // removes the mark
  std::vector<PickleValue> pop_last(std::size_t count);
  PickleNode& node(const PickleValue& value) { return tree_.nodes[static_cast<std::size_t>(value.number)]; }

  // Values and containers.
  void push_int_line();
  void push_long_line();
  void push_long(std::uint64_t length);
  void push_string(std::uint64_t length);
  void push_container(PickleKind kind, std::vector<PickleValue> items = {});
  PickleNode& container_below(std::size_t count, PickleKind kind);
  void append(std::size_t count);
  void set_items(std::size_t count);
  void require_key(const PickleValue& key) const;
  void put(std::uint64_t index, PickleValue value);
  void get(std::uint64_t index);
  void stop();

  // What Python would import or call.
  void push_global(std::string_view module, std::string_view name);
  void stack_global();
  void reduce();
  std::vector<PickleValue> ordered_dict_items(const std::vector<PickleValue>& arguments);
  void build();
  void push_persistent_id();
  [[noreturn]] void refuse(std::uint8_t opcode) const;

  [[noreturn]] void fail(std::string message, ErrorCode code = ErrorCode::corrupt_file) const {
    source_.fail(op_at_, std::move(message), code);
  }

  // Makes room for `more` items, charging what the vector will take.
  template <typename T>
  void grow(std::vector<T>& items, std::size_t more) {
    constexpr std::uint64_t kAllocatorOverhead = 16;
    const std::size_t needed = items.size() + more;
    if (needed <= items.capacity()) return;
    const std::size_t capacity = std::max(needed, items.capacity() * 2);
    budget_.charge((capacity - items.capacity()) * sizeof(T) + kAllocatorOverhead, source_, op_at_);
    items.reserve(capacity);
  }

  struct MemoSlot {
    PickleValue value;
    bool present = false;
  };

  const ByteSource& source_;
  std::uint64_t at_;
  std::uint64_t begin_;
  std::uint64_t end_;
  MemoryBudget& budget_;
  std::uint64_t op_at_ = 0;  // of the current opcode, for messages
  PickleTree tree_;
  std::vector<PickleValue> stack_;
  std::vector<std::size_t> marks_;  // stack sizes
  std::vector<MemoSlot> memo_;
  std::uint64_t memo_count_ = 0;
};

}  // namespace lacuna
