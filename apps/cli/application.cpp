#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <new>

#include "cli.hpp"
#include "interrupt.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/core/mapped_file.hpp"
#include "lacuna/core/threads.hpp"
#include "lacuna/core/version.hpp"

namespace lacuna::cli {
namespace {

std::string version_text() {
  return fmt::format("lacuna {} ({})\nfeatures: {}", version(), commit(), fmt::join(build_features(), " "));
}

const std::map<std::string, ProgressMode> kProgressModes = {{"auto", ProgressMode::automatic},
                                                            {"bar", ProgressMode::bar},
                                                            {"plain", ProgressMode::plain},
                                                            {"json", ProgressMode::json},
                                                            {"none", ProgressMode::none}};

int finish_output() {
  if (std::fflush(stdout) == 0) return 0;
  if (errno == EPIPE) return 1;  // the reader left, as `| head` does: nothing to tell anybody
  throw errno_error(errno, "write to", "stdout");
}

// A usage mistake that CLI11 found: same layout as every other error.
int report_usage(const CLI::App& root, const CLI::ParseError& error) {
  const CLI::App* where = &root;
  while (!where->get_subcommands().empty()) where = where->get_subcommands().front();
  std::string path = where == &root ? "" : where->get_name();
  for (const CLI::App* up = where->get_parent(); up != nullptr && up != &root; up = up->get_parent()) {
    path = up->get_name() + " " + path;
  }
  fmt::print(stderr, "error[E0101]: {}\n\nhint: lacuna help{}{}\n", error.what(), path.empty() ? "" : " ", path);
  return error_code_info(ErrorCode::invalid_argument).exit_status;
}

}  // namespace

Application::Application()
    : root_(
          "Prune language models, measure what sparsity costs, and see it.\n"
          "Results go to stdout, everything else to stderr. Nothing is ever sent anywhere.",
          "lacuna") {
  root_.set_version_flag("--version", version_text());
  root_.require_subcommand(0, 1);
  root_.fallthrough();
  root_.failure_message(CLI::FailureMessage::simple);
  root_.add_flag("--json", options_.json, "print one JSON document on stdout");
  root_.add_flag("-q,--quiet", options_.quiet, "no progress and no notes on stderr");
  root_.add_option("--progress", options_.progress, "auto, bar, plain, json (JSON lines on stderr) or none")
      ->transform(CLI::CheckedTransformer(kProgressModes).description(""))
      ->type_name("MODE");
  root_.add_option("--threads", options_.threads, "threads (default: all processors of this process)")
      ->check(CLI::Range(1, 1024))
      ->type_name("T");
  root_.footer(
      "Exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted.\n"
      "`lacuna help COMMAND` shows one command, `lacuna explain CODE` an error code.");
}

CLI::App& Application::command(const std::string& group, const std::string& name, const std::string& description) {
  CLI::App& sub = *root_.add_subcommand(name, description);
  sub.group(group);
  sub.fallthrough();
  sub.footer("Also: --json, --quiet, --progress MODE, --threads T (see `lacuna help`).");
  return sub;
}

void Application::on_run(CLI::App& command, Body body) { bodies_.emplace_back(&command, std::move(body)); }

int Application::run(int argc, char** argv) {
  try {
    root_.parse(argc, argv);
  } catch (const CLI::Success& success) {
    return root_.exit(success);
  } catch (const CLI::ParseError& error) {
    return report_usage(root_, error);
  }
  try {
    if (root_.get_subcommands().empty()) {
      fmt::print("{}", root_.help());
      return finish_output();
    }
    install_truncation_guard();
    install_interrupt_handlers();
    set_thread_count(options_.threads > 0 ? options_.threads : available_threads());
    const Session session(options_);
    for (const auto& [command, body] : bodies_) {
      if (command->parsed()) body(session);
    }
    return finish_output();
  } catch (const std::exception& error) {
    return report_error(error, options_);
  }
}

int report_error(const std::exception& error, const GlobalOptions& options) {
  const auto* known = dynamic_cast<const Error*>(&error);
  std::optional<Error> converted;
  if (known == nullptr) {
    if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) {
      converted.emplace(ErrorCode::out_of_memory, "an allocation failed");
    } else if (const auto* fs_error = dynamic_cast<const std::filesystem::filesystem_error*>(&error)) {
      converted.emplace(errno_error(fs_error->code().value(), "use", fs_error->path1()));
    } else {
      converted.emplace(ErrorCode::internal, error.what());
    }
    known = &*converted;
  }
  const auto& info = error_code_info(known->code());
  if (options.json || options.progress == ProgressMode::json) {
    Json document = {{"error", {{"code", info.id}, {"title", info.title}, {"message", known->message()}}}};
    if (!known->path().empty()) document["error"]["path"] = known->path().string();
    if (known->byte_offset()) document["error"]["byte_offset"] = *known->byte_offset();
    if (!known->hint().empty()) document["error"]["hint"] = known->hint();
    fmt::print(stderr, "{}\n", document.dump(-1, ' ', false, Json::error_handler_t::replace));
  } else {
    const std::string hint = known->hint().empty() ? fmt::format("lacuna explain {}", info.id) : known->hint();
    fmt::print(stderr, "error[{}]: {}\n\nhint: {}\n", info.id, known->what(), hint);
  }
  return info.exit_status;
}

}  // namespace lacuna::cli
