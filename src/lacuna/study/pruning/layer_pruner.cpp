#include "lacuna/study/pruning/layer_pruner.hpp"

#include <fmt/format.h>

#include "lacuna/core/error.hpp"

namespace lacuna {
namespace {

constexpr InputGroup kGroups[] = {InputGroup::attention, InputGroup::attention_output, InputGroup::mlp,
                                  InputGroup::mlp_output};

// A method's error says what is wrong; this adds where.
PruneReport prune_linear(Linear& linear, const InputStatistics* statistics, std::int64_t layer, PruneMethod& method,
                         const SparsityTarget& target, const RunContext& context) {
  const auto where = fmt::format("layer {} {}", layer, linear.spec.component);
  RunContext located = context;
  if (context.warning) {
    located.warning = [&](const std::string& message) { context.warn(fmt::format("{}: {}", where, message)); };
  }
  try {
    return method.prune(linear.weights.view(), statistics, target, located);
  } catch (const Error& error) {
    Error placed(error.code(), fmt::format("{}: {}", where, error.message()));
    placed.hint(error.hint());
    throw placed;
  }
}

}  // namespace

LayerPruner::LayerPruner(const Decoder& decoder, const CalibrationSet& calibration, Compute compute)
    : decoder_(decoder), calibration_(calibration), forward_(decoder.config(), compute) {}

Matrix<float> LayerPruner::embed() const {
  Matrix<float> activations(calibration_.samples * calibration_.seqlen, decoder_.config().hidden_size);
  decoder_.embed(calibration_.tokens, calibration_.seqlen, activations.view());
  return activations;
}

GroupStatistics LayerPruner::gather(const LayerWeights& layer, const Matrix<float>& activations, GroupRange groups,
                                    StatisticsNeed need) {
  GroupStatistics statistics;
  if (need == StatisticsNeed::none) return statistics;
  forward_.capture(layer, activations.view(), calibration_.seqlen, groups, [&](const TappedInput& tap) {
    statistics.try_emplace(tap.group, need, tap.input.cols).first->second.add_sequences(tap.input, tap.sequences);
  });
  return statistics;
}

std::vector<PruneReport> LayerPruner::prune(LayerWeights& layer, const GroupStatistics& statistics, PruneMethod& method,
                                            const SparsityTarget& target, const RunContext& context) const {
  std::vector<PruneReport> reports;
  for (auto& linear : layer.linears) {
    context.check_stop();
    const auto found = statistics.find(linear.spec.group);
    const auto* inputs = found == statistics.end() ? nullptr : &found->second;
    reports.push_back(prune_linear(linear, inputs, layer.index, method, target, context));
  }
  return reports;
}

std::vector<PruneReport> LayerPruner::prune_sequentially(LayerWeights& layer, const Matrix<float>& activations,
                                                         PruneMethod& method, const SparsityTarget& target,
                                                         const RunContext& context) {
  std::vector<PruneReport> reports;
  for (const auto group : kGroups) {
    const auto statistics = gather(layer, activations, {group, group}, method.needs());
    for (auto& linear : layer.linears) {
      if (linear.spec.group != group) continue;
      context.check_stop();
      const auto found = statistics.find(group);
      const auto* inputs = found == statistics.end() ? nullptr : &found->second;
      reports.push_back(prune_linear(linear, inputs, layer.index, method, target, context));
    }
  }
  return reports;
}

void LayerPruner::advance(const LayerWeights& layer, Matrix<float>& activations) {
  forward_.run(layer, activations.view(), calibration_.seqlen);
}

void replace_weights(LayerWeights& layer, std::vector<PrunedLinear> linears) {
  for (auto& linear : linears) {
    Linear* into = layer.find(linear.component);
    if (into == nullptr || into->rows() != linear.weights.rows() || into->cols() != linear.weights.cols()) {
      throw Error(ErrorCode::corrupt_file,
                  fmt::format("the finished layer {} holds no {} of the model's shape", layer.index, linear.component));
    }
    into->weights = std::move(linear.weights);
  }
}

std::vector<PrunedLinear> take_linears(LayerWeights layer, const std::vector<PruneReport>& reports,
                                       const Checkpoint& model) {
  std::vector<PrunedLinear> linears;
  for (std::size_t i = 0; i < layer.linears.size(); ++i) {
    auto& linear = layer.linears[i];
    linears.push_back(
        {linear.spec.component, model.get(linear.spec.tensor).dtype, std::move(linear.weights), reports[i]});
  }
  return linears;
}

}  // namespace lacuna
