#include "model/random_device_model.hpp"

#include <algorithm>
#include <cmath>

#include "lacuna/core/error.hpp"
#include "lacuna/core/random.hpp"
#include "lacuna/core/threads.hpp"

namespace lacuna::bench {
namespace {

// Normal values of variance 1/cols, kept with probability `density` (2:4: two of every four).
class RandomRows {
 public:
  RandomRows() : table_(1 << 16) {
    Random random(3);
    for (auto& value : table_) value = static_cast<float>(random.normal());
  }

  Matrix<std::uint16_t> make(std::int64_t rows, std::int64_t cols, WeightForm form, double density,
                             std::uint64_t seed) const {
    Matrix<std::uint16_t> w(rows, cols);
    const float scale = 1.0F / std::sqrt(static_cast<float>(cols) * static_cast<float>(density));
    const auto limit = static_cast<std::uint32_t>(density * 65536.0);
    parallel_for(rows, 16, [&](std::int64_t begin, std::int64_t end) {
      for (auto r = begin; r < end; ++r) {
        std::uint64_t state = seed * 0x9e3779b97f4a7c15ULL + static_cast<std::uint64_t>(r) + 1;
        for (std::int64_t c = 0; c < cols; ++c) {
          state ^= state << 13U;
          state ^= state >> 7U;
          state ^= state << 17U;
          bool kept = (state >> 16U & 0xffffU) < limit;
          if (form == WeightForm::two_four) kept = (c / 4 + r + c) % 2 == 0;
          w(r, c) = kept ? f32_to_f16(scale * table_[state >> 40U & 0xffffU]) : std::uint16_t{0};
        }
      }
    });
    return w;
  }

 private:
  std::vector<float> table_;
};

kernels::DeviceDense dense_of(MatrixView<const std::uint16_t> rows) {
  kernels::DeviceDense dense(DType::f16, rows.rows, rows.cols);
  dense.upload(0, rows);
  return dense;
}

// Its second half between the rows of the first.
kernels::DeviceDense interleaved_of(MatrixView<const std::uint16_t> rows) {
  kernels::DeviceDense dense(DType::f16, rows.rows, rows.cols, 2);
  const std::int64_t half = rows.rows / 2;
  for (std::int64_t part = 0; part < 2; ++part) dense.upload(part, rows.block(part * half, half, 0, rows.cols), 2);
  return dense;
}

// One random product of a layer, converted once and uploaded for every layer.
class ProductSource {
 public:
  ProductSource(const RandomRows& random, std::vector<std::int64_t> rows, std::int64_t cols, WeightForm form,
                double density, std::uint64_t seed)
      : rows_(std::move(rows)), form_(form) {
    std::int64_t total = 0;
    for (const auto n : rows_) total += n;
    w_ = random.make(total, cols, form, density, seed);
    if (form == WeightForm::two_four) two_four_ = kernels::make_two_four(w_.view(), DType::f16);
    if (form != WeightForm::bundles) return;
    bundles_ = kernels::make_row_bundles(w_.view(), DType::f16, kernels::device_info()->multiprocessors, pairs());
  }

  DeviceProduct upload() const {
    if (form_ == WeightForm::bundles) return DeviceProduct(kernels::DeviceRowBundles(bundles_));
    if (form_ == WeightForm::two_four) return DeviceProduct(kernels::DeviceTwoFour(two_four_));
    if (form_ == WeightForm::dense && pairs()) return DeviceProduct(interleaved_of(w_.view()));
    kernels::DeviceDense dense = dense_of(w_.view());
    if (form_ == WeightForm::dense) return DeviceProduct(std::move(dense));
    return DeviceProduct(make_device_columns(dense, rows_));
  }

 private:
  bool pairs() const { return rows_.size() == 2; }  // gate and up

  std::vector<std::int64_t> rows_;
  WeightForm form_;
  Matrix<std::uint16_t> w_;
  kernels::RowBundles bundles_;
  kernels::TwoFour two_four_;
};

kernels::DeviceBuffer ones(std::int64_t n) {
  const std::vector<float> values(static_cast<std::size_t>(n), 1.0F);
  return {values.data(), values.size() * 4};
}

}  // namespace

DecoderConfig shape_config(const std::string& name) {
  DecoderConfig c;
  const auto set = [&](std::int64_t hidden, std::int64_t inner, std::int64_t layers, std::int64_t heads,
                       std::int64_t kv_heads, std::int64_t vocabulary) {
    c.hidden_size = c.embedding_size = hidden;
    c.intermediate_size = inner;
    c.n_layers = layers;
    c.n_heads = heads;
    c.n_kv_heads = kv_heads;
    c.head_dim = hidden / heads;
    c.vocab_size = vocabulary;
  };
  if (name == "7b") set(4096, 11008, 32, 32, 32, 32000);
  if (name == "8b") set(4096, 14336, 32, 32, 8, 128256);
  if (name == "1b") set(2048, 5632, 22, 32, 4, 32000);
  if (name == "tiny") set(256, 688, 2, 4, 2, 1000);
  if (c.n_layers == 0) throw Error(ErrorCode::invalid_argument, "shape: expected 7b, 8b, 1b or tiny, got " + name);
  c.model_type = "llama";
  c.max_positions = 4096;
  c.windows.assign(static_cast<std::size_t>(c.n_layers), 0);
  c.names.gate = "mlp.gate_proj";
  c.names.final_norm = "model.norm";
  return c;
}

DeviceWeights random_device_weights(const DecoderConfig& c, WeightForm form, double density) {
  const RandomRows random;
  const ProductSource qkv(random, {c.query_size(), c.kv_size(), c.kv_size()}, c.hidden_size, form, density, 1);
  const ProductSource output(random, {c.hidden_size}, c.query_size(), form, density, 2);
  const ProductSource gate_up(random, {c.intermediate_size, c.intermediate_size}, c.hidden_size, form, density, 3);
  const ProductSource down(random, {c.hidden_size}, c.intermediate_size, form, density, 4);
  const auto table = random.make(c.vocab_size, c.hidden_size, WeightForm::dense, 1.0, 5);
  const auto head = random.make(c.vocab_size, c.hidden_size, WeightForm::dense, 1.0, 6);
  DeviceWeights weights{
      c, DType::f16, dense_of(table.view()), DeviceProduct(dense_of(head.view())), ones(c.hidden_size), {}};
  for (std::int64_t i = 0; i < c.n_layers; ++i) {
    weights.layers.push_back(DeviceLayer{qkv.upload(),
                                         output.upload(),
                                         gate_up.upload(),
                                         down.upload(),
                                         ones(c.hidden_size),
                                         ones(c.hidden_size),
                                         {},
                                         {},
                                         {},
                                         {},
                                         {},
                                         {}});
  }
  return weights;
}

double calibrate_thresholds(DeviceDecoder& decoder, double sparsity) {
  decoder.start(16 + 64);
  std::vector<std::int32_t> tokens(static_cast<std::size_t>(16), 7);
  (void)decoder.advance(tokens, {});
  decoder.observe(11, [&](std::int64_t layer, InputGroup group, std::span<const float> input) {
    std::vector<float> sizes(input.size());
    std::transform(input.begin(), input.end(), sizes.begin(), [](float v) { return std::fabs(v); });
    const auto at = sizes.begin() + static_cast<std::ptrdiff_t>(sparsity * static_cast<double>(sizes.size()));
    std::nth_element(sizes.begin(), at, sizes.end());
    decoder.set_group_threshold(layer, group, *at);
  });
  double read = 0.0;
  double all = 0.0;
  decoder.observe(11, [&](std::int64_t layer, InputGroup group, std::span<const float> input) {
    const auto& product = decoder.weights().layers[static_cast<std::size_t>(layer)].product(group);
    for (const auto& part : std::get<DeviceColumns>(product.weights()).parts) {
      const float t = part.threshold;
      const auto active = std::count_if(input.begin(), input.end(), [&](float v) { return std::fabs(v) > t; });
      read += static_cast<double>(active) * static_cast<double>(part.rows);
      all += static_cast<double>(input.size()) * static_cast<double>(part.rows);
    }
  });
  return read / all;
}

// Bytes per second of a copy inside the device's memory, read and written ones.
double copy_speed() {
  constexpr std::size_t kBytes = std::size_t{2} << 30U;
  kernels::DeviceBuffer from(kBytes);
  kernels::DeviceBuffer to(kBytes);
  from.fill(0x35);
  const kernels::DeviceQueue queue;
  double best = 1e300;
  for (int i = 0; i < 8; ++i) {
    best = std::min(best, kernels::device_seconds(queue, [&] { queue.copy(to.data(), from.data(), kBytes); }));
  }
  return 2.0 * static_cast<double>(kBytes) / best;
}

}  // namespace lacuna::bench
