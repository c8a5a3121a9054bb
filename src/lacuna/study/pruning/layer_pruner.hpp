// One decoder layer of a pruning run: gather the statistics of its linears' inputs, prune them, move the activations
// on.
//
// Activations are one matrix of all calibration tokens, sequence below sequence; a layer turns them in place.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "lacuna/core/buffer.hpp"
#include "lacuna/core/run_context.hpp"
#include "lacuna/model/decoder.hpp"
#include "lacuna/model/forward.hpp"
#include "lacuna/prune/input_statistics.hpp"
#include "lacuna/prune/method.hpp"
#include "lacuna/study/pruning/calibration.hpp"
#include "lacuna/study/pruning/pruned_layer_file.hpp"

namespace lacuna {

using GroupStatistics = std::map<InputGroup, InputStatistics>;

class LayerPruner {
 public:
  LayerPruner(const Decoder& decoder, const CalibrationSet& calibration, Compute compute);

  Matrix<float> embed() const;  // activations in front of the first layer

  GroupStatistics gather(const LayerWeights& layer, const Matrix<float>& activations, GroupRange groups,
                         StatisticsNeed need);

  // Prunes every linear of the layer in place; `statistics` holds those of every group.
  std::vector<PruneReport> prune(LayerWeights& layer, const GroupStatistics& statistics, PruneMethod& method,
                                 const SparsityTarget& target, const RunContext& context) const;

  // True-sequential: captures a group's inputs from the layer as pruned so far, prunes the group, goes on.
  std::vector<PruneReport> prune_sequentially(LayerWeights& layer, const Matrix<float>& activations,
                                              PruneMethod& method, const SparsityTarget& target,
                                              const RunContext& context);

  void advance(const LayerWeights& layer, Matrix<float>& activations);

 private:
  const Decoder& decoder_;
  const CalibrationSet& calibration_;
  LayerForward forward_;
};

// Puts pruned weights into a layer, and takes a layer's weights out with their reports.
void replace_weights(LayerWeights& layer, std::vector<PrunedLinear> linears);
std::vector<PrunedLinear> take_linears(LayerWeights layer, const std::vector<PruneReport>& reports,
                                       const Checkpoint& model);

}  // namespace lacuna
