// What the kernel of cuda.cu is given, and who owns what.
#pragma once

#include "lacuna/kernels/attention/decode_head.cuh"
#include "lacuna/kernels/decode_layers/stripe.cuh"

namespace lacuna::kernels::cuda {

constexpr int kStepThreads = 512;
constexpr int kMostStepColumns = 24576;
constexpr int kMostNormalised = 8192;             // columns
constexpr int kMostStepSlots = kStepThreads / 8;  // octets of a block's outputs in one product

struct StepPart {
  const void* bias;
  float threshold;
  int first_octet;  // of the product's
};

// A product; of gate and up, octets are one part's.
struct StepProduct {
  const unsigned char* stripes;
  StepPart parts[kMostParts];
  int n_parts;
  int octets;
  int cols;
  bool gated;
  bool has_bias;
  float threshold;  // the least of the parts'
};

enum StepProductIndex { kQkv, kOutput, kGateUp, kDown, kStepProducts };

struct alignas(16) StepLayer {
  StepProduct products[kStepProducts];
  const float* attention_norm;
  const float* mlp_norm;
  HeadArgs head;
};

// Where published values lie, in f32.
struct StepWords {
  float* qkv;
  float* context;
  float* after_attention;  // the residual stream
  float* inner;
  float* after_mlp;
};

struct StepArgs {
  const StepLayer* layers;
  const std::int32_t* position;
  const float* hidden;
  StepWords words;
  int n_layers;
  float epsilon;
  int most_cols;
};

// A block's part of a product, the same in all layers.
struct BlockWork {
  Stripe stripe;
  int slots;   // octets of all matrices
  int turns;   // threads of a slot
  int groups;  // of threads, that add up an output's sums together
};

// A thread's part of its block's: one slot's octet of every turns-th column; then the sums of one output.
struct ThreadWork {
  std::uint16_t turn;  // at least `turns`: the thread has nothing to add
  std::uint8_t slot;
  std::uint8_t part;
  std::uint16_t group;  // at least `groups`: nor sums to add up
  std::uint16_t output;
};

__device__ __forceinline__ BlockWork block_work(const StepProduct& product) {
  BlockWork work = {};
  work.stripe = stripe_of(product.octets, product.gated, static_cast<int>(blockIdx.x), static_cast<int>(gridDim.x));
  work.slots = product.gated ? 2 * work.stripe.width : work.stripe.width;
  if (work.slots == 0) return work;
  work.turns = kStepThreads / work.slots;
  work.groups = kStepThreads / (work.slots * 8);
  return work;
}

__device__ __forceinline__ ThreadWork thread_work(const StepProduct& product, const BlockWork& block) {
  if (block.slots == 0) return {};
  const auto own = static_cast<int>(threadIdx.x);
  const int slot = own % block.slots;
  return {static_cast<std::uint16_t>(own / block.slots), static_cast<std::uint8_t>(slot),
          static_cast<std::uint8_t>(StripePlace(product, block.stripe, slot).part),
          static_cast<std::uint16_t>(own / (block.slots * 8)), static_cast<std::uint16_t>(own % (block.slots * 8))};
}

}  // namespace lacuna::kernels::cuda
