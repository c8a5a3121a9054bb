// The parts of a report on clusters and on coherence under several orders, where a study recorded them.
#pragma once

#include "lacuna/render/page.hpp"
#include "lacuna/study/report/report.hpp"

namespace lacuna {

void add_cluster_section(Page& page, const StudyModelView& model);
void add_coherence_section(Page& page, const StudyModelView& model);

}  // namespace lacuna
