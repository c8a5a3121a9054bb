#include "lacuna/study/report/report_analyses.hpp"

#include <fmt/format.h>

#include <array>
#include <string_view>

#include "lacuna/core/error.hpp"
#include "lacuna/study/analyses/recorded_analysis.hpp"

namespace lacuna {
namespace {

constexpr int kMostDrawn = 4;  // of each command: a page of more is not read

struct Part {
  std::string_view command;
  std::string_view reading;
};

constexpr std::array kParts = {
    Part{"neighbours",
         "A feature with true neighbours has a few points far below the rest, then a step; the nearest of random masks "
         "are in the line above."},
    Part{"gradient", "Distances to random other features: where the nearest and the farthest lie beside chance."},
    Part{"pairs",
         "A line above the band on the left: more near pairs than random masks have. Inside the band there is nothing "
         "to "
         "explain."},
    Part{"groups",
         "Each metric in standard deviations of chance; grouping finds common zeros in noise too, and chance has been "
         "grouped in the same way."},
    Part{"cluster",
         "Dashed: clusters of equal size. One large cluster and many small ones are outliers split off, not groups."},
    Part{"tsne",
         "Near points are features with similar patterns; distances between far points mean nothing. There is no test: "
         "the separation of clusters has one."}};

void add_figure(Page& page, const AnalysisFigure& figure) {
  try {
    page.chart(draw_figure(figure.kind, {figure.document}, {}));
  } catch (const Error& error) {  // a damaged record does not take the page with it
    page.note(fmt::format("{} could not be drawn: {}", figure.document.name, error.message()));
  }
}

}  // namespace

void add_analysis_section(Page& page, const StudyModelView& model) {
  bool first = true;
  for (const auto& part : kParts) {
    int drawn = 0;
    int left_out = 0;
    for (const auto& results : model.analyses) {
      if (results.analysis.command != part.command) continue;
      const auto figure = analysis_figure(model, results);
      if (!figure) continue;
      if (drawn == kMostDrawn) {
        ++left_out;
        continue;
      }
      if (first) page.subsection("Single analyses");
      first = false;
      add_figure(page, *figure);
      ++drawn;
    }
    if (drawn > 0) page.paragraph(part.reading);
    if (left_out > 0)
      page.paragraph(fmt::format("{} more of `lacuna {}` are in the database.", left_out, part.command));
  }
}

}  // namespace lacuna
