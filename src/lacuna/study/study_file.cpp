#include "lacuna/study/study_file.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <toml++/toml.h>
#include <algorithm>
#include <cmath>

#include "lacuna/cluster/group_metrics.hpp"
#include "lacuna/core/atomic_file.hpp"
#include "lacuna/core/digest.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/formats/script_names.hpp"
#include "lacuna/study/toml_depth.hpp"

namespace lacuna {
namespace {
namespace fs = std::filesystem;

constexpr std::uint64_t kMaxStudyBytes = 1 << 20;

std::string_view type_name(const toml::node& node) {
  if (node.is_string()) return "a string";
  if (node.is_integer()) return "an integer";
  if (node.is_floating_point()) return "a number";
  if (node.is_boolean()) return "a boolean";
  if (node.is_array()) return "an array";
  if (node.is_table()) return "a table";
  return "a date";
}

// One table of the file: typed access with defaults; every key must have been asked for by the end.
class Section {
 public:
  Section(const toml::table& table, std::string name, const fs::path& file)
      : table_(table), name_(std::move(name)), file_(file) {}

  Error error(const toml::node* node, const std::string& key, const std::string& message) const {
    const auto line = node != nullptr ? node->source().begin.line : table_.source().begin.line;
    Error result(ErrorCode::bad_study_file, fmt::format("line {}: {}{}{}: {}", line, name_,
                                                        name_.empty() || key.empty() ? "" : ".", key, message));
    result.at(file_);
    return result;
  }

  template <typename T>
  std::optional<T> find(const std::string& key, std::string_view expected) {
    known_.push_back(key);
    const auto* node = table_.get(key);
    if (node == nullptr) return std::nullopt;
    const auto value = node->value<T>();
    if (!value) throw error(node, key, fmt::format("expected {}, got {}", expected, type_name(*node)));
    return value;
  }

  std::string text(const std::string& key) {
    const auto value = find<std::string>(key, "a string");
    if (!value || value->empty()) throw error(nullptr, key, "expected a string, the key is missing or empty");
    return *value;
  }
  std::string text(const std::string& key, const std::string& fallback) {
    return find<std::string>(key, "a string").value_or(fallback);
  }
  bool flag(const std::string& key, bool fallback) { return find<bool>(key, "true or false").value_or(fallback); }
  double number(const std::string& key, double fallback) {
    const auto value = find<double>(key, "a number").value_or(fallback);
    if (!std::isfinite(value)) throw error(table_.get(key), key, fmt::format("expected a number, got {}", value));
    return value;
  }

  std::int64_t integer(const std::string& key, std::int64_t fallback, std::int64_t low, std::int64_t high) {
    const auto value = find<std::int64_t>(key, "an integer").value_or(fallback);
    if (value < low || value > high) {
      throw error(table_.get(key), key, fmt::format("expected an integer from {} to {}, got {}", low, high, value));
    }
    return value;
  }

  template <typename T>
  std::vector<T> list(const std::string& key, std::string_view expected) {
    known_.push_back(key);
    std::vector<T> values;
    const auto* node = table_.get(key);
    if (node == nullptr) return values;
    const auto* array = node->as_array();
    if (array == nullptr) throw error(node, key, fmt::format("expected an array, got {}", type_name(*node)));
    for (const auto& element : *array) {
      const auto value = element.value<T>();
      if (!value) throw error(&element, key, fmt::format("expected {}, got {}", expected, type_name(element)));
      values.push_back(*value);
    }
    return values;
  }

  std::optional<Section> table(const std::string& key) {
    known_.push_back(key);
    const auto* node = table_.get(key);
    if (node == nullptr) return std::nullopt;
    if (!node->is_table()) throw error(node, key, fmt::format("expected a table, got {}", type_name(*node)));
    return Section(*node->as_table(), qualified(key), file_);
  }

  std::vector<Section> tables(const std::string& key) {
    known_.push_back(key);
    std::vector<Section> sections;
    const auto* node = table_.get(key);
    if (node == nullptr) return sections;
    const auto* array = node->as_array();
    if (array == nullptr) throw error(node, key, fmt::format("expected an array of tables, got {}", type_name(*node)));
    for (const auto& element : *array) {
      if (!element.is_table()) throw error(&element, key, fmt::format("expected a table, got {}", type_name(element)));
      sections.emplace_back(*element.as_table(), qualified(key), file_);
    }
    return sections;
  }

  void reject_unknown_keys() const {
    for (const auto& [key, node] : table_) {
      const std::string name(key.str());
      if (std::find(known_.begin(), known_.end(), name) != known_.end()) continue;
      throw error(&node, name, fmt::format("unknown key; expected one of {}", fmt::join(known_, ", ")));
    }
  }

 private:
  std::string qualified(const std::string& key) const { return name_.empty() ? key : name_ + "." + key; }

  const toml::table& table_;
  std::string name_;
  const fs::path& file_;
  std::vector<std::string> known_;
};

fs::path beside(const fs::path& file, const std::string& path) {
  return fs::path(path).is_absolute() ? fs::path(path) : file.parent_path() / path;
}

std::vector<StudyModel> read_models(Section& root, const fs::path& file) {
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

std::vector<StudyText> read_texts(Section& root, const fs::path& file) {
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
      text.seed = static_cast<std::uint64_t>(generate->integer("seed", 0, 0, INT64_MAX));
      generate->reject_unknown_keys();
    } else if (path.empty()) {
      throw section.error(nullptr, "", "expected file or generate");
    }
    section.reject_unknown_keys();
    texts.push_back(std::move(text));
  }
  return texts;
}

void read_calibration(Section& root, Study& study) {
  auto section = root.table("calibration");
  if (!section) return;
  study.calibration.text = section->text("text");
  study.calibration.samples = section->integer("samples", 32, 1, 1'000'000);
  study.calibration.seqlen = section->integer("seqlen", 256, 1, 1'000'000);
  study.calibration.seed = static_cast<std::uint64_t>(section->integer("seed", 0, 0, INT64_MAX));
  section->reject_unknown_keys();
}

void read_prune(Section& root, Study& study) {
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

void read_evaluations(Section& root, Study& study) {
  for (auto& section : root.tables("evaluate")) {
    StudyEvaluation evaluation;
    evaluation.text = section.text("text");
    evaluation.seqlen = section.integer("seqlen", 512, 2, 1'000'000);
    evaluation.against_dense = section.flag("against_dense", true);
    section.reject_unknown_keys();
    study.evaluations.push_back(std::move(evaluation));
  }
}

void read_structure(Section& root, Study& study) {
  auto section = root.table("structure");
  if (!section) return;
  study.structure.matrices = section->list<std::string>("matrices", "a string such as \"0.mlp.down_proj\"");
  for (const auto& key : study.structure.matrices) {
    if (parse_mask_key(key)) continue;
    throw section->error(nullptr, "matrices", fmt::format("expected LAYER.COMPONENT, got {}", key));
  }
  study.structure.block = section->integer("block", 8, 1, kMaxGroupSize);
  study.structure.draws = section->integer("draws", 100, 1, 1'000'000);
  study.structure.seed = static_cast<std::uint64_t>(section->integer("seed", 0, 0, INT64_MAX));
  section->reject_unknown_keys();
}

void require_texts(const Section& root, const Study& study) {
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
  Section root(table, "", path);
  study.name = root.text("name", path.stem().string());
  study.description = root.text("description", "");
  study.out = root.text("out", "out/" + study.name);
  study.models = read_models(root, path);
  study.texts = read_texts(root, path);
  read_calibration(root, study);
  read_prune(root, study);
  read_evaluations(root, study);
  read_structure(root, study);
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
