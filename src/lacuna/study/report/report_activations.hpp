// The part of a report on the inputs of a model's linears, where a study recorded them.
#pragma once

#include "lacuna/render/page.hpp"
#include "lacuna/study/report/report.hpp"

namespace lacuna {

void add_activation_section(Page& page, const StudyModelView& model);

}  // namespace lacuna
