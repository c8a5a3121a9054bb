// What a report shows of everything in a store, whoever wrote it.
//
// Runs are put together by model. An analysis belongs to the model of its run, or to the model of its name; the others
// come last, under "other sources". Only what is recorded is shown: no pictures.
#pragma once

#include "lacuna/study/records.hpp"
#include "lacuna/study/report/report.hpp"

namespace lacuna {

inline constexpr const char* kOtherSources = "other sources";

std::vector<StudyModelView> store_views(ResultSource& source);

}  // namespace lacuna
