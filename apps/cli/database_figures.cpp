#include "database_figures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <set>

#include "cli.hpp"
#include "lacuna/bench/kernel_bench.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/prune/target.hpp"
#include "lacuna/store/query.hpp"
#include "lacuna/study/figures/figures.hpp"

namespace lacuna::cli {
namespace {
namespace fs = std::filesystem;

std::string text_at(const QueryTable& table, std::size_t row, std::size_t column) {
  return table.at(row, column).value_or("");
}

std::int64_t integer_at(const QueryTable& table, std::size_t row, std::size_t column) {
  return std::strtoll(text_at(table, row, column).c_str(), nullptr, 10);
}

double number_at(const QueryTable& table, std::size_t row, std::size_t column) {
  const auto& cell = table.at(row, column);
  return cell ? std::strtod(cell->c_str(), nullptr) : std::nan("");
}

std::string short_name(const std::string& reference) {
  const auto name = fs::path(reference).filename().string();
  return name.empty() ? reference : name;
}

// The one that was asked for among those stored. `what`: "model", "dataset".
std::string choose(const std::set<std::string>& stored, const std::string& wanted, const std::string& what,
                   const fs::path& database) {
  if (stored.empty()) throw Error(ErrorCode::invalid_argument, "the database holds nothing to draw").at(database);
  if (wanted.empty() && stored.size() == 1) return *stored.begin();
  std::string list;
  std::vector<std::string> found;
  for (const auto& name : stored) {
    list += (list.empty() ? "" : ", ") + name;
    if (name == wanted) return name;
    if (short_name(name) == wanted) found.push_back(name);
  }
  if (found.size() == 1) return found.front();
  throw Error(ErrorCode::invalid_argument, wanted.empty()
                                               ? fmt::format("the database holds {} {}s: {}", stored.size(), what, list)
                                               : fmt::format("{} '{}': expected one of {}", what, wanted, list))
      .at(database)
      .hint(fmt::format("choose one: --{} {}", what, short_name(*stored.begin())));
}

std::set<std::string> column_of(const QueryTable& table, std::size_t column) {
  std::set<std::string> values;
  for (std::size_t row = 0; row < table.rows(); ++row) values.insert(text_at(table, row, column));
  return values;
}

constexpr const char* kPerplexities = R"(
  select coalesce(r.model, e.model) as model, e.dataset, e.run_id, coalesce(r.method, ''), coalesce(r.n, 0), coalesce(r.m, 0),
    coalesce((select sum(m.sparsity * m."rows" * m.cols) / sum(m."rows" * m.cols) from matrices m where m.run_id = e.run_id),
             r.sparsity, 0),
    e.perplexity, e.perplexity_stderr, e.windows, e.seqlen
  from evaluations e left join runs r using (run_id)
  where e.run_id = '' or r.run_id is not null
  order by 4, 5, 6, 7, e.started)";

constexpr const char* kSimilarities = R"(
  select a.model, c.layer, a.run_id, a.method, a.sparsity, a.n, a.m, b.run_id, b.method, b.sparsity, b.n, b.m,
    avg(c.jaccard_mean), avg(c.cosine_mean), avg(c.hamming_mean), count(*)
  from comparisons c join runs a on a.run_id = c.a join runs b on b.run_id = c.b
  where a.model = b.model group by all order by c.layer, a.method, a.n, a.sparsity, b.method, b.n, b.sparsity)";

std::string run_name(const QueryTable& table, std::size_t row, std::size_t column) {
  const SparsityTarget target{number_at(table, row, column + 1), static_cast<int>(number_at(table, row, column + 2)),
                              static_cast<int>(number_at(table, row, column + 3))};
  return fmt::format("{} {}", text_at(table, row, column), target.label());
}

struct Similarities {
  std::vector<std::string> names;  // of runs, in order of first appearance
  std::map<int, std::map<std::pair<std::string, std::string>, double>> by_layer;
};

Similarities read_similarities(const QueryTable& table, const std::string& model, std::size_t measure) {
  Similarities all;
  const auto add_name = [&](const std::string& name) {
    if (std::find(all.names.begin(), all.names.end(), name) == all.names.end()) all.names.push_back(name);
  };
  for (std::size_t row = 0; row < table.rows(); ++row) {
    if (text_at(table, row, 0) != model) continue;
    const auto a = run_name(table, row, 3);
    const auto b = run_name(table, row, 8);
    add_name(a);
    add_name(b);
    all.by_layer[static_cast<int>(number_at(table, row, 1))][std::minmax(a, b)] = number_at(table, row, 12 + measure);
  }
  std::sort(all.names.begin(), all.names.end());
  return all;
}

// Not those of --matrix-of, which are of one matrix's own zeros; what they read is not recorded.
constexpr const char* kSpeeds = R"(
  select device, isa, threads, kernel, dtype, "rows", cols, sparsity, format, dense_us / median_us,
    "rows" * cols * (case dtype when 'f32' then 4 else 2 end) / (1e3 * gb_per_s * median_us)
  from benchmarks
  where kernel in ('activation', 'packed', 'mmm') and batch = 1 and median_us > 0 and dense_us > 0 and gb_per_s > 0
  qualify started = max(started) over (partition by device, isa, threads, kernel, dtype, "rows", cols)
  order by all)";
constexpr std::size_t kRunColumns = 5;    // of kSpeeds, that tell documents apart
constexpr std::size_t kShapeColumns = 7;  // and shapes

bool same_start(const QueryTable& table, std::size_t a, std::size_t b, std::size_t columns) {
  for (std::size_t column = 0; column < columns; ++column) {
    if (table.at(a, column) != table.at(b, column)) return false;
  }
  return true;
}

// The rows from `row` on that are of its shape; row: the first of another.
Json speed_shape(const QueryTable& table, std::size_t& row) {
  const std::size_t first = row;
  Json points = Json::array();
  std::vector<KernelTiming> timings;
  for (; row < table.rows() && same_start(table, first, row, kShapeColumns); ++row) {
    const double speedup = number_at(table, row, 9);
    points.push_back({{"sparsity", number_at(table, row, 7)},
                      {"format", text_at(table, row, 8)},
                      {"speedup", speedup},
                      {"ideal_speedup", number_at(table, row, 10)}});
    KernelTiming& timing = timings.emplace_back();
    timing.sparsity = number_at(table, row, 7);
    timing.dense.median = speedup;
    timing.time.median = 1.0;
  }
  const auto from = break_even(timings);
  return {{"rows", integer_at(table, first, 5)},
          {"cols", integer_at(table, first, 6)},
          {"break_even", from ? Json(*from) : Json(nullptr)},
          {"timings", points}};
}

}  // namespace

Chart perplexity_figure(const DatabaseFigure& figure, const RunContext& context) {
  const auto table = query_store(figure.database, kPerplexities, context);
  const auto model = choose(column_of(table, 0), figure.model, "model", figure.database);
  std::set<std::string> datasets;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    if (text_at(table, row, 0) == model) datasets.insert(text_at(table, row, 1));
  }
  const auto dataset = choose(datasets, figure.dataset, "dataset", figure.database);
  PerplexityChart chart;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    if (text_at(table, row, 0) != model || text_at(table, row, 1) != dataset) continue;
    const double perplexity = number_at(table, row, 7);
    chart.subtitle = fmt::format("{} on {}: {} windows of {} tokens", short_name(model), short_name(dataset),
                                 text_at(table, row, 9), text_at(table, row, 10));
    if (text_at(table, row, 2).empty()) {
      chart.dense = perplexity;
      continue;
    }
    const double error = number_at(table, row, 8);
    const auto m = text_at(table, row, 5);
    chart.points.push_back({text_at(table, row, 3), m == "0" ? "unstructured" : text_at(table, row, 4) + ":" + m,
                            number_at(table, row, 6), perplexity, std::isfinite(error) ? error : 0.0});
  }
  if (!figure.title.empty()) chart.title = figure.title;
  return perplexity_chart(chart);
}

Chart similarity_figure(const DatabaseFigure& figure, const RunContext& context) {
  static const std::map<std::string, std::pair<std::size_t, std::string>> kMeasures = {
      {"jaccard", {0, "Jaccard similarity"}},
      {"cosine", {1, "cosine similarity"}},
      {"hamming", {2, "Hamming distance"}}};
  const auto measure = kMeasures.find(figure.metric.empty() ? "jaccard" : figure.metric);
  if (measure == kMeasures.end()) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("metric: expected jaccard or cosine or hamming, got '{}'", figure.metric));
  }
  const auto table = query_store(figure.database, kSimilarities, context);
  const auto model = choose(column_of(table, 0), figure.model, "model", figure.database);
  const auto all = read_similarities(table, model, measure->second.first);
  const double itself = measure->first == "hamming" ? 0.0 : 1.0;
  SimilarityChart chart;
  chart.title = "Similarity of the patterns kept";
  chart.subtitle = fmt::format("{}: mean over the features and matrices of a layer", short_name(model));
  chart.measure = measure->second.second;
  if (measure->first == "hamming") chart.low = 0.0;
  for (const auto& [layer, pairs] : all.by_layer) {
    SimilarityPanel panel{fmt::format("layer {}", layer), all.names, {}};
    for (const auto& a : all.names) {
      for (const auto& b : all.names) {
        const auto found = pairs.find(std::minmax(a, b));
        panel.values.push_back(a == b ? itself : found == pairs.end() ? std::nan("") : found->second);
      }
    }
    chart.panels.push_back(std::move(panel));
  }
  if (!figure.title.empty()) chart.title = figure.title;
  return similarity_chart(chart);
}

Chart recorded_speed_figure(const DatabaseFigure& figure, const RunContext& context) {
  const auto table = query_store(figure.database, kSpeeds, context);
  if (table.rows() == 0) {
    throw Error(ErrorCode::invalid_argument, "the database holds no times of bench gemv, pack or mmm")
        .at(figure.database)
        .hint(fmt::format("lacuna bench pack --db {} measures", figure.database.string()));
  }
  std::vector<RecordedResult> documents;
  for (std::size_t row = 0; row < table.rows();) {
    const std::size_t first = row;
    Json shapes = Json::array();
    while (row < table.rows() && same_start(table, first, row, kRunColumns)) shapes.push_back(speed_shape(table, row));
    const Json document = {{"device", text_at(table, first, 0)},     {"isa", text_at(table, first, 1)},
                           {"threads", integer_at(table, first, 2)}, {"kernel", text_at(table, first, 3)},
                           {"dtype", text_at(table, first, 4)},      {"shapes", shapes}};
    documents.push_back({figure.database.string(), document.dump(-1, ' ', false, Json::error_handler_t::replace)});
  }
  FigureOptions options;
  options.title = figure.title;
  options.metric = figure.metric;
  return draw_figure("speed", documents, options);
}

}  // namespace lacuna::cli
