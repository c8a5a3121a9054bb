#include "lacuna/study/pruning/prune_inputs.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "lacuna/core/atomic_file.hpp"
#include "lacuna/core/cpu.hpp"
#include "lacuna/core/digest.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/core/threads.hpp"
#include "lacuna/core/version.hpp"
#include "lacuna/formats/packed_mark.hpp"
#include "lacuna/tokenizer/tokenizer.hpp"

namespace lacuna {
namespace {

void check_options(const PruneRunOptions& options) {
  const auto known = prune_method_names();
  if (options.methods.empty()) throw Error(ErrorCode::missing_argument, "no method given").hint("--method wanda");
  for (const auto& method : options.methods) {
    if (std::find(known.begin(), known.end(), method) != known.end()) continue;
    throw Error(ErrorCode::invalid_argument,
                fmt::format("method: expected one of {}, got {}", fmt::join(known, ", "), method));
  }
  if (options.targets.empty()) {
    throw Error(ErrorCode::missing_argument, "neither a sparsity nor a pattern given")
        .hint("--sparsity 0.5, or --pattern 2:4");
  }
  if (options.out.empty()) throw Error(ErrorCode::missing_argument, "no output folder given").hint("--out DIR");
  if (!options.write_hf && !options.write_pt) {
    throw Error(ErrorCode::invalid_argument, "format: expected hf, pt, or both");
  }
}

StatisticsNeed most_needed(const PruneRunOptions& options) {
  auto need = StatisticsNeed::none;
  for (const auto& method : options.methods) {
    need = std::max(need, make_prune_method(method, options.method_options)->needs());
  }
  return need;
}

bool has_tokenizer(const std::filesystem::path& folder) {
  return std::filesystem::exists(folder / "tokenizer.json") || std::filesystem::exists(folder / "tokenizer.model");
}

CalibrationSet open_calibration(const PruneRunOptions& options, const Decoder& decoder) {
  if (options.calibration.empty()) {
    throw Error(ErrorCode::missing_argument, fmt::format("{} needs calibration data", fmt::join(options.methods, ", ")))
        .hint("--calib FILE: a text, a token .npy or .safetensors");
  }
  std::optional<Tokenizer> tokenizer;
  const auto& folder = decoder.checkpoint().folder();
  if (has_tokenizer(folder)) tokenizer = Tokenizer::open(folder);
  const auto source =
      read_token_source(options.calibration, tokenizer ? &*tokenizer : nullptr, decoder.config().vocab_size);
  return draw_calibration(source, options.samples, options.seqlen, options.seed);
}

PruneRecipe make_recipe(const PruneRunOptions& options, const std::string& method, const SparsityTarget& target,
                        const CalibrationSet& calibration, const std::string& weights_digest) {
  PruneRecipe recipe;
  recipe.model = options.model;
  recipe.weights_digest = weights_digest;
  recipe.method = method;
  recipe.target = target;
  recipe.options = options.method_options;
  recipe.true_sequential = options.true_sequential;
  recipe.compute = options.compute;
  recipe.threads = thread_count();
  recipe.isa = isa_name(isa_level());
  recipe.version = version();
  recipe.seed = options.seed;
  if (make_prune_method(method, options.method_options)->needs() == StatisticsNeed::none) return recipe;
  recipe.calibration = options.calibration;
  recipe.calibration_digest = calibration.digest;
  recipe.samples = calibration.samples;
  recipe.seqlen = calibration.seqlen;
  return recipe;
}

// An N:M pattern must divide the columns of every linear; found before hours of work.
void check_patterns(const PruneRunOptions& options, const DecoderConfig& config) {
  for (const auto& target : options.targets) {
    if (!target.structured()) continue;
    for (const auto& linear : layer_linears(config, 0)) {
      if (linear.cols % target.m == 0) continue;
      throw Error(ErrorCode::bad_pattern, fmt::format("pattern {}: expected {} columns of {} to be a multiple of {}",
                                                      target.label(), linear.cols, linear.component, target.m));
    }
  }
}

}  // namespace

std::string digest_model(const Checkpoint& model) {
  constexpr std::uint64_t kMaxConfigBytes = 64 << 20;
  Sha256 digest;
  const std::string config = read_file(model.config_path(), kMaxConfigBytes);
  digest.update(std::as_bytes(std::span(config.data(), config.size())));
  for (const auto& shard : model.shards()) {
    for (const auto& file : shard.files) digest.update(file->bytes());
  }
  model.check_intact();
  return digest.hex();
}

PruneInputs open_prune_inputs(const PruneRunOptions& options, bool digest_weights) {
  check_options(options);
  const Checkpoint model = Checkpoint::open(options.model);
  require_dense(model);
  PruneInputs inputs{Decoder::open(model), {}, {}, most_needed(options)};
  require_distinct_paths(options.out, inputs.decoder.checkpoint().folder());
  check_patterns(options, inputs.decoder.config());
  if (inputs.need != StatisticsNeed::none) inputs.calibration = open_calibration(options, inputs.decoder);
  const std::string digest = digest_weights ? digest_model(inputs.decoder.checkpoint()) : "";
  for (const auto& method : options.methods) {
    for (const auto& target : options.targets) {
      PruneJob job{fmt::format("{}-{}", method, target.script_name()),
                   make_recipe(options, method, target, inputs.calibration, digest)};
      const auto same = [&](const PruneJob& other) { return other.name == job.name; };
      if (std::none_of(inputs.jobs.begin(), inputs.jobs.end(), same)) inputs.jobs.push_back(std::move(job));
    }
  }
  return inputs;
}

}  // namespace lacuna
