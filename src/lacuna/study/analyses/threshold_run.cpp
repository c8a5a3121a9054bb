#include "lacuna/study/analyses/threshold_run.hpp"

#include <fmt/format.h>

#include <cmath>
#include <set>

#include "lacuna/activations/distribution.hpp"
#include "lacuna/bits/bit_matrix.hpp"
#include "lacuna/bits/pattern.hpp"
#include "lacuna/core/atomic_file.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/formats/pt_writer.hpp"
#include "lacuna/kernels/convert/convert.hpp"
#include "lacuna/kernels/threshold/threshold.hpp"
#include "lacuna/study/work_folder.hpp"

namespace lacuna {
namespace {
namespace fs = std::filesystem;

constexpr double kPresetSparsity = 0.9;

void check_request(const ThresholdRequest& request) {
  const bool sparsity = request.kind == ThresholdKind::sparsity;
  if (sparsity && !(request.value > 0.0 && request.value < 1.0)) {
    throw Error(ErrorCode::invalid_argument, fmt::format("expected a sparsity in (0, 1), got {}", request.value));
  }
  if (request.kind == ThresholdKind::given && !(request.value >= 0.0 && std::isfinite(request.value))) {
    throw Error(ErrorCode::invalid_argument, fmt::format("expected a threshold of at least 0, got {}", request.value));
  }
}

double threshold_for(const ThresholdRequest& request, const WeightMatrix& matrix, MatrixView<const float> weights) {
  if (request.kind == ThresholdKind::given) return request.value;
  if (request.kind == ThresholdKind::preset) {
    if (const auto preset = preset_threshold(matrix.component)) return *preset;
    throw Error(ErrorCode::invalid_argument, fmt::format("{} has no preset threshold", matrix.label()))
        .at(matrix.source)
        .hint("presets exist for q, k, v, o, up, gate and down_proj; --component selects, --sparsity works for any");
  }
  if (weights.numel() == 0) return 0.0;
  const auto position = static_cast<std::int64_t>(request.value * static_cast<double>(weights.numel() - 1));
  return static_cast<double>(kernels::kth_smallest_abs(weights, position));
}

double energy(MatrixView<const float> weights) {
  double sum = 0.0;
  for (std::int64_t i = 0; i < weights.numel(); ++i) {
    const auto w = static_cast<double>(weights.data[i]);
    sum += w * w;
  }
  return sum;
}

std::vector<ThresholdPoint> threshold_curve(MatrixView<const float> weights) {
  std::vector<ThresholdPoint> curve;
  if (weights.numel() == 0) return curve;
  ActivationHistogram histogram;
  histogram.add(weights);
  const auto distribution = histogram.distribution();
  const auto add = [&](double sparsity) {
    const double threshold = distribution.magnitude_quantile(sparsity);
    curve.push_back({sparsity, threshold, distribution.energy_kept(threshold)});
  };
  for (int percent = 5; percent <= 95; percent += 5) add(percent / 100.0);
  add(0.975);
  add(0.99);
  return curve;
}

fs::path output_path(const ThresholdRequest& request, const ThresholdedMatrix& matrix) {
  if (matrix.layer == kNoLayer) {
    std::string name;
    for (const char c : matrix.component) {
      const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
      name += plain || c == '-' || c == '_' || (c == '.' && !name.empty()) ? c : '_';
    }
    return name + ".pt";
  }
  double sparsity = std::round(matrix.sparsity * 1e4) / 1e4;
  if (request.kind == ThresholdKind::preset) sparsity = kPresetSparsity;
  if (request.kind == ThresholdKind::sparsity) sparsity = request.value;
  return fs::path("data") / script_path("threshold", {matrix.layer, matrix.component, SparsityPattern{}, sparsity});
}

class Thresholder {
 public:
  Thresholder(const ThresholdRequest& request, const RunContext& context) : request_(request), context_(context) {}

  // folder: where outputs go now; empty: nowhere.
  ThresholdedMatrix apply(const WeightMatrix& matrix, const fs::path& folder) {
    Matrix<float> weights(matrix.view.shape[0], matrix.view.shape[1]);
    kernels::to_f32(matrix.view, weights.data());
    if (!kernels::all_finite(weights.view())) {
      throw Error(ErrorCode::not_finite, fmt::format("{} holds NaN or infinity", matrix.label())).at(matrix.source);
    }
    ThresholdedMatrix result;
    result.layer = matrix.layer;
    result.component = matrix.component;
    result.rows = weights.rows();
    result.cols = weights.cols();
    const auto numel = static_cast<double>(std::max<std::int64_t>(weights.numel(), 1));
    result.sparsity_before = static_cast<double>(kernels::count_zeros(weights.view())) / numel;
    const double before = energy(weights.view());
    result.curve = threshold_curve(weights.view());
    result.threshold = threshold_for(request_, matrix, weights.view());
    kernels::zero_up_to_abs(weights.view(), static_cast<float>(result.threshold));
    const auto pattern =
        summarize_pattern(make_tensor_view(DType::f32, {weights.rows(), weights.cols()}, weights.data()));
    result.sparsity = pattern.sparsity();
    result.pattern = pattern.label();
    result.energy_kept = before == 0.0 ? 1.0 : energy(weights.view()) / before;
    if (!folder.empty()) write(matrix, weights, folder, result);
    return result;
  }

 private:
  void write(const WeightMatrix& matrix, const Matrix<float>& weights, const fs::path& folder,
             ThresholdedMatrix& result) {
    const fs::path relative = output_path(request_, result);
    if (!written_.insert(relative).second) {
      throw Error(ErrorCode::invalid_argument, fmt::format("two matrices would be written as {}", relative.string()));
    }
    const auto kept =
        BitMatrix::nonzero(make_tensor_view(DType::f32, {weights.rows(), weights.cols()}, weights.data()));
    AlignedBuffer<std::byte> stored(matrix.view.bytes());
    apply_mask(matrix.view, kept, stored.data());
    fs::create_directories((folder / relative).parent_path());
    write_pt_tensor(folder / relative, make_tensor_view(matrix.view.dtype, matrix.view.shape, stored.data()),
                    without_progress(context_));
    result.output = request_.out / relative;
  }

  const ThresholdRequest& request_;
  const RunContext& context_;
  std::set<fs::path> written_;
};

std::vector<ThresholdedMatrix> apply_all(const ThresholdRequest& request, const MatrixSet& set, const fs::path& folder,
                                         const RunContext& context) {
  std::vector<ThresholdedMatrix> results;
  Thresholder thresholder(request, context);
  const auto total = static_cast<std::uint64_t>(set.matrices().size());
  for (const auto& matrix : set.matrices()) {
    context.check_stop();
    results.push_back(thresholder.apply(matrix, folder));
    const auto done = static_cast<std::uint64_t>(results.size());
    context.report(
        {"threshold", matrix.label(), "matrices", done, total, static_cast<double>(done) / static_cast<double>(total)});
  }
  set.check_intact();
  return results;
}

}  // namespace

std::optional<double> preset_threshold(std::string_view component) {
  struct Preset {
    std::string_view suffix;
    double threshold;
  };
  constexpr Preset kPresets[] = {{"q_proj", 0.0182},  {"k_proj", 0.0182},    {"v_proj", 0.0182},   {"o_proj", 0.0035},
                                 {"up_proj", 0.0601}, {"gate_proj", 0.0601}, {"down_proj", 0.0032}};
  const auto name = component.substr(component.rfind('.') + 1);  // npos + 1 is 0
  for (const auto& preset : kPresets) {
    if (name == preset.suffix) return preset.threshold;
  }
  return std::nullopt;
}

std::vector<ThresholdedMatrix> apply_thresholds(const ThresholdRequest& request, const RunContext& context) {
  check_request(request);
  const MatrixSet set = MatrixSet::open(request.reference, request.selection);
  if (request.out.empty()) return apply_all(request, set, {}, context);
  for (const auto& matrix : set.matrices()) require_distinct_paths(request.out, matrix.source);
  WorkFolder work(request.out);
  const bool stopped_before = fs::exists(work.partial());
  work.begin("{\"command\": \"threshold\"}\n", stopped_before, [](const std::string& earlier, const std::string& now) {
    return earlier == now ? std::string() : std::string("it belongs to another command");
  });
  try {
    auto results = apply_all(request, set, work.fresh_output(), context);
    work.publish();
    return results;
  } catch (...) {
    work.remove_partial();  // quick to repeat: nothing worth resuming
    throw;
  }
}

}  // namespace lacuna
