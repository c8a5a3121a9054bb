// Turns a failed allocation inside a reader into Error{out_of_memory} that names the file.
#pragma once

#include <filesystem>
#include <new>
#include <stdexcept>
#include <utility>

#include "lacuna/core/error.hpp"

namespace lacuna {

template <typename Action>
auto guard_allocation(const std::filesystem::path& path, Action&& action) {
  try {
    return std::forward<Action>(action)();
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::out_of_memory, "not enough memory to read the file").at(path);
  } catch (const std::length_error&) {
    throw Error(ErrorCode::out_of_memory, "not enough memory to read the file").at(path);
  }
}

}  // namespace lacuna
