// The texts of a study as token files, one set per model: files tokenized, or sequences sampled from the model itself.
#pragma once

#include <filesystem>

#include "lacuna/core/run_context.hpp"
#include "lacuna/study/study_file.hpp"

namespace lacuna {

// Makes out/texts/{model}/{text}.npy (and .txt for a sampled text) unless it is there; returns the token file's path.
//
// A sampled text has `sequences` rows of `seqlen` tokens: the beginning-of-text token, then what the model draws from
// its own distribution, row i with seed text.seed · 2³² + i. An end-of-text token does not end a row.
std::filesystem::path make_study_text(const StudyModel& model, const StudyText& text, const std::filesystem::path& out,
                                      const RunContext& context);

}  // namespace lacuna
