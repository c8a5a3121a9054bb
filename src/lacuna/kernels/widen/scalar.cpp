#include <cstring>

#include "lacuna/kernels/widen/widen.hpp"

namespace lacuna::kernels::scalar {
namespace {

template <typename T, typename Out, typename Value>
void run(const std::byte* in, std::int64_t stride, std::int64_t n, Out* out, Value value) {
  const std::int64_t step = stride * static_cast<std::int64_t>(sizeof(T));
  for (std::int64_t i = 0; i < n; ++i) {
    T element;
    std::memcpy(&element, in + i * step, sizeof(T));
    out[i] = static_cast<Out>(value(element));
  }
}

template <typename T, typename Out>
void numbers(const std::byte* in, std::int64_t stride, std::int64_t n, Out* out) {
  run<T>(in, stride, n, out, [](T element) { return element; });
}

template <typename Out>
void any(DType dtype, const std::byte* in, std::int64_t stride, std::int64_t n, Out* out) {
  switch (dtype) {
    case DType::f64: return numbers<double>(in, stride, n, out);
    case DType::f32: return numbers<float>(in, stride, n, out);
    case DType::f16: return run<std::uint16_t>(in, stride, n, out, f16_to_f32);
    case DType::bf16: return run<std::uint16_t>(in, stride, n, out, bf16_to_f32);
    case DType::f8_e4m3: return run<std::uint8_t>(in, stride, n, out, f8_e4m3_to_f32);
    case DType::f8_e5m2: return run<std::uint8_t>(in, stride, n, out, f8_e5m2_to_f32);
    case DType::i64: return numbers<std::int64_t>(in, stride, n, out);
    case DType::i32: return numbers<std::int32_t>(in, stride, n, out);
    case DType::i16: return numbers<std::int16_t>(in, stride, n, out);
    case DType::i8: return numbers<std::int8_t>(in, stride, n, out);
    case DType::u64: return numbers<std::uint64_t>(in, stride, n, out);
    case DType::u32: return numbers<std::uint32_t>(in, stride, n, out);
    case DType::u16: return numbers<std::uint16_t>(in, stride, n, out);
    case DType::u8: return numbers<std::uint8_t>(in, stride, n, out);
    case DType::boolean:
      return run<std::uint8_t>(in, stride, n, out, [](std::uint8_t byte) { return byte == 0 ? 0 : 1; });
  }
}

}  // namespace

void widen(DType dtype, const std::byte* in, std::int64_t stride, std::int64_t n, float* out) {
  any(dtype, in, stride, n, out);
}

void widen(DType dtype, const std::byte* in, std::int64_t stride, std::int64_t n, double* out) {
  any(dtype, in, stride, n, out);
}

}  // namespace lacuna::kernels::scalar
