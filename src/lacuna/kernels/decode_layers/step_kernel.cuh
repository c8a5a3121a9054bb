// The kernel of cuda.hpp: one block a multiprocessor, for all layers. Of a layer, in turn:
//
//   {q, k, v}, attention, output projection, gate·up, down projection
//
// A product: 1. receive its input from the blocks that made it (published.cuh), normalised where there is a norm;
// 2. ask for a first few of the active columns and list the others; 3. stream them (column_stream.cuh); 4. add up the
// threads' sums and publish the outputs. A block of an attention's head receives what it needs of q, k and v; others go
// on to the next product's input.
//
// Blocks wait for each other, so all must be there at once: a cooperative launch.
#pragma once

#include "lacuna/kernels/decode_layers/column_stream.cuh"
#include "lacuna/kernels/decode_layers/step_input.cuh"

namespace lacuna::kernels::cuda {

constexpr int kMostHeadDim = 256;

// Where parts of dynamic shared memory begin: the ring, later sums; the input; which columns are active; the list; two
// layers; the position's cosines and sines; who does what.
struct StepRoom {
  int input;
  int active;
  int listed;
  int counts;
  int list;
  int layers;
  int rope;
  int block_work;
  int thread_work;
  int bytes;
};

__host__ __device__ inline StepRoom step_room(int most_cols) {
  StepRoom room = {};
  room.input = kRingBytes;
  const int chunks = (most_cols + kChunkColumns - 1) / kChunkColumns;
  room.active = room.input + chunks * kChunkColumns * 2;
  room.listed = room.active + chunks * (kChunkColumns / 8);
  room.counts = room.listed + chunks * (kChunkColumns / 8);
  room.list = room.counts + (chunks + 3) / 4 * 16;
  room.layers = room.list + most_cols * 4;
  room.rope = room.layers + 2 * static_cast<int>(sizeof(StepLayer));
  room.block_work = room.rope + kMostHeadDim * 4;
  room.thread_work = room.block_work + (kStepProducts * static_cast<int>(sizeof(BlockWork)) + 15) / 16 * 16;
  room.bytes = room.thread_work + kStepProducts * kStepThreads * static_cast<int>(sizeof(ThreadWork));
  return room;
}

template <typename T>
class Step {
 public:
  __device__ __forceinline__ Step(const StepArgs& args, unsigned char* shared, float* of_warps)
      : args_(args), shared_(shared), of_warps_(of_warps), room_(step_room(args.most_cols)) {}

  __device__ __forceinline__ void run() {
    const int position = *args_.position;
    load_layer(0);
    end_copies();
    wait_for_copies<0>();
    __syncthreads();
    load_rope(position);
    deal_work();
    __syncthreads();
    for (int step = 0; step < args_.n_layers * kStepProducts; ++step) {
      const int index = step / kStepProducts;
      const int which = step % kStepProducts;
      if (which == kQkv && index > 0) {  // a block may have had nothing to wait for since it asked for the layer
        wait_for_copies<0>();
        __syncthreads();
      }
      const HeadArgs& head = layer(index).head;
      const bool attends = which == kQkv && static_cast<int>(blockIdx.x) < head.blocks();
      if (attends) DecodeHead<T>(head, static_cast<int>(blockIdx.x), position).prefetch();
      multiply(layer(index).products[which], which, ends_of(index, which));
      if (attends) attend(head, position, turn_of(index));
      if (which == kQkv && index + 1 < args_.n_layers) load_layer(index + 1);
    }
    wait_for_copies<0>();
  }

 private:
  __device__ __forceinline__ StepLayer& layer(int index) const {
    return reinterpret_cast<StepLayer*>(shared_ + room_.layers)[index % 2];
  }

  __device__ __forceinline__ void load_layer(int index) const {
    constexpr int kPieces = sizeof(StepLayer) / 16;
    const auto* from = reinterpret_cast<const uint4*>(args_.layers + index);
    for (int i = static_cast<int>(threadIdx.x); i < kPieces; i += kStepThreads) {
      copy_16(shared_address(&layer(index)) + i * 16, from + i, true);
    }
  }

  // Who does what, in all layers, to shared memory.
  __device__ __forceinline__ void deal_work() const {
    for (int which = 0; which < kStepProducts; ++which) {
      const StepProduct& product = layer(0).products[which];
      const BlockWork block = block_work(product);
      if (threadIdx.x == 0) work_of_block(which) = block;
      work_of_thread(which) = thread_work(product, block);
    }
  }
  __device__ __forceinline__ BlockWork& work_of_block(int which) const {
    return reinterpret_cast<BlockWork*>(shared_ + room_.block_work)[which];
  }
  __device__ __forceinline__ ThreadWork& work_of_thread(int which) const {
    return reinterpret_cast<ThreadWork*>(shared_ + room_.thread_work)[which * kStepThreads + threadIdx.x];
  }

  // The position's cosines and sines, which all layers share, to shared memory; read after a barrier.
  __device__ __forceinline__ void load_rope(int position) {
    const HeadArgs& head = layer(0).head;
    const RopeRows from = rope_rows(head, position);
    if (from.cosines == nullptr) return;
    auto* own = reinterpret_cast<float*>(shared_ + room_.rope);
    for (int i = static_cast<int>(threadIdx.x); i < head.d / 2; i += kStepThreads) {
      own[i] = from.cosines[i];
      own[head.d / 2 + i] = from.sines[i];
    }
    rope_ = {own, own + head.d / 2};
  }

  // What a product reads and where its outputs go.
  struct Ends {
    Published input;
    const float* norm;      // null where there is none
    const float* residual;  // null, or what is added to the outputs: this block's own words, or older than the launch
    float* out;
    unsigned turn;
  };

  __device__ __forceinline__ static unsigned turn_of(int index) { return static_cast<unsigned>(index) & 1U; }

  __device__ __forceinline__ Ends ends_of(int index, int which) const {
    const StepLayer& own = layer(index);
    const StepWords& words = args_.words;
    const unsigned turn = turn_of(index);
    const int cols = own.products[which].cols;
    const Published before =
        index == 0 ? Published{args_.hidden, cols, 2} : Published{words.after_mlp, cols, turn ^ 1U};
    switch (which) {
      case kQkv: return {before, own.attention_norm, nullptr, words.qkv, turn};
      case kOutput: return {{words.context, cols, turn}, nullptr, before.words, words.after_attention, turn};
      case kGateUp: return {{words.after_attention, cols, turn}, own.mlp_norm, nullptr, words.inner, turn};
      default: return {{words.inner, cols, turn}, nullptr, words.after_attention, words.after_mlp, turn};
    }
  }

  __device__ __forceinline__ void multiply(const StepProduct& product, int which, const Ends& ends) const {
    const BlockWork block = work_of_block(which);
    const ThreadWork work = work_of_thread(which);
    const auto own = static_cast<int>(threadIdx.x);
    const int outputs = block.stripe.width * 8;
    if (outputs == 0) return;
    const int first = block.stripe.first * 8;
    float base = 0.0F;
    if (ends.residual != nullptr && own < outputs) base = read_word(ends.residual + first + own);
    float sums[8] = {};
    add_columns(product, block, work, ends, sums);
    const float* parts = add_up(block, work, sums);
    if (own >= outputs) return;
    const auto total = [&](int place) {
      float sum = 0.0F;
#pragma unroll 4
      for (int group = 0; group < block.groups; ++group) sum += parts[group * block.slots * 8 + place];
      return sum;
    };
    float value = base + total(own);
    float up = product.gated ? total(outputs + own) : 0.0F;
    if (product.has_bias) add_biases(product, block.stripe, value, up);
    if (product.gated) value = silu(value) * up;
    publish(ends.out + first + own, value, ends.turn);
  }

  // The input, and this thread's sums of its active columns.
  __device__ __forceinline__ void add_columns(const StepProduct& product, const BlockWork& block,
                                              const ThreadWork& work, const Ends& ends, float (&sums)[8]) const {
    const ActiveColumns columns{reinterpret_cast<std::uint32_t*>(shared_ + room_.active),
                                reinterpret_cast<std::uint32_t*>(shared_ + room_.listed),
                                reinterpret_cast<int*>(shared_ + room_.counts)};
    StepInput<T>(reinterpret_cast<T*>(shared_ + room_.input), columns.active, of_warps_, args_.epsilon)
        .receive(ends.input, ends.norm, product.threshold);
    const auto* x = reinterpret_cast<const std::uint16_t*>(shared_ + room_.input);
    auto* list = reinterpret_cast<std::uint32_t*>(shared_ + room_.list);
    const long long before = product.gated ? 2 * block.stripe.first : block.stripe.first;  // octets of a column
    ColumnStream<T> stream(product.stripes + before * product.cols * 16, block, work,
                           product.parts[work.part].threshold,
                           lane_address(shared_address(shared_) + threadIdx.x * 16));
    stream.start(columns.active, (product.cols + 31) / 32, x);
    count_listed(columns, product.cols, block.turns);
    __syncthreads();
    const int n = list_columns(columns, x, product.cols, list);
    __syncthreads();
    stream.run(shared_address(list), n, sums);
  }

  __device__ __forceinline__ static void add_biases(const StepProduct& product, const Stripe& stripe, float& value,
                                                    float& up) {
    const int own = static_cast<int>(threadIdx.x);
    const StripePlace place(product, stripe, own / 8);
    const int row = place.octet * 8 + own % 8;
    value = biased<T>({nullptr, OutputKind::store, product.parts[place.part].bias}, row, value);
    if (product.gated) up = biased<T>({nullptr, OutputKind::store, product.parts[1].bias}, row, up);
  }

  // The threads' sums, in the place of the ring, of which nothing is on its way: those of a group of threads for every
  // output, groups apart.
  __device__ __forceinline__ const float* add_up(const BlockWork& block, const ThreadWork& work,
                                                 const float (&sums)[8]) const {
    auto* own = reinterpret_cast<float4*>(shared_) + threadIdx.x;
    own[0] = make_float4(sums[0], sums[1], sums[2], sums[3]);
    own[kStepThreads] = make_float4(sums[4], sums[5], sums[6], sums[7]);
    __syncthreads();
    const auto* of_threads = reinterpret_cast<const float*>(shared_);
    auto* parts = reinterpret_cast<float*>(shared_ + 2 * kTurnBytes);
    if (work.group < block.groups) {
      const int output = work.output;
      const float* first = of_threads + output % 8 / 4 * kStepThreads * 4 + output / 8 * 4 + output % 4;
      float sum = 0.0F;
#pragma unroll 8
      for (int turn = work.group; turn < block.turns; turn += block.groups) sum += first[turn * block.slots * 4];
      parts[threadIdx.x] = sum;
    }
    __syncthreads();
    return parts;
  }

  __device__ __forceinline__ void attend(const HeadArgs& head, int position, unsigned turn) const {
    DecodeHead<T> own(head, static_cast<int>(blockIdx.x), position);
    T* vectors = reinterpret_cast<T*>(shared_ + room_.input);  // q, k and v
    const int which = static_cast<int>(threadIdx.x) / 32;      // the warp that receives it also reads it
    const int at = static_cast<int>(threadIdx.x) % 32 * 8;
    static_assert(kMostHeadDim <= 32 * 8);
    const bool receives = which < 3 && at < head.d;
    const int first = which == 0 ? own.head() : head.heads + (which - 1) * head.kv_heads + own.kv_head();
    const float* words = args_.words.qkv + first * head.d + at;
    Octet32 octet;
    if (receives) octet.read(words);
    own.load();
    if (receives) {
      while (!octet.is_of(turn)) {
        __nanosleep(20);
        octet.read(words);
      }
      float values[8];
      octet.values(values);
      *reinterpret_cast<uint4*>(vectors + which * head.d + at) = narrow_octet<T>(values);
    }
    __syncwarp();
    float* context = args_.words.context + own.head() * head.d;
    own.run(vectors, vectors + head.d, vectors + 2 * head.d, rope_, reinterpret_cast<float*>(shared_),
            [&](int c, float v) { publish(context + c, v, turn); });
  }

  const StepArgs& args_;
  unsigned char* shared_;
  float* of_warps_;
  StepRoom room_;
  RopeRows rope_ = {};
};

template <typename T>
__global__ void __launch_bounds__(kStepThreads, 1) decode_layers_kernel(const __grid_constant__ StepArgs args) {
  extern __shared__ __align__(128) unsigned char shared[];
  __shared__ float of_warps[kStepWarps];
  Step<T>(args, shared, of_warps).run();
}

}  // namespace lacuna::kernels::cuda
