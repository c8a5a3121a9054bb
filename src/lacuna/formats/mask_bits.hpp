// The bits of a mask as mask files hold them, and what can be done with them in place.
//
//   row = ceil(cols/8) bytes; column c is bit 7 − c%8 of byte c/8, as numpy.packbits(W != 0, axis=1) packs them
//   1 = the weight is kept; padding bits after the last column are 0
//
// BitMatrix and the kernels count bits from the other end, in u64 words: column c is bit c%64 of word c/64.
//
// Cost     O(bytes), no allocation.
// Threads  safe on distinct outputs; `out` may be one of the inputs in combine_mask_bits().
// Errors   shape_mismatch: a span is not as long as rows and cols say.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "lacuna/core/dtype.hpp"

namespace lacuna {

inline std::int64_t mask_row_bytes(std::int64_t cols) { return cols / 8 + (cols % 8 != 0 ? 1 : 0); }

// words: rows × row_words with row_words ≥ ceil(cols/64); what lies beyond a row's bits is zeroed.
void mask_bits_to_words(std::span<const std::byte> bits, std::int64_t rows, std::int64_t cols, std::uint64_t* words,
                        std::int64_t row_words);
void words_to_mask_bits(const std::uint64_t* words, std::int64_t row_words, std::int64_t rows, std::int64_t cols,
                        std::span<std::byte> bits);

// One byte per entry, 0 or 1: values holds rows × cols bytes.
void unpack_mask_bits(std::span<const std::byte> bits, std::int64_t rows, std::int64_t cols,
                      std::span<std::byte> values);

// Sets the pruned entries of a row-major matrix of any dtype to zero; the others keep their bytes.
void apply_mask_bits(std::span<const std::byte> bits, std::int64_t rows, std::int64_t cols, DType dtype,
                     std::span<std::byte> values);

enum class MaskOperation { mask_and, mask_or, mask_xor, mask_not };  // mask_not looks at `a` alone

void combine_mask_bits(MaskOperation operation, std::span<const std::byte> a, std::span<const std::byte> b,
                       std::int64_t rows, std::int64_t cols, std::span<std::byte> out);

std::int64_t count_mask_bits(std::span<const std::byte> bits);  // kept entries

}  // namespace lacuna
