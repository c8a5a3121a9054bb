// The report's section on structure: what was found in the patterns, ranked, beside what chance gives.
#pragma once

#include "lacuna/render/page.hpp"
#include "lacuna/study/report/report.hpp"

namespace lacuna {

void add_structure_section(Page& page, const StudyModelView& model);  // nothing where nothing was measured

}  // namespace lacuna
