// What every writer of tensor files shares: specifications, producers, and a file that reports progress, can be stopped
// between chunks and appears complete or not at all.
#pragma once

#include <filesystem>
#include <functional>
#include <span>
#include <string>

#include "lacuna/core/atomic_file.hpp"
#include "lacuna/core/buffer.hpp"
#include "lacuna/core/run_context.hpp"
#include "lacuna/core/tensor.hpp"

namespace lacuna {

struct TensorSpec {
  std::string name;
  DType dtype = DType::f32;
  Shape shape;
};

std::uint64_t spec_bytes(const TensorSpec& spec);  // throws Error{invalid_argument} when it overflows

// Fills `out` (uninitialised, 64-byte aligned, numel × dtype bytes) with the row-major values of `tensors[index]`.
using TensorProducer = std::function<void(std::size_t index, std::span<std::byte> out)>;

class TensorOutput {
 public:
  // `total` is the size the file will have, for the progress; `context` must outlive this.
  TensorOutput(const std::filesystem::path& path, std::uint64_t total, const RunContext& context);

  void write(std::span<const std::byte> bytes);  // throws Error{interrupted} between chunks
  std::uint64_t written() const { return file_.written(); }
  void commit();

 private:
  void report();

  AtomicFile file_;
  std::string stage_;
  std::uint64_t total_;
  const RunContext& context_;
  double reported_ = 0.0;
};

// The row-major bytes of any view, in pieces of at most about a chunk (16 MiB); `scratch` is reused between calls.
using ByteSink = std::function<void(std::span<const std::byte>)>;
void write_row_major(const TensorView& view, AlignedBuffer<std::byte>& scratch, const ByteSink& sink);

}  // namespace lacuna
