// Speed against sparsity: `lacuna bench gemv|pack|mmm --json`, one document or several.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "lacuna/render/chart.hpp"
#include "lacuna/study/figures/figure_parts.hpp"

namespace lacuna {
namespace {

// One shape.
struct SpeedPanel {
  std::string name;   // "11008×4096"
  std::string forms;  // "slices from 90 %": where another form was multiplied; or empty
  std::vector<LinePoint> measured;
  std::vector<LinePoint> ideal;
  std::vector<LinePoint> dense;
  std::vector<LinePoint> break_even;  // none, or where the line crosses 1
};

// What a document measured, and where.
struct SpeedRun {
  std::string kernel;  // "packed rows"
  std::string dtype;
  std::string place;  // "AMD EPYC, AVX3_ZEN4, 2 threads"
  std::vector<SpeedPanel> panels;
};

std::string kernel_words(const std::string& kernel) {
  if (kernel == "activation") return "columns skipped";
  if (kernel == "packed") return "packed rows";
  if (kernel == "mmm") return "blocks skipped";
  return kernel;
}

std::string joined(std::initializer_list<std::string> parts) {
  std::string text;
  for (const auto& part : parts) text += (text.empty() || part.empty() ? "" : " · ") + part;
  return text;
}

SpeedPanel read_panel(const JsonFields& shape) {
  SpeedPanel panel;
  panel.name = fmt::format("{}×{}", shape.integer("rows", 1, kAnyCount), shape.integer("cols", 1, kAnyCount));
  std::string form;
  for (const auto& timing : shape.objects("timings")) {
    const double sparsity = timing.number("sparsity", 0, 1);
    const std::string before = std::exchange(form, timing.has("format") ? timing.text("format") : "");  // absent: old
    if (!before.empty() && !form.empty() && form != before)
      panel.forms = joined({panel.forms, fmt::format("{} from {:g} %", form, 100.0 * sparsity)});
    panel.measured.push_back({sparsity, timing.number("speedup", 0, kAnyNumber)});
    panel.ideal.push_back({sparsity, timing.number("ideal_speedup", 0, kAnyNumber)});
    panel.dense.push_back({sparsity, 1.0});
  }
  if (shape.has("break_even")) {
    const double from = shape.number("break_even", 0, 1);
    if (!panel.measured.empty() && from > panel.measured.front().x) panel.break_even.push_back({from, 1.0});
  }
  return panel;
}

SpeedRun read_run(const JsonFields& document) {
  SpeedRun run;
  run.kernel = kernel_words(document.text("kernel"));
  run.dtype = document.text("dtype");
  run.place = fmt::format("{}, {}", document.text("device"), document.text("isa"));
  const auto threads = document.integer("threads", 0, kAnyCount);
  if (threads > 0) run.place += fmt::format(", {} thread{}", threads, threads == 1 ? "" : "s");
  for (const auto& shape : document.objects("shapes")) run.panels.push_back(read_panel(shape));
  return run;
}

// Said once in the subtitle where all runs share it, else in the name of each panel.
bool all_share(const std::vector<SpeedRun>& runs, std::string SpeedRun::* field) {
  return std::ranges::all_of(runs, [&](const SpeedRun& run) { return run.*field == runs.front().*field; });
}

// Where other forms were multiplied, said once where it is so at every shape.
std::string forms_text(const SpeedRun& run) {
  const bool alike =
      std::ranges::all_of(run.panels, [&](const SpeedPanel& p) { return p.forms == run.panels[0].forms; });
  if (alike) return run.panels.empty() ? "" : run.panels[0].forms;
  std::string text;
  for (const auto& panel : run.panels) {
    if (!panel.forms.empty()) text = joined({text, fmt::format("{}: {}", panel.name, panel.forms)});
  }
  return text;
}

}  // namespace

Chart speed_figure(const std::vector<RecordedResult>& documents, const FigureOptions& options) {
  std::vector<SpeedRun> runs;
  for (const auto& document : documents) runs.push_back(read_figure_document(document, read_run));
  const bool one_kernel = all_share(runs, &SpeedRun::kernel);
  const bool one_dtype = all_share(runs, &SpeedRun::dtype);
  const bool one_place = all_share(runs, &SpeedRun::place);
  LineChart chart;
  chart.title = options.title.empty() ? "Speed against sparsity" : options.title;
  chart.subtitle = joined({one_kernel ? runs.front().kernel : "", one_dtype ? runs.front().dtype : "",
                           one_place ? runs.front().place : "", "rings: break-even"});
  for (const auto& run : runs) chart.subtitle = joined({chart.subtitle, forms_text(run)});
  chart.x_title = "sparsity";
  chart.x_format = ValueFormat::percent;
  chart.y_title = "times as fast as dense";
  chart.series_title = "product";
  chart.y_scale = AxisScale::log;
  for (auto& run : runs) {
    const std::string of =
        joined({one_kernel ? "" : run.kernel, one_dtype ? "" : run.dtype, one_place ? "" : run.place});
    for (auto& panel : run.panels) {
      panel.name = joined({panel.name, of});
      chart.series.push_back({"measured", panel.name, panel.measured, panel.break_even});
      chart.series.push_back({"dense", panel.name, panel.dense});
      chart.series.push_back({"ideal: bytes at the speed of memory", panel.name, panel.ideal});
    }
  }
  return line_chart(chart);
}

}  // namespace lacuna
