// Random weights, and as many copies of them as it takes to leave the cache.
//
// Threads  filling and copying are parallel inside; the values depend on the seed alone.
// Errors   Error{out_of_memory}.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "lacuna/core/buffer.hpp"
#include "lacuna/core/dtype.hpp"

namespace lacuna {

inline constexpr std::size_t kRotatedBytes = std::size_t{512} << 20;  // sixteen times the last cache of most processors

struct BenchShape {
  std::int64_t rows = 0;  // outputs
  std::int64_t cols = 0;  // inputs
};

// rows·cols elements of f32, f16 or bf16, row-major: 0 with probability `zeros`, else of magnitude 0.5 to 1.5 times
// scale.
AlignedBuffer<std::byte> random_weights(DType dtype, BenchShape shape, double zeros, std::uint64_t seed,
                                        double scale = 1.0);

// Copies that take together at least `rotated_bytes`: at least 2, and at most 1024, so that matrices below half a MiB
// stay in the cache.
std::int64_t copies_to_rotate(std::size_t bytes, std::size_t rotated_bytes);

std::vector<float> random_input(std::int64_t cols, std::uint64_t seed);  // from −0.5 to 0.5

class Copies {
 public:
  Copies(std::span<const std::byte> data, std::size_t rotated_bytes);

  std::span<const std::byte> at(std::int64_t turn) const {
    return copies_[static_cast<std::size_t>(turn) % copies_.size()].span();
  }
  std::int64_t count() const { return static_cast<std::int64_t>(copies_.size()); }

 private:
  std::vector<AlignedBuffer<std::byte>> copies_;
};

// Reads every byte once with all threads: what any product must at least do. The result depends on all of them.
std::uint64_t read_once(std::span<const std::byte> data);

}  // namespace lacuna
