// Shell completion scripts, made from the option table: commands, options, and files as the fallback.
#include <fmt/format.h>

#include "commands.hpp"

namespace lacuna::cli {
namespace {

std::vector<std::string> option_names(const CLI::App& command) {
  std::vector<std::string> names;
  for (const auto* option : command.get_options()) {
    for (const auto& name : option->get_lnames()) names.push_back("--" + name);
    for (const auto& name : option->get_snames()) names.push_back("-" + name);
  }
  return names;
}

std::string words_of(const CLI::App& root, const CLI::App& command) {
  auto words = option_names(command);
  for (const auto* nested : command.get_subcommands({})) words.push_back(nested->get_name());
  if (&root != &command) {
    for (const auto& name : option_names(root)) words.push_back(name);
  }
  return fmt::format("{}", fmt::join(words, " "));
}

std::string bash_script(const CLI::App& root) {
  std::string cases;
  for (const auto* command : root.get_subcommands({})) {
    cases += fmt::format("    {}) words=\"{}\" ;;\n", command->get_name(), words_of(root, *command));
  }
  return fmt::format(R"(# bash completion for lacuna
_lacuna() {{
  local current="${{COMP_WORDS[COMP_CWORD]}}" command="" word words
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    case "$word" in -*) ;; *) command="$word"; break ;; esac
  done
  case "$command" in
    "") words="{}" ;;
{}    *) words="" ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  if [ -n "$command" ] && [[ "$current" != -* ]]; then COMPREPLY+=($(compgen -f -- "$current")); fi
}}
complete -o filenames -F _lacuna lacuna
)",
                     words_of(root, root), cases);
}

std::string zsh_script(const CLI::App& root) {
  return "#compdef lacuna\nautoload -U +X bashcompinit && bashcompinit\n" + bash_script(root);
}

std::string fish_quote(std::string text) {
  for (std::size_t i = 0; (i = text.find('\'', i)) != std::string::npos; i += 2) text.replace(i, 1, "\\'");
  return "'" + text + "'";
}

std::string fish_script(const CLI::App& root) {
  std::string text = "# fish completion for lacuna\n";
  for (const auto* command : root.get_subcommands({})) {
    text += fmt::format("complete -c lacuna -n __fish_use_subcommand -a {} -d {}\n", command->get_name(),
                        fish_quote(command->get_description()));
    for (const auto* option : command->get_options()) {
      for (const auto& name : option->get_lnames()) {
        text += fmt::format("complete -c lacuna -n '__fish_seen_subcommand_from {}' -l {} -d {}\n", command->get_name(),
                            name, fish_quote(option->get_description()));
      }
    }
  }
  return text;
}

}  // namespace

void add_completion(Application& app) {
  auto& command = app.command("Help", "completion", "Print a shell completion script");
  auto shell = std::make_shared<std::string>();
  command.add_option("shell", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}))
      ->type_name("SHELL");
  command.footer("Example: lacuna completion bash > /etc/bash_completion.d/lacuna");
  const auto& root = app.root();
  app.on_run(command, [&root, shell](const Session& session) {
    if (*shell == "bash") session.print(bash_script(root));
    if (*shell == "zsh") session.print(zsh_script(root));
    if (*shell == "fish") session.print(fish_script(root));
  });
}

}  // namespace lacuna::cli
