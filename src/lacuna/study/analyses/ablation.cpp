#include "lacuna/study/analyses/ablation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <map>
#include <set>
#include <tuple>

#include "lacuna/core/error.hpp"
#include "lacuna/core/version.hpp"
#include "lacuna/formats/script_names.hpp"
#include "lacuna/study/analyses/comparison.hpp"
#include "lacuna/study/analyses/matrix_origin.hpp"
#include "lacuna/study/pruning/prune_output.hpp"
#include "lacuna/study/pruning/store_prune.hpp"
#include "lacuna/study/report/report.hpp"

namespace lacuna {
namespace {
namespace fs = std::filesystem;

constexpr int kFolderDepth = 4;  // a study keeps its models two folders below its own

std::string projection_of(const std::string& component) {
  const auto dot = component.rfind('.');
  return dot == std::string::npos ? component : component.substr(dot + 1);
}

std::int64_t now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

AblationVariant variant_of(const RunRecord& run) { return {run_label(run), run.method, run.sparsity, run.n, run.m}; }

bool is_plain_folder(const std::string& reference) {
  std::error_code ignored;
  return fs::is_directory(reference, ignored) && !fs::exists(fs::path(reference) / "config.json", ignored);
}

// What a tree or a model without record tells of its run; an id of its own is left to the caller.
RunRecord described_run(const std::string& reference, const std::string& method, double sparsity, int n, int m) {
  RunRecord run;
  run.run_id = run.model = run.output = reference;
  run.method = method;
  run.sparsity = sparsity;
  run.n = n;
  run.m = m;
  run.lacuna_version = version();
  run.lacuna_commit = commit();
  run.started_us = now_us();
  return run;
}

// One source per method, pattern and sparsity.
void open_tree(const std::string& root, std::vector<AblationSource>& sources) {
  using Key = std::tuple<std::string, int, int, double>;
  std::set<Key> keys;
  for (const auto& file : scan_script_tree(root)) {
    const double fixed = file.pattern.m == 0 ? -1.0 : static_cast<double>(file.pattern.n) / file.pattern.m;
    keys.emplace(file.method, file.pattern.n, file.pattern.m, file.sparsity.value_or(fixed));
  }
  for (const auto& [method, n, m, sparsity] : keys) {
    MatrixSelection selection;
    if (!method.empty()) selection.method = method;
    selection.pattern = SparsityPattern{n, m};
    if (m == 0 && sparsity >= 0.0) selection.sparsity = sparsity;
    auto run = described_run(root, method, std::max(sparsity, 0.0), n, m);
    auto variant = variant_of(run);
    if (sparsity < 0.0) variant.sparsity.reset();
    if (method.empty()) variant.label = fmt::format("{}{}", fs::path(root).filename().string(), variant.label);
    run.run_id = fmt::format("{}:{}", root, variant.label);
    sources.push_back({std::move(variant), MatrixSet::open(root, selection), std::move(run), {}});
  }
}

AblationSource open_model(const std::string& reference) {
  auto set = MatrixSet::open(reference);
  const auto recipe = recorded_recipe(set);
  if (!recipe) {
    AblationVariant variant{fs::path(reference).filename().string(), "", std::nullopt, 0, 0};
    return {std::move(variant), std::move(set), described_run(reference, "", 0.0, 0, 0), {}};
  }
  auto record = read_output_record(fs::path(reference) / kRecordName);
  const RunRecord run = run_record({record.recipe, reference, {}, record.sparsity, 0.0});
  return {variant_of(run), std::move(set), run, std::move(record.matrices)};
}

// Folders of models below `folder`, in order of name.
void find_models(const fs::path& folder, int depth, std::vector<fs::path>& models) {
  std::vector<fs::path> inner;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, fs::directory_options::skip_permission_denied, ignored)) {
    if (entry.is_directory(ignored) && !entry.is_symlink(ignored)) inner.push_back(entry.path());
  }
  std::ranges::sort(inner);
  for (const auto& path : inner) {
    if (fs::exists(path / "config.json", ignored)) {
      models.push_back(path);
    } else if (depth > 1) {
      find_models(path, depth - 1, models);
    }
  }
}

// "3 files and 1 folder: a, b, …"
std::string contents(const fs::path& folder) {
  std::vector<std::string> names;
  std::size_t folders = 0;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    names.push_back(entry.path().filename().string());
    folders += entry.is_directory(ignored) ? 1 : 0;
  }
  std::ranges::sort(names);
  constexpr std::size_t kNamed = 4;
  const bool all = names.size() <= kNamed;
  const std::size_t files = names.size() - folders;
  if (!all) names.resize(kNamed);
  return fmt::format("{} file{} and {} folder{}{}{}{}", files, files == 1 ? "" : "s", folders, folders == 1 ? "" : "s",
                     names.empty() ? "" : ": ", fmt::join(names, ", "), all ? "" : ", …");
}

// The variants of a tree of the scripts' files, and the models below a folder.
void open_folder(const std::string& folder, std::vector<AblationSource>& sources) {
  const std::size_t before = sources.size();
  open_tree(folder, sources);
  std::vector<fs::path> models;
  find_models(folder, kFolderDepth, models);
  for (const auto& model : models) sources.push_back(open_model(model.string()));
  if (sources.size() != before) return;
  throw Error(ErrorCode::nothing_to_compare,
              fmt::format("expected folders of pruned models or the scripts' .pt files, got {}", contents(folder)))
      .at(folder)
      .hint("a model is a folder with config.json");
}

// What two variants differ in.
std::string across(const AblationVariant& a, const AblationVariant& b) {
  if (a.method.empty() || b.method.empty()) return "variants";
  const bool pattern = a.n == b.n && a.m == b.m;
  const bool sparsity = a.sparsity == b.sparsity;
  if (a.method != b.method) return pattern && sparsity ? "methods" : "variants";
  if (!pattern) return "patterns";
  return sparsity ? "variants" : "sparsities";
}

struct Similarities {
  std::vector<double> jaccard, cosine, hamming;

  void add(const ComparisonRecord& record) {
    jaccard.push_back(record.jaccard.mean);
    cosine.push_back(record.cosine.mean);
    hamming.push_back(record.hamming.mean);
  }
};

MeanStd mean_std(const std::vector<double>& values) {
  MeanStd result;
  const auto n = static_cast<double>(values.size());
  for (const double v : values) result.mean += v / n;
  for (const double v : values) result.std += (v - result.mean) * (v - result.mean) / n;
  result.std = std::sqrt(result.std);
  return result;
}

// Collects comparisons of pairs by projection.
class PairTable {
 public:
  void add(std::size_t a, std::size_t b, const ComparisonRecord& record) {
    pairs_[{projection_of(record.component), a, b}].add(record);
  }

  std::vector<AblationPair> rows(const std::vector<AblationVariant>& variants) const {
    std::vector<AblationPair> rows;
    for (const auto& [key, similarities] : pairs_) {
      AblationPair row;
      std::tie(row.projection, row.a, row.b) = key;
      const auto& a = variants[row.a];
      const auto& b = variants[row.b];
      row.across = across(a, b);
      row.layers = static_cast<int>(similarities.jaccard.size());
      row.jaccard = mean_std(similarities.jaccard);
      row.cosine = mean_std(similarities.cosine);
      row.hamming = mean_std(similarities.hamming);
      if (a.sparsity && b.sparsity) {
        const double p = 1.0 - *a.sparsity;
        const double q = 1.0 - *b.sparsity;
        row.jaccard_chance = p + q > p * q ? p * q / (p + q - p * q) : 0.0;
        row.hamming_chance = p + q - 2.0 * p * q;
      }
      rows.push_back(std::move(row));
    }
    std::ranges::stable_sort(rows, {}, [](const AblationPair& r) { return std::tie(r.projection, r.across); });
    return rows;
  }

 private:
  std::map<std::tuple<std::string, std::size_t, std::size_t>, Similarities> pairs_;
};

void require_pairs(const Ablation& ablation) {
  if (!ablation.pairs.empty()) return;
  throw Error(ErrorCode::nothing_to_compare, "no two variants differ in one thing only: method, pattern or sparsity")
      .hint("--all compares every pair");
}

}  // namespace

std::vector<AblationSource> open_variants(std::span<const std::string> references) {
  std::vector<AblationSource> sources;
  for (const auto& reference : references) {
    if (is_plain_folder(reference)) {
      open_folder(reference, sources);
    } else {
      sources.push_back(open_model(reference));
    }
  }
  if (sources.size() < 2) {
    throw Error(ErrorCode::invalid_argument, fmt::format("expected at least two variants, got {}", sources.size()))
        .hint("give several pruned models, a folder with several variants, or a study's sparsity.db");
  }
  std::map<std::string, int> seen;  // equal labels get their place
  for (auto& source : sources) {
    if (const int count = ++seen[source.variant.label]; count > 1) source.variant.label += fmt::format(" ({})", count);
  }
  return sources;
}

Ablation ablate(const std::vector<AblationSource>& sources, bool all_pairs, const RunContext& context) {
  Ablation ablation;
  for (const auto& source : sources) ablation.variants.push_back(source.variant);
  PairTable table;
  for (std::size_t a = 0; a < sources.size(); ++a) {
    for (std::size_t b = a + 1; b < sources.size(); ++b) {
      const bool known = !ablation.variants[a].method.empty() && !ablation.variants[b].method.empty();
      if (!all_pairs && known && across(ablation.variants[a], ablation.variants[b]) == "variants") continue;
      for (auto& matrix : compare_sets(sources[a].set, sources[b].set, context).matrices) {
        table.add(a, b, matrix.record);
        matrix.record.a = sources[a].run.run_id;
        matrix.record.b = sources[b].run.run_id;
        ablation.comparisons.push_back(std::move(matrix.record));
      }
    }
  }
  ablation.pairs = table.rows(ablation.variants);
  require_pairs(ablation);
  return ablation;
}

Ablation ablation_of(std::span<const RunRecord> runs, std::span<const ComparisonRecord> comparisons, bool all_pairs) {
  Ablation ablation;
  std::map<std::string, std::size_t> places;  // of run ids
  std::set<std::string> models;
  for (const auto& run : runs) models.insert(run.model);
  for (const auto& run : runs) {
    places[run.run_id] = ablation.variants.size();
    ablation.variants.push_back(variant_of(run));
    if (models.size() > 1) ablation.variants.back().label = run.model + " " + ablation.variants.back().label;
  }
  PairTable table;
  for (const auto& record : comparisons) {
    const auto a = places.find(record.a);
    const auto b = places.find(record.b);
    if (a == places.end() || b == places.end()) continue;
    const auto [low, high] = std::minmax(a->second, b->second);
    if (all_pairs || across(ablation.variants[low], ablation.variants[high]) != "variants")
      table.add(low, high, record);
  }
  ablation.pairs = table.rows(ablation.variants);
  return ablation;
}

Ablation ablate_stored(ResultSource& source, bool all_pairs) {
  const auto ablation = ablation_of(source.runs(), source.comparisons(), all_pairs);
  require_pairs(ablation);
  return ablation;
}

void store_ablation(const std::vector<AblationSource>& sources, const Ablation& ablation, ResultSink& sink,
                    ResultSource& stored) {
  std::set<std::string> known;
  for (const auto& run : stored.runs()) known.insert(run.run_id);
  RecordSet set(sink);
  for (const auto& source : sources) {
    if (source.run.method.empty() || !known.insert(source.run.run_id).second) continue;
    sink.write(source.run);
    sink.write(source.matrices);
  }
  for (const auto& comparison : ablation.comparisons) sink.write(comparison, {});
  set.commit();
}

}  // namespace lacuna
