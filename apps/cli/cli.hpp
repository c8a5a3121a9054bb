// What every subcommand shares: global options, where output goes, progress, interruption.
//
// Results go to stdout, everything else to stderr. With --json stdout holds exactly one JSON document. A command file
// defines an options struct, add_NAME(App&, …) which declares its options, and run_NAME(…), which does the work.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "lacuna/core/run_context.hpp"

namespace lacuna::cli {

using Json = nlohmann::ordered_json;

enum class ProgressMode { automatic, bar, plain, json, none };

struct GlobalOptions {
  bool json = false;
  bool quiet = false;
  ProgressMode progress = ProgressMode::automatic;
  int threads = 0;  // 0: all processors this process may use
};

class Session {
 public:
  explicit Session(const GlobalOptions& options);
  ~Session();

  const GlobalOptions& options() const { return options_; }
  const RunContext& context() const { return context_; }
  bool json() const { return options_.json; }

  void print(const std::string& text) const;    // a result for people; stdout, nothing with --json
  void print_json(const Json& document) const;  // the result for programs; stdout, only with --json
  void note(const std::string& text) const;     // stderr, silent with --quiet
  void finish_progress() const;                 // ends the bar's line

 private:
  struct Progress;
  const GlobalOptions& options_;
  std::unique_ptr<Progress> progress_;
  RunContext context_;
};

// A subcommand's body. Errors leave it as lacuna::Error.
using Body = std::function<void(const Session&)>;

// The root command with the table of subcommands; bodies run after parsing.
class Application {
 public:
  Application();
  int run(int argc, char** argv);

  CLI::App& root() { return root_; }
  CLI::App& command(const std::string& group, const std::string& name, const std::string& description);
  void on_run(CLI::App& command, Body body);

 private:
  CLI::App root_;
  GlobalOptions options_;
  std::vector<std::pair<CLI::App*, Body>> bodies_;
};

// "1.2 MiB", "850 ms", "12,345": units for people.
std::string human_bytes(std::uint64_t bytes);
std::string human_seconds(double seconds);
std::string human_count(std::uint64_t count);

// A table with aligned columns; numbers right-aligned. First row: headings.
std::string text_table(const std::vector<std::vector<std::string>>& rows);

// Prints an error to stderr ("error[E0301]: …", blank line, "hint: …") and returns its exit status.
int report_error(const std::exception& error, const GlobalOptions& options);

}  // namespace lacuna::cli
