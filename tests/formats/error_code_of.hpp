// The code of the Error that an action throws; a test failure when it throws none.
#pragma once

#include <gtest/gtest.h>

#include <utility>

#include "lacuna/core/error.hpp"

namespace lacuna::test {

template <typename Action>
ErrorCode error_code_of(Action&& action) {
  try {
    std::forward<Action>(action)();
  } catch (const Error& error) {
    return error.code();
  }
  ADD_FAILURE() << "expected an Error";
  return ErrorCode::internal;
}

}  // namespace lacuna::test
