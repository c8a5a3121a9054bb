// One add_NAME per subcommand, each in the file of its name.
#pragma once

#include "cli.hpp"

namespace lacuna::cli {

void add_info(Application& app);
void add_explain(Application& app);
void add_help(Application& app);
void add_completion(Application& app);

}  // namespace lacuna::cli
