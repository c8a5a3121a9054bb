// Turns a failed allocation inside a reader or writer into Error{out_of_memory} that names the file.
#pragma once

#include <filesystem>
#include <new>
#include <stdexcept>
#include <utility>

#include "lacuna/core/error.hpp"

namespace lacuna {

// Path: std::filesystem::path, or text that is converted only when it is needed, since converting allocates.
template <typename Path>
Error out_of_memory_error(const Path& path) {
  try {
    return Error(ErrorCode::out_of_memory, "not enough memory for this file").at(path);
  } catch (const std::bad_alloc&) {
    return {ErrorCode::out_of_memory, "out of memory"};  // short enough to need no allocation
  }
}

template <typename Path, typename Action>
auto guard_allocation(const Path& path, Action&& action) {
  try {
    return std::forward<Action>(action)();
  } catch (const std::bad_alloc&) {
    throw out_of_memory_error(path);
  } catch (const std::length_error&) {
    throw out_of_memory_error(path);
  }
}

}  // namespace lacuna
