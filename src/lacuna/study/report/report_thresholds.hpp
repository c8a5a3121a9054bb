// The part of a report on thresholds applied to weights, where `lacuna threshold --db` recorded them.
#pragma once

#include "lacuna/render/page.hpp"
#include "lacuna/study/report/report.hpp"

namespace lacuna {

void add_threshold_section(Page& page, const StudyModelView& model);

}  // namespace lacuna
