#include "lacuna/bench/device_tuner.hpp"

#include <fmt/format.h>

#include <cstring>

#include "lacuna/bench/device_bench.hpp"
#include "lacuna/bench/device_check.hpp"
#include "lacuna/bench/device_options.hpp"
#include "lacuna/bench/random_model.hpp"
#include "lacuna/bench/sparse_inputs.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/kernels/device/driver.hpp"

namespace lacuna {
namespace {

using kernels::DeviceBuffer;
using Products = std::vector<DeviceProduct>;

bool is(const TuningKey& key, TunedProduct product) { return key.operation == product_name(product); }

DeviceMatrix matrix_of(const TuningKey& key) {
  DeviceMatrix matrix = {key.dtype, {key.rows, key.cols}, {}, is(key, TunedProduct::gate)};
  if (matrix.gate) matrix.parts = {key.rows / 2, key.rows / 2};
  return matrix;
}

// Candidates beside the dense product, all of one input.
class Contest {
 public:
  Contest(const TuningKey& key, const TunerOptions& options, AlignedBuffer<std::byte> weights)
      : matrix_(matrix_of(key)),
        options_(options),
        weights_(std::move(weights)),
        dense_(rotated_products(DeviceForm::dense, matrix_, weights_.span(), options.rotated_bytes)),
        y_(static_cast<std::size_t>(key.rows) * 4) {}

  void set_inputs(const std::vector<std::vector<float>>& sets) {
    for (const auto& x : sets) inputs_.push_back(upload_input(matrix_.dtype, x));
    const auto x = rounded_to(matrix_.dtype, sets.front());
    expected_ = reference_product(matrix_.dtype, matrix_.shape, weights_.data(), x.data());
    check("dense", dense_, dense_roundings(matrix_.shape));
    add("dense", dense_, weights_.size());
  }

  void check(const char* name, const Products& products, double roundings) const {
    check_chain(name, chain(products), matrix_, expected_, roundings);
  }
  void add(std::string name, const Products& products, std::size_t bytes, std::function<void()> prepare = {}) {
    const DeviceChain its = chain(products);
    names_.push_back(std::move(name));
    calls_.push_back(
        {its.calls(bytes, options_.rotated_bytes), [this, its, prepare = std::move(prepare)](std::int64_t turn) {
           if (turn == 0 && prepare) prepare();
           its.launch(turn, queue_, y_);
         }});
  }

  MeasuredForms run(const RunContext& context) const {
    const auto times = time_on_device(calls_, queue_, options_.timing.rounds, context);
    MeasuredForms forms;
    for (std::size_t i = 0; i < times.size(); ++i) forms.candidates.push_back({names_[i], times[i].median});
    const std::string chosen = choose_candidate(forms.candidates).name;
    for (std::size_t i = 0; i < times.size(); ++i) {
      if (i == 0 || names_[i] == chosen) forms.steady = forms.steady && is_steady(times[i]);
    }
    return forms;
  }

  const DeviceMatrix& matrix() const { return matrix_; }
  std::span<const std::byte> weights() const { return weights_.span(); }

 private:
  DeviceChain chain(const Products& products) const { return {&products, &inputs_, matrix_.gate}; }

  DeviceMatrix matrix_;
  TunerOptions options_;
  AlignedBuffer<std::byte> weights_;
  Products dense_;
  std::vector<DeviceBuffer> inputs_;
  ReferenceProduct expected_;  // of the first input
  kernels::DeviceQueue queue_;
  DeviceBuffer y_;
  std::vector<std::string> names_;
  std::vector<DeviceCall> calls_;
};

MeasuredForms measure_packed(const TuningKey& key, const TunerOptions& options, const RunContext& context) {
  const bool two_four = is(key, TunedProduct::two_four);
  const BenchShape shape = {key.rows, key.cols};
  auto weights = random_weights(key.dtype, shape, two_four ? 0.0 : sparsity_of_bin(key.sparsity_bin), options.seed);
  if (two_four) leave_two_of_four(weights, shape, options.seed);
  Contest contest(key, options, std::move(weights));
  contest.set_inputs({random_input(key.cols, options.seed + 1)});
  Products packed;
  if (key.cols <= kMostPackedColumns) {  // as a model is loaded
    const auto form = two_four ? DeviceForm::two_four : DeviceForm::bundles;
    packed = rotated_products(form, contest.matrix(), contest.weights(), options.rotated_bytes);
    contest.check("packed", packed, two_four ? two_four_roundings(shape) : dense_roundings(shape));
    contest.add(two_four ? "two_four" : "bundles", packed, packed.front().bytes());
  }
  return contest.run(context);
}

MeasuredForms measure_activation(const TuningKey& key, const TunerOptions& options, const RunContext& context) {
  const BenchShape shape = {key.rows, key.cols};
  Contest contest(key, options, random_weights(key.dtype, shape, 0.0, options.seed, kRandomModelScale));
  const auto inputs = sparse_inputs(key.cols, sparsity_of_bin(key.sparsity_bin), options.seed + 1);
  contest.set_inputs(inputs.sets);
  auto columns = rotated_products(DeviceForm::columns, contest.matrix(), contest.weights(), options.rotated_bytes);
  for (auto& product : columns) {
    for (std::size_t part = 0; part < product.parts(); ++part) product.set_threshold(part, 0.0F);
  }
  const auto bytes =
      contest.weights().size() / static_cast<std::size_t>(key.cols) * static_cast<std::size_t>(inputs.active);
  for (const auto& configuration : all_sparse_options()) {
    const auto configure = [&columns, configuration] {
      for (auto& product : columns) product.set_options(configuration);
    };
    configure();
    const std::string name = options_name(configuration);
    contest.check(name.c_str(), columns, column_roundings(inputs.active));
    contest.add(name, columns, bytes, configure);
  }
  return contest.run(context);
}

MeasuredForms measure_on_device(const TuningKey& key, const TunerOptions& options, const RunContext& context) {
  check_device_type(key.dtype);
  if (is(key, TunedProduct::packed) || is(key, TunedProduct::two_four)) return measure_packed(key, options, context);
  return measure_activation(key, options, context);
}

// Of a group's linears together, weighted by their rows.
double group_sparsity(const std::vector<LinearSpec>& specs, InputGroup group, std::int64_t layer,
                      const SparsityOf& sparsity_of) {
  double skipped = 0.0;
  double rows = 0.0;
  for (const LinearSpec& spec : specs) {
    if (spec.group != group) continue;
    skipped += static_cast<double>(spec.rows) * sparsity_of(layer, spec.component);
    rows += static_cast<double>(spec.rows);
  }
  return skipped / rows;
}

std::optional<kernels::SparseGemvOptions> tuned_options(const DeviceProduct& product, const DecoderConfig& config,
                                                        InputGroup group, double sparsity, const TunedForms& tuned) {
  const auto& columns = std::get<DeviceColumns>(product.weights());
  BenchShape shape = {0, columns.cols};
  for (const auto& part : columns.parts) shape.rows += part.rows;
  const bool gate = group == InputGroup::mlp && config.gated_mlp();
  const auto kind = gate ? TunedProduct::gate : TunedProduct::activation;
  const TuningEntry* entry = tuned.find(kind, shape, columns.dtype, sparsity);
  return entry == nullptr ? std::nullopt : parse_options_name(sparse_candidate(*entry).name);
}

}  // namespace

std::string cuda_tuning_device() {
  const auto info = kernels::device_info();
  if (!info) throw Error(ErrorCode::io_failed, "tuning on CUDA: there is no device");
  return fmt::format("cuda: {}, driver {}", info->name, kernels::device_driver());
}

int set_tuned_options(DeviceWeights& weights, const TunedForms& tuned, const SparsityOf& sparsity_of) {
  int found = 0;
  for (std::size_t i = 0; i < weights.layers.size(); ++i) {
    const auto specs = layer_linears(weights.config, static_cast<std::int64_t>(i));
    for (int g = 0; g < kInputGroups; ++g) {
      const auto group = static_cast<InputGroup>(g);
      DeviceProduct& product = weights.layers[i].product(group);
      if (!std::holds_alternative<DeviceColumns>(product.weights())) continue;
      const double sparsity = group_sparsity(specs, group, static_cast<std::int64_t>(i), sparsity_of);
      const auto options = tuned_options(product, weights.config, group, sparsity, tuned);
      if (!options) continue;
      product.set_options(*options);
      ++found;
    }
  }
  return found;
}

TuningDevice cuda_tuning() { return {cuda_tuning_device(), measure_on_device}; }

}  // namespace lacuna
