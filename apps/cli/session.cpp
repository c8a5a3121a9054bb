// Progress: a bar that is redrawn in place on a terminal, one plain line per tenth elsewhere, JSON lines on request.
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>

#include "cli.hpp"
#include "interrupt.hpp"
#include "lacuna/core/error.hpp"

namespace lacuna::cli {
namespace {

using Clock = std::chrono::steady_clock;

bool environment_set(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' && std::string_view(value) != "0";
}

ProgressMode resolve(const GlobalOptions& options) {
  if (options.quiet || environment_set("HF_HUB_DISABLE_PROGRESS_BARS")) {
    return options.progress == ProgressMode::automatic || options.quiet ? ProgressMode::none : options.progress;
  }
  if (options.progress != ProgressMode::automatic) return options.progress;
  return isatty(STDERR_FILENO) != 0 ? ProgressMode::bar : ProgressMode::plain;
}

bool use_colour() {
  const char* no_color = std::getenv("NO_COLOR");  // https://no-color.org: any non-empty value
  return (no_color == nullptr || *no_color == '\0') && isatty(STDERR_FILENO) != 0;
}

int terminal_columns() {
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20) return size.ws_col;
  return 80;
}

}  // namespace

struct Session::Progress {
  ProgressMode mode = ProgressMode::none;
  bool colour = use_colour();
  std::string stage;
  Clock::time_point started;
  Clock::time_point last_drawn;
  double first_share = 0.0;  // work already done when the stage was first seen (a resumed run)
  int last_tenth = -1;
  bool line_open = false;

  void update(const ProgressEvent& event) {
    if (mode == ProgressMode::none) return;
    const auto now = Clock::now();
    const double share = event.done_work > 0.0 ? event.done_work
                         : event.total > 0     ? static_cast<double>(event.done) / static_cast<double>(event.total)
                                               : 0.0;
    if (event.stage != stage) {
      close_line();
      stage = event.stage;
      started = now;
      first_share = share;
      last_tenth = -1;
      last_drawn = {};
    }
    const double elapsed = std::chrono::duration<double>(now - started).count();
    const double progressed = share - first_share;
    const double eta = progressed > 1e-6 ? elapsed * (1.0 - share) / progressed : -1.0;
    const bool finished = event.total > 0 && event.done >= event.total;
    if (mode == ProgressMode::json) return print_json_line(event, share, elapsed, eta);
    if (mode == ProgressMode::bar) {
      if (!finished && now - last_drawn < std::chrono::milliseconds(80)) return;
      last_drawn = now;
      return draw_bar(event, share, eta, finished);
    }
    const int tenth = static_cast<int>(share * 10.0);
    if (tenth == last_tenth && !finished) return;
    last_tenth = tenth;
    fmt::print(stderr, "{}: {}/{} {}{}{}\n", event.stage, event.done, event.total, event.unit,
               event.detail.empty() ? "" : ", " + event.detail,
               eta >= 0.0 && !finished ? ", " + human_seconds(eta) + " left" : "");
  }

  static void print_json_line(const ProgressEvent& event, double share, double elapsed, double eta) {
    Json line = {{"event", "progress"}, {"stage", event.stage}, {"detail", event.detail}, {"unit", event.unit},
                 {"done", event.done},  {"total", event.total}, {"share", share},         {"elapsed_s", elapsed}};
    line["eta_s"] = eta >= 0.0 ? Json(eta) : Json(nullptr);
    fmt::print(stderr, "{}\n", line.dump());
  }

  void draw_bar(const ProgressEvent& event, double share, double eta, bool finished) {
    constexpr int kBarWidth = 24;
    const int filled = std::clamp(static_cast<int>(share * kBarWidth), 0, kBarWidth);
    std::string text = fmt::format("{}/{} {}", event.done, event.total, event.unit);
    if (!event.detail.empty()) text += ", " + event.detail;
    if (eta >= 0.0 && !finished) text += ", " + human_seconds(eta) + " left";
    const int room = terminal_columns() - kBarWidth - static_cast<int>(event.stage.size()) - 6;
    if (static_cast<int>(text.size()) > room) text.resize(static_cast<std::size_t>(std::max(room, 0)));
    std::string bar;
    for (int i = 0; i < kBarWidth; ++i) bar += i < filled ? "━" : "╌";
    fmt::print(stderr, "\r\x1b[K{} {}{}{} {}", event.stage, colour ? "\x1b[36m" : "", bar, colour ? "\x1b[0m" : "",
               text);
    std::fflush(stderr);
    line_open = true;
    if (finished) close_line();
  }

  void close_line() {
    if (line_open) fmt::print(stderr, "\n");
    line_open = false;
  }
};

Session::Session(const GlobalOptions& options) : options_(options), progress_(std::make_unique<Progress>()) {
  progress_->mode = resolve(options);
  context_.stop = &stop_flag();
  context_.progress = [this](const ProgressEvent& event) { progress_->update(event); };
  context_.warning = [this](const std::string& message) {
    progress_->close_line();
    if (progress_->mode == ProgressMode::json) {
      fmt::print(stderr, "{}\n", Json{{"event", "warning"}, {"message", message}}.dump());
    } else {
      fmt::print(stderr, "warning: {}\n", message);  // never silenced: it says that a result is not what was asked for
    }
  };
}

Session::~Session() { finish_progress(); }

void Session::finish_progress() const { progress_->close_line(); }

void Session::print(const std::string& text) const {
  if (json()) return;
  finish_progress();
  fmt::print("{}{}", text, text.empty() || text.back() != '\n' ? "\n" : "");
}

void Session::print_json(const Json& document) const {
  if (!json()) return;
  finish_progress();
  fmt::print("{}\n", document.dump(2, ' ', false, Json::error_handler_t::replace));
}

void Session::note(const std::string& text) const {
  if (options_.quiet) return;
  finish_progress();
  if (progress_->mode == ProgressMode::json) {
    fmt::print(stderr, "{}\n", Json{{"event", "note"}, {"message", text}}.dump());
  } else {
    fmt::print(stderr, "{}\n", text);
  }
}

}  // namespace lacuna::cli
