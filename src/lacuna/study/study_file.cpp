#include "lacuna/study/study_file.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <toml++/toml.h>
#include <algorithm>

#include "lacuna/cluster/group_metrics.hpp"
#include "lacuna/core/atomic_file.hpp"
#include "lacuna/core/digest.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/study/toml_depth.hpp"
#include "lacuna/study/toml_section.hpp"

namespace lacuna {
namespace {
namespace fs = std::filesystem;

constexpr std::uint64_t kMaxStudyBytes = 1 << 20;
constexpr std::int64_t kMaxDraws = 1'000'000;

fs::path beside(const fs::path& file, const std::string& path) {
  return fs::path(path).is_absolute() ? fs::path(path) : file.parent_path() / path;
}

std::vector<StudyModel> read_models(TomlSection& root, const fs::path& file) {
  std::vector<StudyModel> models;
  for (auto& section : root.tables("model")) {
    StudyModel model;
    const std::string path = section.text("path");
    model.reference = fs::exists(beside(file, path)) ? beside(file, path).string() : path;  // else a hub id
    model.name = section.text("name", fs::path(path).filename().string());
    section.reject_unknown_keys();
    models.push_back(std::move(model));
  }
  if (models.empty()) throw root.error(nullptr, "model", "expected at least one [[model]]");
  return models;
}

std::vector<StudyText> read_texts(TomlSection& root, const fs::path& file) {
  std::vector<StudyText> texts;
  for (auto& section : root.tables("text")) {
    StudyText text;
    text.name = section.text("name");
    const std::string path = section.text("file", "");
    if (!path.empty()) text.file = beside(file, path);
    if (auto generate = section.table("generate")) {
      if (!path.empty()) throw generate->error(nullptr, "", "expected either file or generate, got both");
      text.sequences = generate->integer("sequences", 32, 1, 1'000'000);
      text.seqlen = generate->integer("seqlen", 256, 2, 1'000'000);
      text.temperature = generate->number("temperature", 1.0);
      text.seed = generate->seed();
      generate->reject_unknown_keys();
    } else if (path.empty()) {
      throw section.error(nullptr, "", "expected file or generate");
    }
    section.reject_unknown_keys();
    texts.push_back(std::move(text));
  }
  return texts;
}

void read_calibration(TomlSection& root, Study& study) {
  auto section = root.table("calibration");
  if (!section) return;
  study.calibration.text = section->text("text");
  study.calibration.samples = section->integer("samples", 32, 1, 1'000'000);
  study.calibration.seqlen = section->integer("seqlen", 256, 1, 1'000'000);
  study.calibration.seed = section->seed();
  section->reject_unknown_keys();
}

void read_prune(TomlSection& root, Study& study) {
  auto section = root.table("prune");
  if (!section) throw root.error(nullptr, "prune", "expected a [prune] table");
  study.methods = section->list<std::string>("methods", "a string");
  const auto known = prune_method_names();
  for (const auto& method : study.methods) {
    if (std::find(known.begin(), known.end(), method) != known.end()) continue;
    throw section->error(nullptr, "methods", fmt::format("expected one of {}, got {}", fmt::join(known, ", "), method));
  }
  for (const double sparsity : section->list<double>("sparsities", "a number"))
    study.targets.push_back(unstructured(sparsity));
  for (const auto& pattern : section->list<std::string>("patterns", "a string such as \"2:4\"")) {
    study.targets.push_back(parse_pattern(pattern));
  }
  if (study.methods.empty()) throw section->error(nullptr, "methods", "expected at least one method");
  if (study.targets.empty()) throw section->error(nullptr, "sparsities", "expected at least one sparsity or pattern");
  study.true_sequential = section->flag("true_sequential", false);
  study.write_pt = section->flag("write_pt", false);
  study.options.wanda_use_variant = section->flag("wanda_use_variant", false);
  study.options.sparsegpt_block_size = static_cast<int>(section->integer("sparsegpt_block_size", 128, 1, 1 << 20));
  study.options.sparsegpt_damping = section->number("sparsegpt_damping", 0.01);
  const std::string compute = section->text("compute", "f32");
  if (compute != "f32" && compute != "bf16") {
    throw section->error(nullptr, "compute", fmt::format("expected f32 or bf16, got {}", compute));
  }
  study.compute = parse_compute(compute);
  section->reject_unknown_keys();
}

void read_evaluations(TomlSection& root, Study& study) {
  for (auto& section : root.tables("evaluate")) {
    StudyEvaluation evaluation;
    evaluation.text = section.text("text");
    evaluation.seqlen = section.integer("seqlen", 512, 2, 1'000'000);
    evaluation.against_dense = section.flag("against_dense", true);
    section.reject_unknown_keys();
    study.evaluations.push_back(std::move(evaluation));
  }
}

void read_structure(TomlSection& root, Study& study) {
  auto section = root.table("structure");
  if (!section) return;
  study.structure.matrices = section->matrices();
  study.structure.block = section->integer("block", 8, 1, kMaxGroupSize);
  study.structure.draws = section->integer("draws", 100, 1, kMaxDraws);
  study.structure.seed = section->seed();
  section->reject_unknown_keys();
}

void read_cluster(TomlSection& root, Study& study) {
  auto section = root.table("cluster");
  if (!section) return;
  auto& cluster = study.cluster;
  cluster.matrices = section->matrices();
  cluster.run.n = section->integer("n", 128, 2, PointGram::kMaxPoints);
  const auto ks = section->list<std::int64_t>("k", "an integer");
  if (!ks.empty()) cluster.run.k.clear();
  for (const auto k : ks) {
    if (k < 1 || k > cluster.run.n) {
      throw section->error(nullptr, "k", fmt::format("expected integers from 1 to {}, got {}", cluster.run.n, k));
    }
    cluster.run.k.push_back(static_cast<int>(k));
  }
  cluster.run.seeds = static_cast<int>(section->integer("seeds", 10, 1, 100'000));
  cluster.run.initialisations = static_cast<int>(section->integer("inits", 10, 1, 10'000));
  cluster.draws = section->integer("draws", 100, 1, kMaxDraws);
  cluster.run.seed = section->seed();
  section->reject_unknown_keys();
}

void read_coherence(TomlSection& root, Study& study) {
  auto section = root.table("coherence");
  if (!section) return;
  auto& coherence = study.coherence;
  coherence.matrices = section->matrices();
  const auto orders = section->list<std::string>("orders", "a string");
  if (!orders.empty()) coherence.orders = orders;
  for (const auto& order : orders) {
    if (is_order_name(order)) continue;
    throw section->error(nullptr, "orders",
                         fmt::format("expected some of {}, got {}", fmt::join(order_names(), ", "), order));
  }
  coherence.order.block = section->integer("block", 8, 1, kMaxGroupSize);
  coherence.order.k = static_cast<int>(section->integer("k", 16, 1, 1 << 20));
  coherence.draws = section->integer("draws", 100, 1, kMaxDraws);
  coherence.seed = section->seed();
  section->reject_unknown_keys();
}

void read_activations(TomlSection& root, Study& study) {
  auto section = root.table("activations");
  if (!section) return;
  auto& activations = study.activations.emplace();
  activations.text = section->text("text");
  activations.samples = section->integer("samples", 32, 1, 1'000'000);
  activations.seqlen = section->integer("seqlen", 256, 1, 1'000'000);
  activations.seed = section->seed();
  const auto targets = section->list<double>("sparsities", "a number");
  if (!targets.empty()) activations.options.targets = targets;
  const double active = section->number("coactivation", 0.5);
  for (const double share : {targets.empty() ? 0.5 : *std::ranges::min_element(targets),
                             targets.empty() ? 0.5 : *std::ranges::max_element(targets), active}) {
    if (share > 0.0 && share < 1.0) continue;
    throw section->error(nullptr, "sparsities", fmt::format("expected numbers between 0 and 1, got {}", share));
  }
  activations.options.coactivation = active;
  activations.options.greedy = section->flag("greedy", false);
  activations.options.compute = study.compute;
  section->reject_unknown_keys();
}

void require_texts(const TomlSection& root, const Study& study) {
  const auto check = [&](const std::string& name, const std::string& where) {
    const auto same = [&](const StudyText& text) { return text.name == name; };
    if (std::none_of(study.texts.begin(), study.texts.end(), same)) {
      throw root.error(nullptr, where, fmt::format("expected the name of a [[text]], got {}", name));
    }
  };
  for (const auto& evaluation : study.evaluations) check(evaluation.text, "evaluate.text");
  const bool calibrated = std::any_of(study.methods.begin(), study.methods.end(), [](const std::string& method) {
    return make_prune_method(method, {})->needs() != StatisticsNeed::none;
  });
  if (study.activations) check(study.activations->text, "activations.text");
  if (calibrated || !study.calibration.text.empty()) check(study.calibration.text, "calibration.text");
}

}  // namespace

const StudyText& Study::text(const std::string& wanted) const {
  const auto found = std::find_if(texts.begin(), texts.end(), [&](const StudyText& t) { return t.name == wanted; });
  LACUNA_ASSERT(found != texts.end());  // read_study() checked every reference
  return *found;
}

namespace {

Study parse_study(const std::string& content, const fs::path& path) {
  refuse_deep_keys(content);
  toml::table table;
  try {
    table = toml::parse(content, path.string());
  } catch (const toml::parse_error& error) {
    throw Error(ErrorCode::bad_study_file, fmt::format("line {}: {}", error.source().begin.line, error.description()));
  }
  Study study;
  study.file = path;
  study.digest = sha256_hex(std::as_bytes(std::span(content.data(), content.size())));
  TomlSection root(table, "", path);
  study.name = root.text("name", path.stem().string());
  study.description = root.text("description", "");
  study.out = root.text("out", "out/" + study.name);
  study.models = read_models(root, path);
  study.texts = read_texts(root, path);
  read_calibration(root, study);
  read_prune(root, study);
  read_evaluations(root, study);
  read_structure(root, study);
  read_cluster(root, study);
  read_coherence(root, study);
  read_activations(root, study);
  study.compare = root.flag("compare", true);
  study.spy_matrices = root.list<std::string>("spy", "a string such as \"0.mlp.down_proj\"");
  root.reject_unknown_keys();
  require_texts(root, study);
  return study;
}

}  // namespace

Study read_study(const fs::path& path) {
  const std::string content = read_file(path, kMaxStudyBytes);
  try {
    return parse_study(content, path);
  } catch (Error& error) {
    if (error.path().empty()) error.at(path);
    throw;
  }
}

}  // namespace lacuna
