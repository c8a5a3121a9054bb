#include "lacuna/study/pruning/pruned_layer_file.hpp"

#include <fmt/format.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "lacuna/core/error.hpp"
#include "lacuna/formats/safetensors.hpp"
#include "lacuna/formats/safetensors_writer.hpp"
#include "lacuna/kernels/convert/convert.hpp"

namespace lacuna {
namespace {

using Json = nlohmann::ordered_json;

Json to_json(const PrunedLinear& linear) {
  const auto& report = linear.report;
  return {{"component", linear.component},       {"stored_dtype", safetensors_name(linear.stored_dtype)},
          {"sparsity", report.sparsity},         {"relative_error", report.relative_error},
          {"damping", report.damping},           {"damping_raises", report.damping_raises},
          {"dead_columns", report.dead_columns}, {"alpha", report.alpha}};
}

PrunedLinear from_json(const Json& json, const TensorArchive& archive) {
  PrunedLinear linear;
  linear.component = json.at("component");
  const auto dtype = dtype_from_safetensors(json.at("stored_dtype").get<std::string>());
  const auto* view = archive.find(linear.component);
  if (!dtype || view == nullptr || view->shape.size() != 2) {
    throw Error(ErrorCode::corrupt_file, fmt::format("reports name {}, which has no matrix here", linear.component));
  }
  linear.stored_dtype = *dtype;
  linear.weights = Matrix<float>(view->shape[0], view->shape[1]);
  kernels::to_f32(*view, linear.weights.data());
  linear.report = {json.at("sparsity"),       json.at("relative_error"), json.at("damping"),
                   json.at("damping_raises"), json.at("dead_columns"),   json.at("alpha")};
  return linear;
}

// True when narrowing to the dtype and widening again gives every weight back, bit for bit.
bool is_lossless(const Matrix<float>& weights, DType dtype) {
  if (dtype == DType::f32) return true;
  if (!is_floating(dtype)) return false;
  const auto n = static_cast<std::size_t>(weights.numel());
  AlignedBuffer<std::byte> narrow(n * dtype_bytes(dtype));
  kernels::from_f32(weights.data(), weights.numel(), dtype, narrow.data());
  AlignedBuffer<float> wide(n);
  kernels::to_f32(make_tensor_view(dtype, {weights.numel()}, narrow.data()), wide.data());
  return std::memcmp(wide.data(), weights.data(), n * sizeof(float)) == 0;
}

}  // namespace

void write_pruned_layer(const std::filesystem::path& path, const std::vector<PrunedLinear>& linears,
                        const RunContext& context) {
  std::vector<TensorSpec> specs;
  Json reports = Json::array();
  for (const auto& linear : linears) {
    const DType dtype = is_lossless(linear.weights, linear.stored_dtype) ? linear.stored_dtype : DType::f32;
    specs.push_back({linear.component, dtype, {linear.weights.rows(), linear.weights.cols()}});
    reports.push_back(to_json(linear));
  }
  const auto produce = [&](std::size_t index, std::span<std::byte> out) {
    const auto& weights = linears[index].weights;
    kernels::from_f32(weights.data(), weights.numel(), specs[index].dtype, out.data());
  };
  write_safetensors(path, specs, {{"reports", reports.dump()}}, produce, context);
}

std::vector<PrunedLinear> read_pruned_layer(const std::filesystem::path& path) {
  const TensorArchive archive = read_safetensors(path);
  std::vector<PrunedLinear> linears;
  try {
    for (const auto& report : Json::parse(archive.metadata.at("reports")))
      linears.push_back(from_json(report, archive));
  } catch (const nlohmann::json::exception& error) {
    throw Error(ErrorCode::corrupt_file, fmt::format("reports: {}", error.what())).at(path);
  } catch (const std::out_of_range&) {
    throw Error(ErrorCode::corrupt_file, "expected the reports of a pruned layer in the metadata, found none").at(path);
  }
  if (linears.size() != archive.tensors.size()) {
    throw Error(ErrorCode::corrupt_file,
                fmt::format("expected one report per tensor, got {} for {}", linears.size(), archive.tensors.size()))
        .at(path);
  }
  archive.check_intact();
  return linears;
}

}  // namespace lacuna
