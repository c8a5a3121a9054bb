// `lacuna rerun`: the recorded recipe of a pruned output again, into a new folder.
#include "lacuna/study/pruning/rerun.hpp"

#include <algorithm>

#include "commands.hpp"
#include "prune_result.hpp"

namespace lacuna::cli {
namespace {

struct RerunCommand {
  RerunOptions rerun;
  std::vector<std::string> formats = {"hf"};
};

void run_rerun_command(const Session& session, RerunCommand command) {
  const auto wants = [&](const char* format) {
    return std::find(command.formats.begin(), command.formats.end(), format) != command.formats.end();
  };
  command.rerun.write_hf = wants("hf");
  command.rerun.write_pt = wants("pt");
  print_prune_result(session, rerun_output(command.rerun, session.context()));
}

}  // namespace

void add_rerun(Application& app) {
  auto& command = app.command("Prune", "rerun", "Run the recorded recipe of a pruned output again, into a new folder");
  auto options = std::make_shared<RerunCommand>();
  command.add_option("dir", options->rerun.folder, "folder of a pruned checkpoint")->required()->type_name("DIR");
  command.add_option("-o,--out", options->rerun.out, "output folder; must not exist")->required()->type_name("DIR");
  command.add_option("--model", options->rerun.model, "the model it was made from (default: as recorded)")
      ->type_name("MODEL");
  command.add_option("--format", options->formats, "hf (checkpoint), pt (the scripts' tree), or hf,pt")
      ->delimiter(',')
      ->check(CLI::IsMember({"hf", "pt"}))
      ->capture_default_str();
  command.add_flag("--resume", options->rerun.resume, "go on with an interrupted run of the same command");
  command.footer(
      "Uses lacuna.json and lacuna_calibration.npy of DIR, and as many threads as they record.\n"
      "Example: lacuna rerun pruned --out again\n"
      "Also: --json, --quiet, --progress MODE (see `lacuna help`).");
  app.on_run(command, [options](const Session& session) { run_rerun_command(session, *options); });
}

}  // namespace lacuna::cli
