#include "lacuna/sparse/packer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "lacuna/core/buffer.hpp"
#include "lacuna/core/digest.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/core/threads.hpp"
#include "lacuna/kernels/pack/pack.hpp"
#include "lacuna/sparse/group_indices.hpp"

namespace lacuna {
namespace {

constexpr std::int64_t kBlocksPerThread = 4;

Error changed() { return {ErrorCode::file_changed, "the weights changed while they were packed"}; }

std::uint64_t count_ones(const std::vector<std::uint64_t>& words) {
  std::uint64_t ones = 0;
  for (const auto word : words) ones += static_cast<unsigned>(std::popcount(word));
  return ones;
}

// The rows of a matrix, side by side in memory, and which elements of a row are stored.
class StoredRows {
 public:
  StoredRows(const TensorView& matrix, const PackingPlan& plan) : plan_(plan), data_(matrix.data) {
    if (matrix.is_contiguous()) return;
    copy_ = AlignedBuffer<std::byte>(matrix.bytes());
    copy_contiguous(matrix, copy_.data());
    data_ = copy_.data();
  }

  const std::byte* row(std::int64_t r) const {
    return data_ + static_cast<std::size_t>(r * plan_.cols) * dtype_bytes(plan_.dtype);
  }

  // words: ceil(cols/64), padded with zeros. indices: null, or the row's, for grouped layouts.
  void stored_bits(std::int64_t r, std::vector<std::uint64_t>& words, std::uint8_t* indices = nullptr) const {
    words.resize(static_cast<std::size_t>((plan_.cols + 63) / 64));
    kernels::pack_nonzero(dtype_bytes(plan_.dtype) == 4 ? DType::u32 : DType::u16, row(r), plan_.cols, words.data());
    if (!plan_.layout.grouped()) return;
    std::vector<std::uint8_t> unused;
    const auto row_bytes = static_cast<std::size_t>(plan_.structure_row_bytes());
    if (indices == nullptr) {
      unused.resize(row_bytes);
      indices = unused.data();
    }
    encode_group_row(plan_.layout, plan_.cols, {reinterpret_cast<std::uint8_t*>(words.data()), words.size() * 8},
                     {indices, row_bytes});
  }

  // Values before each block of kRowsPerStart rows; the last entry is their number.
  std::vector<std::uint64_t> block_starts() const {
    const std::int64_t blocks = (plan_.rows + kRowsPerStart - 1) / kRowsPerStart;
    std::vector<std::uint64_t> starts(static_cast<std::size_t>(blocks) + 1, 0);
    parallel_for(blocks, kBlocksPerThread, [&](std::int64_t begin, std::int64_t end) {
      std::vector<std::uint64_t> words;
      for (auto b = begin; b < end; ++b) {
        for (auto r = b * kRowsPerStart; r < std::min(plan_.rows, (b + 1) * kRowsPerStart); ++r) {
          stored_bits(r, words);
          starts[static_cast<std::size_t>(b) + 1] += count_ones(words);
        }
      }
    });
    for (std::size_t b = 1; b < starts.size(); ++b) starts[b] += starts[b - 1];
    if (starts.back() != plan_.stored) throw changed();
    return starts;
  }

 private:
  const PackingPlan& plan_;
  const std::byte* data_;
  AlignedBuffer<std::byte> copy_;
};

template <typename Bits>
std::byte* append_stored(const std::byte* row, const std::vector<std::uint64_t>& words, std::byte* out) {
  for (std::size_t w = 0; w < words.size(); ++w) {
    for (std::uint64_t word = words[w]; word != 0; word &= word - 1, out += sizeof(Bits)) {
      const auto column = w * 64 + static_cast<std::size_t>(std::countr_zero(word));
      std::memcpy(out, row + column * sizeof(Bits), sizeof(Bits));
    }
  }
  return out;
}

void pack_values(const StoredRows& rows, const PackingPlan& plan, std::byte* out) {
  const auto starts = rows.block_starts();
  const std::size_t width = dtype_bytes(plan.dtype);
  parallel_for(static_cast<std::int64_t>(starts.size()) - 1, kBlocksPerThread,
               [&](std::int64_t begin, std::int64_t end) {
                 std::vector<std::uint64_t> words;
                 for (auto b = begin; b < end; ++b) {
                   const std::byte* limit = out + starts[static_cast<std::size_t>(b) + 1] * width;
                   std::byte* to = out + starts[static_cast<std::size_t>(b)] * width;
                   for (auto r = b * kRowsPerStart; r < std::min(plan.rows, (b + 1) * kRowsPerStart); ++r) {
                     rows.stored_bits(r, words);
                     if (count_ones(words) * width > static_cast<std::uint64_t>(limit - to)) throw changed();
                     to = width == 4 ? append_stored<std::uint32_t>(rows.row(r), words, to)
                                     : append_stored<std::uint16_t>(rows.row(r), words, to);
                   }
                 }
               });
}

void pack_structure(const StoredRows& rows, const PackingPlan& plan, std::uint8_t* out) {
  const std::int64_t row_bytes = plan.structure_row_bytes();
  parallel_for(plan.rows, kRowsPerStart * kBlocksPerThread, [&](std::int64_t begin, std::int64_t end) {
    std::vector<std::uint64_t> words;
    for (auto r = begin; r < end; ++r) {
      std::uint8_t* to = out + r * row_bytes;
      rows.stored_bits(r, words, to);
      if (!plan.layout.grouped()) std::memcpy(to, words.data(), static_cast<std::size_t>(row_bytes));
    }
  });
}

}  // namespace

std::string_view packed_part_suffix(PackedPart part) {
  switch (part) {
    case PackedPart::bitmap: return ".bitmap";
    case PackedPart::indices: return ".indices";
    case PackedPart::row_starts: return ".row_starts";
    case PackedPart::values: return ".values";
  }
  return "";
}

std::vector<PackedPart> packed_parts(const PackedLayout& layout) {
  if (layout.grouped()) return {PackedPart::indices, PackedPart::values};
  return {PackedPart::bitmap, PackedPart::row_starts, PackedPart::values};
}

TensorSpec packed_part_spec(const std::string& name, const PackingPlan& plan, PackedPart part) {
  const std::string full = name + std::string(packed_part_suffix(part));
  const auto stored = static_cast<std::int64_t>(plan.stored);
  switch (part) {
    case PackedPart::bitmap:
    case PackedPart::indices: return {full, DType::u8, {plan.rows, plan.structure_row_bytes()}};
    case PackedPart::row_starts: return {full, DType::u64, {(plan.rows + kRowsPerStart - 1) / kRowsPerStart + 1}};
    case PackedPart::values:
      if (plan.layout.grouped()) return {full, plan.dtype, {plan.rows, stored / plan.rows}};
      return {full, plan.dtype, {stored}};
  }
  return {};
}

void pack_part(const TensorView& matrix, const PackingPlan& plan, PackedPart part, std::span<std::byte> out) {
  const StoredRows rows(matrix, plan);
  switch (part) {
    case PackedPart::bitmap:
    case PackedPart::indices: return pack_structure(rows, plan, reinterpret_cast<std::uint8_t*>(out.data()));
    case PackedPart::row_starts: {
      const auto starts = rows.block_starts();
      std::memcpy(out.data(), starts.data(), out.size());
      return;
    }
    case PackedPart::values: return pack_values(rows, plan, out.data());
  }
}

std::string packed_identity(const std::string& name, const PackingPlan& plan) {
  return fmt::format("{}\n{} {} {} {}\n", name, plan.layout.name(), safetensors_name(plan.dtype), plan.rows, plan.cols);
}

std::string packed_digest(const std::string& name, const TensorView& matrix, const PackingPlan& plan) {
  Sha256 digest;
  const std::string identity = packed_identity(name, plan);
  digest.update(std::as_bytes(std::span(identity)));
  for (const auto part : packed_parts(plan.layout)) {
    AlignedBuffer<std::byte> bytes(spec_bytes(packed_part_spec("", plan, part)));
    pack_part(matrix, plan, part, bytes.span());
    digest.update(bytes.span());
  }
  return digest.hex();
}

}  // namespace lacuna
