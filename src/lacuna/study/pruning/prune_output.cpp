#include "lacuna/study/pruning/prune_output.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <unordered_map>

#include "lacuna/core/atomic_file.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/core/version.hpp"
#include "lacuna/formats/json_depth.hpp"
#include "lacuna/formats/pt_writer.hpp"
#include "lacuna/formats/script_names.hpp"
#include "lacuna/kernels/convert/convert.hpp"
#include "lacuna/study/checkpoints/checkpoint_rewrite.hpp"

namespace lacuna {
namespace {
namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

// The pruned linears by tensor name, one layer in memory: shards hold a layer's tensors side by side.
class PrunedTensors {
 public:
  PrunedTensors(const std::vector<PrunedTensorName>& names, const LayerLoader& load) : load_(load) {
    for (const auto& name : names) by_tensor_.emplace(name.tensor, &name);
  }

  // Fills `out` with the tensor in the dtype of `view`; false when the tensor is not pruned.
  bool fill(const std::string& tensor, const TensorView& view, std::span<std::byte> out) {
    const auto found = by_tensor_.find(tensor);
    if (found == by_tensor_.end()) return false;
    const auto& name = *found->second;
    if (name.layer != loaded_layer_) {
      linears_ = load_(name.layer);
      loaded_layer_ = name.layer;
    }
    for (const auto& linear : linears_) {
      if (linear.component != name.component) continue;
      if (linear.weights.numel() != view.numel()) break;
      kernels::from_f32(linear.weights.data(), linear.weights.numel(), view.dtype, out.data());
      return true;
    }
    throw Error(ErrorCode::internal, fmt::format("no pruned weights of the right shape for {}", tensor));
  }

 private:
  const LayerLoader& load_;
  std::unordered_map<std::string, const PrunedTensorName*> by_tensor_;
  std::vector<PrunedLinear> linears_;
  int loaded_layer_ = -1;
};

Json to_json(const MatrixRecord& matrix) {
  Json json = {
      {"layer", matrix.layer}, {"component", matrix.component}, {"rows", matrix.rows},       {"cols", matrix.cols},
      {"dtype", matrix.dtype}, {"sparsity", matrix.sparsity},   {"pattern", matrix.pattern}, {"l2", matrix.l2}};
  json["relative_error"] = matrix.relative_error ? Json(*matrix.relative_error) : Json(nullptr);
  json["damping"] = matrix.damping;
  json["damping_raises"] = matrix.damping_raises;
  json["dead_columns"] = matrix.dead_columns;
  return json;
}

MatrixRecord matrix_from_json(const Json& json, const PruneRecipe& recipe) {
  MatrixRecord matrix;
  matrix.run_id = recipe_id(recipe);
  matrix.layer = json.at("layer");
  matrix.component = json.at("component");
  matrix.rows = json.at("rows");
  matrix.cols = json.at("cols");
  matrix.dtype = json.at("dtype");
  matrix.sparsity = json.at("sparsity");
  matrix.pattern = json.at("pattern");
  matrix.l2 = json.at("l2");
  if (!json.at("relative_error").is_null()) matrix.relative_error = json.at("relative_error").get<double>();
  matrix.damping = json.at("damping");
  matrix.damping_raises = json.at("damping_raises");
  matrix.dead_columns = json.at("dead_columns");
  return matrix;
}

}  // namespace

void write_pruned_checkpoint(const Checkpoint& model, const std::vector<PrunedTensorName>& names,
                             const LayerLoader& load, const fs::path& folder, const RunContext& context) {
  PrunedTensors pruned(names, load);
  const auto replace = [&](const NamedTensor& tensor, std::span<std::byte> out) {
    return pruned.fill(tensor.name, tensor.view, out);
  };
  rewrite_checkpoint(model, replace, folder, context);
}

void write_script_tree(const PruneRecipe& recipe, int n_layers, const LayerLoader& load, const fs::path& folder,
                       const RunContext& context) {
  for (int layer = 0; layer < n_layers; ++layer) {
    for (const auto& linear : load(layer)) {
      context.check_stop();
      const auto& target = recipe.target;
      const ScriptFileName name{layer, linear.component, SparsityPattern{target.n, target.m}, target.sparsity};
      const fs::path path = folder / "data" / script_path(recipe.method, name);
      fs::create_directories(path.parent_path());
      AlignedBuffer<std::byte> stored(static_cast<std::size_t>(linear.weights.numel()) *
                                      dtype_bytes(linear.stored_dtype));
      kernels::from_f32(linear.weights.data(), linear.weights.numel(), linear.stored_dtype, stored.data());
      const Shape shape = {linear.weights.rows(), linear.weights.cols()};
      write_pt_tensor(path, make_tensor_view(linear.stored_dtype, shape, stored.data()), context);
    }
  }
}

double overall_sparsity(const std::vector<MatrixRecord>& matrices) {
  double zeros = 0.0;
  double total = 0.0;
  for (const auto& matrix : matrices) {
    const auto numel = static_cast<double>(matrix.rows * matrix.cols);
    zeros += matrix.sparsity * numel;
    total += numel;
  }
  return total > 0.0 ? zeros / total : 0.0;
}

std::string output_record_json(const PruneRecipe& recipe, const std::vector<MatrixRecord>& matrices) {
  Json rows = Json::array();
  for (const auto& matrix : matrices) rows.push_back(to_json(matrix));
  const Json record = {{"lacuna", {{"version", version()}, {"commit", commit()}}},
                       {"recipe", Json::parse(recipe_json(recipe))},
                       {"recipe_id", recipe_id(recipe)},
                       {"sparsity", overall_sparsity(matrices)},
                       {"matrices", rows}};
  return record.dump(2) + "\n";
}

OutputRecord read_output_record(const fs::path& lacuna_json) {
  constexpr std::uint64_t kMaxRecordBytes = 8 << 20;  // some 30,000 matrices
  const std::string text = read_file(lacuna_json, kMaxRecordBytes);
  if (const auto offset = find_deep_nesting(text)) {
    throw Error(ErrorCode::corrupt_file, fmt::format("nested deeper than {} levels", kMaxJsonDepth))
        .at(lacuna_json, offset);
  }
  try {
    const Json json = Json::parse(text);
    OutputRecord record;
    record.recipe = parse_recipe(json.at("recipe").dump());
    for (const auto& row : json.at("matrices")) record.matrices.push_back(matrix_from_json(row, record.recipe));
    record.sparsity = overall_sparsity(record.matrices);
    return record;
  } catch (const nlohmann::json::exception& error) {
    throw Error(ErrorCode::corrupt_file, fmt::format("not a record of a pruned model: {}", error.what()))
        .at(lacuna_json);
  } catch (Error& error) {
    throw error.at(lacuna_json);
  }
}

}  // namespace lacuna
