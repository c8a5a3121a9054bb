// Makes the n-th allocation by operator new fail, to prove that running out of memory is an error and nothing worse.
//
// Linking failing_allocator.cpp into a test program replaces the global operator new there. Only the calling thread's
// allocations are counted, and only while a FailingAllocation is alive.
#pragma once

#include <cstdint>

namespace lacuna::test {

class FailingAllocation {
 public:
  explicit FailingAllocation(std::uint64_t nth);  // 0: the first one fails; exactly one allocation fails
  ~FailingAllocation();
  FailingAllocation(const FailingAllocation&) = delete;
  FailingAllocation& operator=(const FailingAllocation&) = delete;
  bool happened() const;  // false: the work needed no more than n allocations
};

}  // namespace lacuna::test
