#include "lacuna/model/device_weights.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "lacuna/core/error.hpp"
#include "lacuna/kernels/convert/convert.hpp"

namespace lacuna {
namespace {

using kernels::DeviceBuffer;
using kernels::DeviceDense;

DType device_type(const Decoder& decoder) {
  const LayerWeights first = decoder.load_layer(0, WeightStorage::mapped);
  const Linear& linear = first.linears.front();
  const DType stored = linear.packed != nullptr ? linear.packed->plan().dtype : linear.stored.dtype;
  return stored == DType::f16 ? DType::f16 : DType::bf16;
}

// A whole tensor as rows of 16-bit elements.
void copy_rows(const TensorView& tensor, DType dtype, std::uint16_t* out) {
  if (tensor.dtype == dtype) return copy_contiguous(tensor, reinterpret_cast<std::byte*>(out));
  std::vector<float> wide(static_cast<std::size_t>(tensor.numel()));
  kernels::to_f32(tensor, wide.data());
  kernels::from_f32(wide.data(), tensor.numel(), dtype, reinterpret_cast<std::byte*>(out));
}

void copy_rows(const PackedMatrix& packed, DType dtype, std::uint16_t* out) {
  if (packed.plan().dtype == dtype) return packed.unpack(reinterpret_cast<std::byte*>(out));
  const std::int64_t size = packed.plan().rows * packed.plan().cols;
  std::vector<float> wide(static_cast<std::size_t>(size));
  kernels::expand_rows_f32(packed.rows(), 0, packed.plan().rows, wide.data());
  kernels::from_f32(wide.data(), size, dtype, reinterpret_cast<std::byte*>(out));
}

DeviceBuffer upload_floats(const std::vector<float>& values) {
  return values.empty() ? DeviceBuffer() : DeviceBuffer(values.data(), values.size() * sizeof(float));
}

DeviceBuffer upload_narrow(const std::vector<float>& values, DType dtype) {
  if (values.empty()) return {};
  std::vector<std::uint16_t> narrow(values.size());
  kernels::from_f32(values.data(), static_cast<std::int64_t>(values.size()), dtype,
                    reinterpret_cast<std::byte*>(narrow.data()));
  return {narrow.data(), narrow.size() * 2};
}

bool is_two_of_four(const PackedMatrix& packed) {
  const PackedLayout& layout = packed.plan().layout;
  return (layout.group == 4 && layout.kept <= 2) || (layout.group == 2 && layout.kept == 1);
}

class Loader {
 public:
  Loader(const Decoder& decoder, const DeviceLoadOptions& options)
      : decoder_(decoder), options_(options), dtype_(device_type(decoder)) {}

  DType dtype() const { return dtype_; }

  DeviceDense load_table(const TensorView& table) {
    DeviceDense dense(dtype_, table.shape[0], table.shape[1]);
    const auto rows = staged(dense.rows(), dense.cols());
    copy_rows(table, dtype_, rows.data);
    dense.upload(0, rows);
    return dense;
  }

  DeviceLayer load_layer(std::int64_t index) {
    const LayerWeights layer = decoder_.load_layer(index, WeightStorage::mapped);
    const auto product = [&](InputGroup group) { return load_product(index, group_of(layer, group)); };
    const auto bias = [&](InputGroup group) { return load_bias(index, group_of(layer, group)); };
    return DeviceLayer{product(InputGroup::attention),
                       product(InputGroup::attention_output),
                       product(InputGroup::mlp),
                       product(InputGroup::mlp_output),
                       upload_floats(layer.attention_norm.weight),
                       upload_floats(layer.mlp_norm.weight),
                       upload_floats(layer.query_norm.weight),
                       upload_floats(layer.key_norm.weight),
                       bias(InputGroup::attention),
                       bias(InputGroup::attention_output),
                       bias(InputGroup::mlp),
                       bias(InputGroup::mlp_output)};
  }

 private:
  using Group = std::vector<const Linear*>;

  static Group group_of(const LayerWeights& layer, InputGroup group) {
    Group linears;
    for (const Linear& linear : layer.linears) {
      if (linear.spec.group == group) linears.push_back(&linear);
    }
    return linears;
  }

  MatrixView<std::uint16_t> staged(std::int64_t rows, std::int64_t cols) {
    const auto size = static_cast<std::size_t>(rows * cols);
    if (staging_.size() < size) staging_ = AlignedBuffer<std::uint16_t>(size);
    return {staging_.data(), rows, cols};
  }

  // Packed, thresholds or none; else columns where they are asked for.
  bool stays_packed(std::int64_t layer, const Group& group) const {
    if (!is_packed(group) || group.front()->cols() > kMostPackedColumns) return false;
    return !options_.columns || (options_.keep_packed && options_.keep_packed(layer, group));
  }

  DeviceProduct load_product(std::int64_t layer, const Group& group) {
    if (stays_packed(layer, group)) {
      DeviceProduct packed = load_packed(group);
      if (options_.columns) packed.take_thresholds(group.size());
      return packed;
    }
    std::vector<std::int64_t> rows;
    std::int64_t total = 0;
    for (const Linear* linear : group) {
      rows.push_back(linear->rows());
      total += linear->rows();
    }
    const auto stacked = staged(total, group.front()->cols());
    std::uint16_t* at = stacked.data;
    for (const Linear* linear : group) {
      linear->packed != nullptr ? copy_rows(*linear->packed, dtype_, at) : copy_rows(linear->stored, dtype_, at);
      at += linear->rows() * linear->cols();
    }
    if (!options_.columns && is_gate(group)) return interleaved(stacked);
    DeviceDense dense(dtype_, total, stacked.cols);
    dense.upload(0, stacked);
    if (!options_.columns) return DeviceProduct(std::move(dense));
    return DeviceProduct(make_device_columns(dense, rows));
  }

  static bool is_gate(const Group& group) { return group.front()->spec.role == LinearRole::gate; }

  DeviceProduct interleaved(MatrixView<const std::uint16_t> stacked) const {
    const std::int64_t half = stacked.rows / 2;
    DeviceDense dense(dtype_, stacked.rows, stacked.cols, 2);
    for (std::int64_t part = 0; part < 2; ++part) {
      dense.upload(part, stacked.block(part * half, half, 0, stacked.cols), 2);
    }
    return DeviceProduct(std::move(dense));
  }

  bool is_packed(const Group& group) const {
    return std::all_of(group.begin(), group.end(), [&](const Linear* linear) {
      return linear->packed != nullptr && linear->packed->plan().dtype == dtype_;
    });
  }

  static DeviceProduct load_packed(const Group& group) {
    std::vector<kernels::PackedRows> rows;
    for (const Linear* linear : group) rows.push_back(linear->packed->rows());
    const bool grouped =
        std::all_of(group.begin(), group.end(), [](const Linear* linear) { return is_two_of_four(*linear->packed); });
    const auto order = is_gate(group) ? kernels::RowOrder::interleaved : kernels::RowOrder::stacked;
    if (grouped) return DeviceProduct(kernels::DeviceTwoFour(kernels::make_two_four(rows, order)));
    return DeviceProduct(upload_row_bundles(rows, order));
  }

  DeviceBuffer load_bias(std::int64_t layer, const Group& group) const {
    std::vector<float> bias;
    for (const Linear* linear : group) bias.insert(bias.end(), linear->bias.begin(), linear->bias.end());
    if ((!options_.columns || stays_packed(layer, group)) && is_gate(group) && !bias.empty()) {
      const std::vector<float> stacked = bias;
      for (std::size_t i = 0; i < bias.size(); ++i) bias[i] = stacked[i / 2 + i % 2 * bias.size() / 2];
    }
    return upload_narrow(bias, dtype_);
  }

  const Decoder& decoder_;
  DeviceLoadOptions options_;
  DType dtype_;
  AlignedBuffer<std::uint16_t> staging_;
};

}  // namespace

DeviceProduct& DeviceLayer::product(InputGroup group) {
  if (group == InputGroup::attention) return qkv;
  if (group == InputGroup::attention_output) return output;
  return group == InputGroup::mlp ? gate_up : down;
}

kernels::Overlap DeviceWeights::overlap() const {
  bool two = head ? head->fits_two() : embedding.fits_two();
  for (const DeviceLayer& layer : layers) {
    for (const DeviceProduct* product : {&layer.qkv, &layer.output, &layer.gate_up, &layer.down}) {
      two = two && product->fits_two();
    }
  }
  return two ? kernels::Overlap::two : kernels::Overlap::one;
}

std::size_t DeviceWeights::step_bytes() const {
  std::size_t bytes = head ? head->bytes() : embedding.bytes();
  for (const DeviceLayer& layer : layers) {
    bytes += layer.qkv.bytes() + layer.output.bytes() + layer.gate_up.bytes() + layer.down.bytes();
  }
  return bytes;
}

bool packed_outruns_columns(std::span<const Linear* const> packed, double input_sparsity) {
  constexpr double kEntryBytes = 2.6;  // of a row bundle, with its filling
  constexpr double kTwoFourBytes = 1.125;
  constexpr double kColumnStart = 0.13;  // what a product by columns takes longer to start, in bytes a position
  constexpr double kColumnByte = 0.94;   // in one launch for all layers, its bytes take a little less
  double kept = 0.0;
  double positions = 0.0;
  bool grouped = true;
  for (const Linear* linear : packed) {
    const kernels::PackedRows rows = linear->packed->rows();
    kept += static_cast<double>(rows.row_starts[rows.rows]);
    positions += static_cast<double>(rows.rows) * static_cast<double>(rows.cols);
    grouped = grouped && is_two_of_four(*linear->packed);
  }
  const double bytes = grouped ? kTwoFourBytes : kEntryBytes * kept / positions;
  return bytes <= kColumnStart + kColumnByte * 2.0 * (1.0 - input_sparsity);
}

void require_device_support(const DecoderConfig& config) {
  const auto need = [&](bool supported, const char* what) {
    if (supported) return;
    throw Error(ErrorCode::unsupported_model,
                fmt::format("{} on CUDA: {} is not supported there", config.model_type, what))
        .hint("LLaMA, Mistral, Qwen2 and Qwen3 decode on CUDA; every model decodes with --device cpu");
  };
  need(config.norm == NormKind::rms, "LayerNorm");
  need(config.norm_first && config.norm_affine, "a norm after its block, or without weights");
  need(config.positions == PositionKind::rope, "a model with learned positions");
  need(config.gated_mlp(), "an MLP without gate");
  need(config.activation == kernels::Activation::silu, "an activation other than SiLU");
  need(config.names.project_in.empty() && config.names.project_out.empty(), "a projected embedding");
  need(!config.names.final_norm.empty(), "a model without final norm");
  need(config.head_dim % 8 == 0 && config.head_dim <= 256, "a head that is no multiple of 8 elements, or above 256");
}

DeviceWeights load_device_weights(const Decoder& decoder, const DeviceLoadOptions& options, const RunContext& context) {
  const DecoderConfig& config = decoder.config();
  require_device_support(config);
  Loader loader(decoder, options);
  DeviceWeights weights{
      config, loader.dtype(), loader.load_table(decoder.checkpoint().get(config.names.embedding)), {}, {}, {}};
  if (!config.tied_head) weights.head.emplace(loader.load_table(decoder.head()));
  weights.final_norm = upload_floats(decoder.load_final_norm().weight);
  for (std::int64_t i = 0; i < config.n_layers; ++i) {
    context.check_stop();
    const auto done = static_cast<std::uint64_t>(i);
    const auto total = static_cast<std::uint64_t>(config.n_layers);
    context.report({"weights to the device", "", "layers", done, total,
                    static_cast<double>(i) / static_cast<double>(config.n_layers)});
    weights.layers.push_back(loader.load_layer(i));
  }
  return weights;
}

kernels::DeviceRowBundles upload_row_bundles(std::span<const kernels::PackedRows> parts, kernels::RowOrder order) {
  const auto info = kernels::device_info();
  if (!info) throw Error(ErrorCode::io_failed, "packed weights on CUDA: there is no device");
  return kernels::DeviceRowBundles(kernels::make_row_bundles(parts, info->multiprocessors, order));
}

}  // namespace lacuna
