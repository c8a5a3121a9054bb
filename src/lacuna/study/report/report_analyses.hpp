// The part of a report on single analyses, as `lacuna plot` draws them: neighbours, gradients, distances of all pairs,
// groups, sizes of clusters, t-SNE.
#pragma once

#include "lacuna/render/page.hpp"
#include "lacuna/study/report/report.hpp"

namespace lacuna {

void add_analysis_section(Page& page, const StudyModelView& model);

}  // namespace lacuna
