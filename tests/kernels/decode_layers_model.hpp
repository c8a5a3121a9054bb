// A small LLaMA whose layers run on a device in one launch, in one launch a product, and, at position 0, in f64 on the
// host.
#pragma once

#include <cmath>
#include <memory>
#include <vector>

#include "kernels/device_values.hpp"
#include "lacuna/kernels/decode_layers/cuda.hpp"
#include "lacuna/kernels/device/graph.hpp"
#include "lacuna/kernels/sparse_gemv/cuda.hpp"

namespace lacuna::test {

using namespace kernels;

struct LayersCase {
  DecodeLayersShape shape;
  float threshold = -1.0F;
  bool biases = false;
  bool norms = false;  // of queries and keys
  std::int64_t window = 0;
  std::int64_t position = 5;
  std::int64_t capacity = 16;
};

inline Values scaled(DType dtype, std::int64_t n, std::uint64_t seed, double scale) {
  Values values(dtype, n, seed);
  for (std::int64_t i = 0; i < n; ++i) values.set(i, values.at(i) * scale);
  return values;
}

// One product: its parts as columns and as stripes, and their biases. usual: of the magnitude of its inputs, to which
// thresholds are in proportion.
class LayerWeights {
 public:
  LayerWeights(const LayersCase& c, const std::vector<std::int64_t>& rows, std::int64_t cols, bool gated,
               std::uint64_t seed, float usual)
      : c_(c), usual_(usual), rows_(rows), cols_(cols), stripes_(c.shape.dtype, rows, cols, gated) {
    std::int64_t all = 0;
    std::vector<ColumnsView> views;
    for (const std::int64_t n : rows) {
      all += n;
      columns_.emplace_back(scaled(c.shape.dtype, n * cols, seed++, 1.0 / std::sqrt(static_cast<double>(cols))), 0);
      views.push_back({columns_.back().data(), n});
    }
    stripes_.fill(views);
    if (c.biases) bias_ = std::make_unique<DeviceValues>(Values(c.shape.dtype, all, seed), 0);
  }

  // In f64 on the host, of an input rounded to the type; gated: silu of the first part times the second.
  std::vector<double> on_host(const std::vector<double>& input, bool gated) const {
    Values x(c_.shape.dtype, cols_);
    for (std::int64_t j = 0; j < cols_; ++j) x.set(j, input[static_cast<std::size_t>(j)]);
    const Values bias = bias_ == nullptr ? Values(c_.shape.dtype, 0) : bias_->download();
    std::vector<double> sums;
    for (std::size_t part = 0; part < rows_.size(); ++part) {
      const Values w = columns_[part].download();
      for (std::int64_t i = 0; i < rows_[part]; ++i) {
        double sum = bias_ == nullptr ? 0.0 : bias.at(static_cast<std::int64_t>(sums.size()));
        for (std::int64_t j = 0; j < cols_; ++j) {
          if (std::abs(x.at(j)) > static_cast<double>(threshold(part))) sum += w.at(j * rows_[part] + i) * x.at(j);
        }
        sums.push_back(sum);
      }
    }
    if (!gated) return sums;
    const std::size_t half = sums.size() / 2;
    for (std::size_t i = 0; i < half; ++i) sums[i] = sums[i] / (1.0 + std::exp(-sums[i])) * sums[half + i];
    sums.resize(half);
    return sums;
  }

  LayerProduct whole() const {
    LayerProduct product{&stripes_, {}, bias_ == nullptr ? nullptr : bias_->data()};
    for (std::size_t i = 0; i < rows_.size(); ++i) product.thresholds[i] = threshold(i);
    return product;
  }

  // y: where the first part's outputs go; the others' follow.
  std::vector<SparseProduct> parts(void* y, OutputKind kind) const {
    std::vector<SparseProduct> parts;
    std::int64_t first = 0;
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      const std::int64_t width = kind == OutputKind::store ? 2 : 4;
      const std::byte* bias = bias_ == nullptr ? nullptr : bias_->data() + first * 2;
      parts.push_back({columns_[i].data(), rows_[i], rows_[i], threshold(i), bias,
                       static_cast<std::byte*>(y) + first * width, kind});
      first += rows_[i];
    }
    return parts;
  }

 private:
  float threshold(std::size_t part) const { return usual_ * c_.threshold * (1.0F + 0.1F * static_cast<float>(part)); }

  const LayersCase& c_;
  float usual_;
  std::vector<std::int64_t> rows_;
  std::int64_t cols_;
  std::vector<DeviceValues> columns_;
  ColumnStripes stripes_;
  std::unique_ptr<DeviceValues> bias_;
};

inline const float* floats(const DeviceValues& values) { return reinterpret_cast<const float*>(values.data()); }

inline Values near_one(std::int64_t n, std::uint64_t seed) {
  Values values(DType::f32, n, seed);
  for (std::int64_t i = 0; i < n; ++i) values.set(i, 1.0 + 0.1 * values.at(i));
  return values;
}

struct ModelLayer {
  LayerWeights qkv;
  LayerWeights output;
  LayerWeights gate_up;
  LayerWeights down;
  DeviceValues attention_norm;
  DeviceValues mlp_norm;
  DeviceValues query_norm;
  DeviceValues keys;
  DeviceValues values;

  ModelLayer(const LayersCase& c, std::uint64_t seed)
      : qkv(c,
            {c.shape.heads * c.shape.head_dim, c.shape.kv_heads * c.shape.head_dim,
             c.shape.kv_heads * c.shape.head_dim},
            c.shape.hidden, false, seed, 1.0F),
        output(c, {c.shape.hidden}, c.shape.heads * c.shape.head_dim, false, seed + 10, 0.4F),
        gate_up(c, {c.shape.inner, c.shape.inner}, c.shape.hidden, true, seed + 20, 1.0F),
        down(c, {c.shape.hidden}, c.shape.inner, false, seed + 30, 0.4F),
        attention_norm(near_one(c.shape.hidden, seed + 40), 0),
        mlp_norm(near_one(c.shape.hidden, seed + 41), 0),
        query_norm(near_one(c.shape.head_dim, seed + 42), 0),
        keys(Values(c.shape.dtype, c.shape.kv_heads * c.capacity * c.shape.head_dim, seed + 43), 0),
        values(Values(c.shape.dtype, c.shape.kv_heads * c.capacity * c.shape.head_dim, seed + 44), 0) {}
};

class LayersModel {
 public:
  explicit LayersModel(const LayersCase& c, std::uint64_t seed = 0)
      : c_(c),
        position_(&c.position, sizeof(std::int32_t)),
        scratch_(decode_attention_scratch_bytes(c.shape.heads, c.shape.head_dim)),
        cosines_(near_one(c.capacity * c.shape.head_dim / 2, 1), 0),
        sines_(Values(DType::f32, c.capacity * c.shape.head_dim / 2, 2), 0) {
    scratch_.fill(0);
    for (std::int64_t i = 0; i < c.shape.layers; ++i)
      layers_.push_back(std::make_unique<ModelLayer>(c, seed + 100 * (i + 1)));
  }

  Values in_one_launch(const Values& hidden, int times = 1) {
    const DeviceValues input(hidden, 0);
    DecodeLayers step(c_.shape);
    std::vector<DecodeLayer> table;
    for (const auto& layer : layers_) {
      table.push_back({layer->qkv.whole(), layer->output.whole(), layer->gate_up.whole(), layer->down.whole(),
                       floats(layer->attention_norm), floats(layer->mlp_norm), attention(*layer)});
    }
    step.set_layers(table);
    for (int i = 0; i < times; ++i) step.run(position(), floats(input), nullptr);
    synchronize_device();
    Values output(DType::f32, c_.shape.hidden);
    DeviceBuffer copy(output.n_bytes());
    const DeviceQueue queue;
    queue.download(output.data(), step.output(), output.n_bytes());
    queue.wait();
    return output;
  }

  // In f64, at position 0, where attention gives back the newest value.
  Values on_host(const Values& hidden) const {
    const DecodeLayersShape& s = c_.shape;
    std::vector<double> h;
    for (std::int64_t i = 0; i < s.hidden; ++i) h.push_back(hidden.at(i));
    const auto normed = [&](const DeviceValues& norm) {
      const Values weight = norm.download();
      double squares = 0.0;
      for (const double v : h) squares += v * v;
      const double scale = 1.0 / std::sqrt(squares / static_cast<double>(s.hidden) + static_cast<double>(s.epsilon));
      std::vector<double> x;
      for (std::int64_t i = 0; i < s.hidden; ++i) x.push_back(weight.at(i) * h[static_cast<std::size_t>(i)] * scale);
      return x;
    };
    const auto add = [&](const std::vector<double>& more) {
      for (std::size_t i = 0; i < h.size(); ++i) h[i] += more[i];
    };
    for (const auto& layer : layers_) {
      const std::vector<double> qkv = layer->qkv.on_host(normed(layer->attention_norm), false);
      std::vector<double> context;
      for (std::int64_t i = 0; i < s.heads * s.head_dim; ++i) {
        const std::int64_t head = i / s.head_dim / (s.heads / s.kv_heads);
        const std::int64_t at = (s.heads + s.kv_heads + head) * s.head_dim + i % s.head_dim;
        context.push_back(qkv[static_cast<std::size_t>(at)]);
      }
      add(layer->output.on_host(context, false));
      add(layer->down.on_host(layer->gate_up.on_host(normed(layer->mlp_norm), true), false));
    }
    Values output(DType::f32, s.hidden);
    for (std::int64_t i = 0; i < s.hidden; ++i) output.set(i, h[static_cast<std::size_t>(i)]);
    return output;
  }

  Values one_by_one(const Values& hidden) {
    const DecodeLayersShape& s = c_.shape;
    DeviceValues residual(hidden, 0);
    DeviceValues qkv(s.dtype, (s.heads + 2 * s.kv_heads) * s.head_dim, 0);
    DeviceValues context(s.dtype, s.heads * s.head_dim, 0);
    DeviceValues inner(s.dtype, s.inner, 0);
    for (const auto& layer : layers_) {
      const auto normed = [&](const DeviceValues& weight) {
        return SparseInput{s.dtype, residual.data(), s.hidden, 1, floats(weight), s.epsilon};
      };
      sparse_gemv_cuda(normed(layer->attention_norm), layer->qkv.parts(qkv.data(), OutputKind::store));
      decode_attention_cuda(attention(*layer), qkv.data(), position(), context.data());
      sparse_gemv_cuda({s.dtype, context.data(), s.heads * s.head_dim},
                       layer->output.parts(residual.data(), OutputKind::add_f32));
      const auto gate_up = layer->gate_up.parts(inner.data(), OutputKind::store);
      sparse_gate_up_cuda(normed(layer->mlp_norm), gate_up[0], gate_up[1], inner.data());
      sparse_gemv_cuda({s.dtype, inner.data(), s.inner}, layer->down.parts(residual.data(), OutputKind::add_f32));
    }
    return residual.download();
  }

 private:
  const std::int32_t* position() const { return reinterpret_cast<const std::int32_t*>(position_.data()); }

  DecodeAttention attention(ModelLayer& layer) {
    DecodeAttention a;
    a.dtype = c_.shape.dtype;
    a.heads = c_.shape.heads;
    a.kv_heads = c_.shape.kv_heads;
    a.head_dim = c_.shape.head_dim;
    a.capacity = c_.capacity;
    a.window = c_.window;
    a.scale = 1.0F / std::sqrt(static_cast<float>(a.head_dim));
    a.epsilon = c_.shape.epsilon;
    if (c_.norms) a.query_norm = a.key_norm = floats(layer.query_norm);
    a.cosines = floats(cosines_);
    a.sines = floats(sines_);
    a.keys = layer.keys.data();
    a.values = layer.values.data();
    a.scratch = scratch_.data();
    return a;
  }

  const LayersCase& c_;
  DeviceBuffer position_;
  DeviceBuffer scratch_;
  DeviceValues cosines_;
  DeviceValues sines_;
  std::vector<std::unique_ptr<ModelLayer>> layers_;
};

}  // namespace lacuna::test
