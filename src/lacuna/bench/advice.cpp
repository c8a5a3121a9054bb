#include "lacuna/bench/advice.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace lacuna {
namespace {

const TuningEntry& entry_of(const AdviceMatrix& matrix, TunedProduct product, double sparsity, Tuner& tuner,
                            const RunContext& context) {
  return tuner.choose(tuner.key(product, matrix.shape, matrix.dtype, sparsity), context);
}

bool packs(const AdviceMatrix& matrix) { return matrix.packed_bytes < matrix.dense_bytes; }

// A bitmap and the values that remain, as plan_packing counts them for an unstructured mask.
std::uint64_t packed_size(const AdviceMatrix& matrix, double sparsity) {
  const auto elements = static_cast<double>(matrix.shape.rows) * static_cast<double>(matrix.shape.cols);
  const double bytes = elements / 8.0 + (1.0 - sparsity) * elements * static_cast<double>(dtype_bytes(matrix.dtype));
  return std::min(matrix.dense_bytes, static_cast<std::uint64_t>(bytes));
}

// What a matrix is measured as under a prospect; one that is not pruned, as dense.
const TuningEntry& prospect_entry(const AdviceMatrix& matrix, const Prospect& prospect, Tuner& tuner,
                                  const RunContext& context) {
  const bool of_inputs = prospect.product == TunedProduct::activation;
  if (of_inputs) {
    return entry_of(matrix, matrix.activation_product, matrix.prunable ? prospect.sparsity : 0.0, tuner, context);
  }
  if (!matrix.prunable) return entry_of(matrix, TunedProduct::packed, 0.0, tuner, context);
  return tuner.choose(
      tuner.key(prospect.product, matrix.shape, matrix.dtype, prospect.sparsity, prospect.input_sparsity), context);
}

FormatCost prospect_cost(std::span<const AdviceMatrix> matrices, const Prospect& prospect, Tuner& tuner,
                         const RunContext& context) {
  FormatCost cost = {.format = std::string(product_name(prospect.product)),
                     .sparsity = prospect.sparsity,
                     .input_sparsity = prospect.input_sparsity};
  for (const auto& matrix : matrices) {
    const auto& entry = prospect_entry(matrix, prospect, tuner, context);
    const bool packed = prospect.product != TunedProduct::activation && matrix.prunable;
    cost.bytes += packed ? packed_size(matrix, prospect.sparsity) : matrix.dense_bytes;
    cost.seconds += candidate_seconds(entry, matrix.prunable ? entry.choice : "dense");
    cost.dense_seconds += candidate_seconds(entry, "dense");
  }
  return cost;
}

bool has_both(std::span<const AdviceMatrix> matrices) {
  return std::all_of(matrices.begin(), matrices.end(), [](const auto& m) { return m.both || !m.prunable; });
}

std::string verdict(const Advice& advice) {
  const FormatCost& dense = advice.formats[0];
  const FormatCost& packed = advice.formats[1];
  const FormatCost& fastest = advice.formats[2];
  const double smaller =
      static_cast<double>(packed.bytes) / static_cast<double>(std::max<std::uint64_t>(dense.bytes, 1));
  const double packed_speed = packed.speedup();
  const double best_speed = fastest.speedup();
  if (packed.bytes == dense.bytes) return "No matrix has enough zeros to be smaller packed: keep the model dense.";
  const std::string size = fmt::format("Packed, its weights take {:.2f} of the bytes", smaller);
  if (packed_speed > 1.0 + kTuningTie)
    return fmt::format("{} and decode {:.2f} times as fast: pack it.", size, packed_speed);
  if (best_speed > 1.0 + kTuningTie) {
    return fmt::format(
        "{}; speed gains {:.2f} times only where the sparser matrices are packed and the others are not.", size,
        best_speed);
  }
  return fmt::format("{} but decode no faster ({:.2f} times): pack it for size, not for speed.", size, packed_speed);
}

}  // namespace

Advice advise(std::span<const AdviceMatrix> matrices, std::span<const Prospect> prospects, Tuner& tuner,
              const RunContext& context) {
  Advice advice;
  advice.formats = {{.format = "dense"}, {.format = "packed"}, {.format = "fastest"}};
  FormatCost& dense = advice.formats[0];
  FormatCost& packed = advice.formats[1];
  FormatCost& fastest = advice.formats[2];
  std::size_t done = 0;
  for (const auto& matrix : matrices) {
    const auto& entry = entry_of(matrix, matrix.packed_product, matrix.sparsity, tuner, context);
    const double dense_seconds = candidate_seconds(entry, "dense");
    const double packed_seconds = packs(matrix) ? sparse_candidate(entry).seconds : dense_seconds;
    const bool pack = packs(matrix) && entry.choice != "dense";
    dense.bytes += matrix.dense_bytes;
    dense.seconds += dense_seconds;
    packed.bytes += matrix.packed_bytes;
    packed.seconds += packed_seconds;
    fastest.bytes += pack ? matrix.packed_bytes : matrix.dense_bytes;
    fastest.seconds += pack ? packed_seconds : dense_seconds;
    advice.choices.emplace_back(pack ? entry.choice : "dense");
    for (FormatCost& cost : advice.formats) cost.dense_seconds += dense_seconds;
    context.report({"advise", matrix.name, "matrices", ++done, matrices.size(), 0.0});
  }
  for (const auto& prospect : prospects) {
    if (prospect.product == TunedProduct::both && !has_both(matrices)) continue;
    advice.prospects.push_back(prospect_cost(matrices, prospect, tuner, context));
  }
  advice.verdict = verdict(advice);
  return advice;
}

}  // namespace lacuna
