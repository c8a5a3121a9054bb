// The number of threads that kernels and linear algebra use, and a loop over them.
//
// One OpenMP pool serves Lacuna's kernels and oneDNN. Default: the processors this process may run on.
#pragma once

#include <cstdint>
#include <functional>

namespace lacuna {

int available_threads();  // processors in this process's affinity mask
int thread_count();
void set_thread_count(int n);  // throws Error{invalid_argument} unless 1 ≤ n ≤ 1024

// Runs body(begin, end) over a partition of [0, n) into chunks of at least `grain`, in parallel. The partition depends
// on n, grain and the thread count only. The first exception thrown by a body is rethrown here after all have ended.
void parallel_for(std::int64_t n, std::int64_t grain, const std::function<void(std::int64_t, std::int64_t)>& body);

}  // namespace lacuna
