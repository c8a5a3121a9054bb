#include "lacuna/kernels/decode_layers/cuda.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "lacuna/kernels/decode_layers/step_kernel.cuh"
#include "lacuna/kernels/device/check.cuh"

namespace lacuna::kernels {
namespace cuda {
namespace {

void require(bool condition, const char* what) {
  if (!condition) throw Error(ErrorCode::invalid_argument, std::string("decode_layers on CUDA: ") + what);
}

// Words that blocks tell each other, in the order of StepWords.
std::int64_t qkv_size(const DecodeLayersShape& s) { return (s.heads + 2 * s.kv_heads) * s.head_dim; }
std::int64_t context_size(const DecodeLayersShape& s) { return s.heads * s.head_dim; }
std::int64_t word_count(const DecodeLayersShape& s) { return qkv_size(s) + context_size(s) + s.inner + 2 * s.hidden; }

int most_columns(const DecodeLayersShape& s) {
  return static_cast<int>(std::max({s.hidden, context_size(s), s.inner}));
}

int most_slots(std::int64_t rows, bool gated, int blocks) {
  const std::int64_t unit = stripe_unit(gated);
  const std::int64_t units = (rows / 8 + unit - 1) / unit;
  return static_cast<int>(std::min<std::int64_t>((units + blocks - 1) / blocks * 2, 1 << 20));
}

StepProduct make_product(const LayerProduct& product) {
  const ColumnStripes& stripes = *product.stripes;
  StepProduct made = {};
  made.stripes = static_cast<const unsigned char*>(stripes.data());
  made.n_parts = static_cast<int>(stripes.rows().size());
  made.cols = static_cast<int>(stripes.cols());
  made.gated = stripes.gated();
  made.has_bias = product.bias != nullptr;
  made.threshold = product.thresholds[0];
  const auto* bias = static_cast<const std::byte*>(product.bias);
  for (std::size_t i = 0; i < stripes.rows().size(); ++i) {
    made.parts[i] = {bias, product.thresholds[i], made.octets};
    if (!made.gated || i == 0) made.octets += static_cast<int>(stripes.rows()[i] / 8);
    if (bias != nullptr) bias += stripes.rows()[i] * 2;
    made.threshold = std::min(made.threshold, product.thresholds[i]);
  }
  return made;
}

template <typename T>
void launch(const StepArgs& args, int blocks, cudaStream_t stream) {
  auto* kernel = decode_layers_kernel<T>;
  static const cudaError_t raised =
      cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kMaxSharedBytes);
  check_cuda(raised, "raise the shared memory limit");
  cudaLaunchAttribute attribute = {};
  attribute.id = cudaLaunchAttributeCooperative;
  attribute.val.cooperative = 1;
  cudaLaunchConfig_t config = {};
  config.gridDim = dim3(static_cast<unsigned>(blocks));
  config.blockDim = dim3(kStepThreads);
  config.dynamicSmemBytes = static_cast<std::size_t>(step_room(args.most_cols).bytes);
  config.stream = stream;
  config.attrs = &attribute;
  config.numAttrs = 1;
  check_cuda(cudaLaunchKernelEx(&config, kernel, args), "launch decode_layers");
}

}  // namespace
}  // namespace cuda

bool DecodeLayers::fits(const DecodeLayersShape& s) {
  const auto sizes = {s.hidden, s.inner, s.heads * s.head_dim, s.kv_heads * s.head_dim};
  if (s.dtype != DType::f16 && s.dtype != DType::bf16) return false;
  if (std::any_of(sizes.begin(), sizes.end(), [](std::int64_t n) { return n < 8 || n % 8 != 0; })) return false;
  if (cuda::most_columns(s) > cuda::kMostStepColumns || s.hidden > cuda::kMostNormalised ||
      cuda::step_room(cuda::most_columns(s)).bytes > cuda::kMaxSharedBytes || s.layers < 1)
    return false;
  if (s.head_dim > cuda::kMostHeadDim || s.heads % std::max<std::int64_t>(s.kv_heads, 1) != 0) return false;
  const auto info = device_info();
  if (!info || info->major < 9) return false;
  const int blocks = info->multiprocessors;
  return s.heads <= blocks && cuda::most_slots(cuda::qkv_size(s), false, blocks) <= cuda::kMostStepSlots &&
         cuda::most_slots(s.hidden, false, blocks) <= cuda::kMostStepSlots &&
         cuda::most_slots(s.inner, true, blocks) <= cuda::kMostStepSlots;
}

DecodeLayers::DecodeLayers(const DecodeLayersShape& shape)
    : shape_(shape),
      words_(static_cast<std::size_t>(cuda::word_count(shape)) * 4),
      table_(static_cast<std::size_t>(shape.layers) * sizeof(cuda::StepLayer)) {
  cuda::require(fits(shape), "the shape does not fit this device");
}

void DecodeLayers::set_layers(std::span<const DecodeLayer> layers) {
  LACUNA_ASSERT(static_cast<std::int64_t>(layers.size()) == shape_.layers);
  const int blocks = device_multiprocessors();
  std::vector<cuda::StepLayer> table;
  for (const DecodeLayer& layer : layers) {
    cuda::StepLayer made = {};
    made.products[cuda::kQkv] = cuda::make_product(layer.qkv);
    made.products[cuda::kOutput] = cuda::make_product(layer.output);
    made.products[cuda::kGateUp] = cuda::make_product(layer.gate_up);
    made.products[cuda::kDown] = cuda::make_product(layer.down);
    made.attention_norm = layer.attention_norm;
    made.mlp_norm = layer.mlp_norm;
    made.head = cuda::make_head_args(layer.attention, blocks);
    table.push_back(made);
  }
  table_.upload(table.data(), table.size() * sizeof(cuda::StepLayer));
}

const float* DecodeLayers::output() const {
  return reinterpret_cast<const float*>(words_.data()) + cuda::word_count(shape_) - shape_.hidden;
}

void DecodeLayers::run(const std::int32_t* position, const float* hidden, DeviceStream stream) {
  auto* queue = static_cast<cudaStream_t>(stream);
  check_cuda(cudaMemsetAsync(words_.data(), 0xff, words_.bytes(), queue), "clear what blocks tell each other");
  auto* word = reinterpret_cast<float*>(words_.data());
  cuda::StepArgs args = {};
  args.layers = reinterpret_cast<const cuda::StepLayer*>(table_.data());
  args.position = position;
  args.hidden = hidden;
  args.words.qkv = word;
  args.words.context = args.words.qkv + cuda::qkv_size(shape_);
  args.words.inner = args.words.context + cuda::context_size(shape_);
  args.words.after_attention = args.words.inner + shape_.inner;
  args.words.after_mlp = args.words.after_attention + shape_.hidden;
  args.n_layers = static_cast<int>(shape_.layers);
  args.epsilon = shape_.epsilon;
  args.most_cols = cuda::most_columns(shape_);
  const int blocks = device_multiprocessors();
  if (shape_.dtype == DType::f16) return cuda::launch<__half>(args, blocks, queue);
  cuda::launch<__nv_bfloat16>(args, blocks, queue);
}

}  // namespace lacuna::kernels
