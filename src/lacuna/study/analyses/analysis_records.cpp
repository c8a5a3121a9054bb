#include "lacuna/study/analyses/analysis_records.hpp"

#include <chrono>
#include <nlohmann/json.hpp>

#include "lacuna/core/digest.hpp"
#include "lacuna/core/version.hpp"

namespace lacuna {

std::string analysis_id_of(const AnalysisRecord& a) {
  const auto text = nlohmann::json::array({a.command, a.source, a.layer, a.component, a.axis, a.options_json, a.seed})
                        .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return sha256_hex(std::as_bytes(std::span(text.data(), text.size()))).substr(0, 16);
}

void finish_analysis(AnalysisRecord& analysis, double elapsed_seconds) {
  const auto now =
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch());
  analysis.analysis_id = analysis_id_of(analysis);
  analysis.lacuna_version = version();
  analysis.lacuna_commit = commit();
  analysis.elapsed_seconds = elapsed_seconds;
  analysis.started_us = now.count() - static_cast<std::int64_t>(elapsed_seconds * 1e6);
}

}  // namespace lacuna
