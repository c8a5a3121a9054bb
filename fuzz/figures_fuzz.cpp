// Any bytes as a recorded result, for every figure: an Error that names the document or the request, or a chart whose
// specification is JSON. The first byte chooses the figure and its options.
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>

#include "lacuna/core/error.hpp"
#include "lacuna/study/figures/figures.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto& kinds = lacuna::figure_kinds();
  const std::string kind(kinds[data[0] % 32 % kinds.size()].name);
  lacuna::FigureOptions options;
  if ((data[0] & 32) != 0) options.k = 2;
  if ((data[0] & 64) != 0) options.run = 1;
  if ((data[0] & 128) != 0) options.metric = "jaccard";
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    const auto chart = lacuna::draw_figure(kind, {{"document", text}}, options);
    if (!nlohmann::json::accept(chart.spec) || chart.description.empty()) std::abort();
  } catch (const lacuna::Error& error) {
    if (error.code() == lacuna::ErrorCode::internal) std::abort();
  }
  return 0;
}
