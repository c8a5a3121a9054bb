// A study: models × methods × targets, and what to measure and draw, read from a TOML file.
//
// docs/study.md lists every key with its default. Paths are relative to the study file, except `out`, which is relative
// to the current folder (an option may override it). An unknown key is an error: a typing mistake must not change a
// study.
//
// Errors  bad_study_file with line, key, expected and got; bad_pattern.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "lacuna/prune/method.hpp"
#include "lacuna/prune/target.hpp"
#include "lacuna/study/analyses/structure.hpp"
#include "lacuna/study/pruning/prune_recipe.hpp"
#include "lacuna/study/study_analyses.hpp"

namespace lacuna {

struct StudyModel {
  std::string name;
  std::string reference;  // folder, or hub id
};

// A text from a file, or sampled from each model itself: then perplexity measures divergence from the dense model.
struct StudyText {
  std::string name;
  std::filesystem::path file;  // empty: generated
  std::int64_t sequences = 0;  // generated
  std::int64_t seqlen = 0;
  double temperature = 1.0;
  std::uint64_t seed = 0;
};

struct StudyCalibration {
  std::string text;
  std::int64_t samples = 32;
  std::int64_t seqlen = 256;
  std::uint64_t seed = 0;
};

struct StudyEvaluation {
  std::string text;
  std::int64_t seqlen = 512;
  bool against_dense = true;
};

struct Study {
  std::filesystem::path file;
  std::string name;
  std::string description;
  std::filesystem::path out;
  std::vector<StudyModel> models;
  std::vector<StudyText> texts;
  StudyCalibration calibration;
  std::vector<std::string> methods;
  std::vector<SparsityTarget> targets;
  PruneOptions options;
  bool true_sequential = false;
  Compute compute = Compute::f32;
  bool write_pt = false;
  std::vector<StudyEvaluation> evaluations;
  bool compare = true;
  StructureOptions structure;
  ClusterStudy cluster;
  CoherenceStudy coherence;
  std::optional<ActivationStudy> activations;  // of each dense model
  std::vector<std::string> spy_matrices;       // "{layer}.{component}"
  std::string digest;                          // SHA-256 of the file

  const StudyText& text(const std::string& name) const;
};

Study read_study(const std::filesystem::path& path);

}  // namespace lacuna
