// `lacuna help [COMMAND]`, and the manual page made from the same option table.
#include <fmt/format.h>

#include <algorithm>

#include "commands.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/core/version.hpp"

namespace lacuna::cli {
namespace {

std::string roff_escape(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\\')
      escaped += "\\e";
    else if (c == '-')
      escaped += "\\-";
    else
      escaped += c;
  }
  return escaped;
}

std::string roff_options(const CLI::App& command) {
  std::string text;
  for (const auto* option : command.get_options()) {
    std::string name = option->get_name(option->get_positional(), true);
    if (!option->get_type_name().empty()) name += " " + option->get_type_name();
    text += fmt::format(".TP\n.B {}\n{}\n", roff_escape(name), roff_escape(option->get_description()));
  }
  return text;
}

std::string manual_page(const CLI::App& root) {
  std::string text =
      fmt::format(".TH LACUNA 1 \"\" \"lacuna {}\"\n.SH NAME\nlacuna \\- sparsity of language models\n", version());
  text += fmt::format(".SH SYNOPSIS\n.B lacuna\n.I COMMAND\n[options]\n.SH DESCRIPTION\n{}\n",
                      roff_escape(root.get_description()));
  text += ".SH GLOBAL OPTIONS\n" + roff_options(root) + ".SH COMMANDS\n";
  for (const auto* command : root.get_subcommands({})) {
    text += fmt::format(".SS {}\n{}\n", roff_escape(command->get_name()), roff_escape(command->get_description()));
    text += roff_options(*command);
    for (const auto* nested : command->get_subcommands({})) {
      text += fmt::format(".PP\n.B {} {}\n{}\n", roff_escape(command->get_name()), roff_escape(nested->get_name()),
                          roff_escape(nested->get_description()));
      text += roff_options(*nested);
    }
  }
  return text + ".SH EXIT STATUS\n0 done, 1 failed, 2 wrong usage, 130 interrupted.\n";
}

void run_help(const CLI::App& root, const Session& session, const std::vector<std::string>& path, bool manual) {
  if (manual) return session.print(manual_page(root));
  const CLI::App* command = &root;
  for (const auto& name : path) {
    const auto nested = command->get_subcommands([&](const CLI::App* sub) { return sub->get_name() == name; });
    command = nested.empty() ? nullptr : nested.front();
    if (command == nullptr) {
      throw Error(ErrorCode::invalid_argument, fmt::format("no command {}", fmt::join(path, " ")))
          .hint("`lacuna help` lists every command");
    }
  }
  // Through the formatter: App::help() would show the parsed subcommand, which is `help` itself.
  auto parents = path;
  if (!parents.empty()) parents.back() = "";
  const std::string prefix = path.empty() ? "" : fmt::format("lacuna {}", fmt::join(parents, " "));
  session.print(command->get_formatter()->make_help(command, prefix + command->get_name(), CLI::AppFormatMode::Normal));
}

}  // namespace

void add_help(Application& app) {
  auto& command = app.command("Help", "help", "Show a command's options, with examples");
  auto path = std::make_shared<std::vector<std::string>>();
  auto manual = std::make_shared<bool>(false);
  command.add_option("command", *path, "the command to show")->type_name("COMMAND");
  command.add_flag("--man", *manual, "print the manual page (roff)");
  auto& root = app.root();
  app.on_run(command, [&root, path, manual](const Session& session) { run_help(root, session, *path, *manual); });
}

}  // namespace lacuna::cli
