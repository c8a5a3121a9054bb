// `lacuna verify`: does a pruned output equal what its recorded recipe gives?
#include "lacuna/study/pruning/verify.hpp"

#include <fmt/format.h>

#include "commands.hpp"
#include "lacuna/core/error.hpp"

namespace lacuna::cli {
namespace {

void run_verify_command(const Session& session, const VerifyOptions& options) {
  const auto result = verify_output(options, session.context());
  if (!result.identical) {
    throw Error(ErrorCode::verify_failed,
                fmt::format("differs from what its recipe gives: {}", result.first_difference))
        .at(options.folder);
  }
  session.print(fmt::format("{}: identical to what its recipe gives ({} weight files)", options.folder.string(),
                            result.files.size()));
  session.print_json({{"folder", options.folder.string()}, {"identical", true}, {"files", result.files}});
}

}  // namespace

void add_verify(Application& app) {
  auto& command =
      app.command("Prune", "verify", "Derive a pruned output again from its recipe; say if it is identical");
  auto options = std::make_shared<VerifyOptions>();
  command.add_option("dir", options->folder, "folder of a pruned checkpoint")->required()->type_name("DIR");
  command.add_option("--model", options->model, "the model it was made from (default: as recorded)")
      ->type_name("MODEL");
  app.on_run(command, [options](const Session& session) { run_verify_command(session, *options); });
}

}  // namespace lacuna::cli
