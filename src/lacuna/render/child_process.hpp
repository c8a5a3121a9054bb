// Another program, run without a shell: bytes in, bytes out. Internal to render.
//
// The program is looked up in PATH. Its standard input and both outputs are files in memory, so that nothing can block
// or break a pipe. Variables that change what node runs (NODE_…) are not passed on.
//
// Errors   Error{not_found}: no such program; Error{io_failed}: it could not start, failed, or took longer than
//          allowed, with the first lines it wrote to stderr; Error{interrupted}: the caller asked to stop. A program
//          that takes too long or is no longer wanted is killed.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lacuna/core/run_context.hpp"

namespace lacuna {

struct ChildProgram {
  std::vector<std::string> arguments;  // the first names the program
  std::string hint;                    // for the user, where it is missing
  double max_seconds = 120.0;
};

std::string run_child(const ChildProgram& program, std::string_view input, const RunContext& context);

}  // namespace lacuna
