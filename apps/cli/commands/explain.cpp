#include <fmt/format.h>

#include "commands.hpp"
#include "lacuna/core/error.hpp"

namespace lacuna::cli {
namespace {

Json to_json(const ErrorCodeInfo& info) {
  return {
      {"code", info.id}, {"title", info.title}, {"exit_status", info.exit_status}, {"explanation", info.explanation}};
}

void run_explain(const Session& session, const std::string& id) {
  if (id.empty()) {
    std::vector<std::vector<std::string>> rows = {{"code", "exit", "title"}};
    Json codes = Json::array();
    for (const auto& info : all_error_codes()) {
      rows.push_back({std::string(info.id), std::to_string(info.exit_status), std::string(info.title)});
      codes.push_back(to_json(info));
    }
    session.print(text_table(rows));
    session.print_json({{"codes", codes}});
    return;
  }
  const auto info = find_error_code(id);
  if (!info) {
    throw Error(ErrorCode::invalid_argument, fmt::format("no error code {}", id))
        .hint("`lacuna explain` lists every code");
  }
  session.print(
      fmt::format("{}: {} (exit status {})\n\n{}", info->id, info->title, info->exit_status, info->explanation));
  session.print_json(to_json(*info));
}

}  // namespace

void add_explain(Application& app) {
  auto& command = app.command("Help", "explain", "Explain an error code, or list them all");
  auto id = std::make_shared<std::string>();
  command.add_option("code", *id, "such as E0301")->type_name("CODE");
  app.on_run(command, [id](const Session& session) { run_explain(session, *id); });
}

}  // namespace lacuna::cli
