// The lacuna program: one file per subcommand in commands/.
#include "commands/commands.hpp"

int main(int argc, char** argv) {
  lacuna::cli::Application app;
  add_info(app);
  add_explain(app);
  add_completion(app);
  add_help(app);
  return app.run(argc, argv);
}
