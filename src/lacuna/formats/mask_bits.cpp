#include "lacuna/formats/mask_bits.hpp"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <cstring>

#include "lacuna/core/error.hpp"

namespace lacuna {
namespace {

constexpr std::array<std::uint8_t, 256> reversed_bytes() {
  std::array<std::uint8_t, 256> table{};
  for (unsigned value = 0; value < 256; ++value) {
    unsigned reversed = 0;
    for (unsigned bit = 0; bit < 8; ++bit) reversed |= ((value >> bit) & 1U) << (7 - bit);
    table[value] = static_cast<std::uint8_t>(reversed);
  }
  return table;
}

constexpr auto kReversed = reversed_bytes();

std::byte reversed(std::byte value) { return std::byte{kReversed[std::to_integer<std::size_t>(value)]}; }

bool kept(const std::byte* row, std::int64_t c) {
  return (std::to_integer<unsigned>(row[c / 8]) >> (7 - c % 8) & 1U) != 0;
}

// The bits of a row's last byte that belong to columns.
std::byte last_byte_columns(std::int64_t cols) { return std::byte(0xFF00U >> ((cols - 1) % 8 + 1)); }

void require_size(std::size_t bytes, std::size_t expected) {
  if (bytes == expected) return;
  throw Error(ErrorCode::shape_mismatch,
              fmt::format("expected {} bytes for the mask's shape, got {}", expected, bytes));
}

void require_bits(std::span<const std::byte> bits, std::int64_t rows, std::int64_t cols) {
  require_size(bits.size(), static_cast<std::size_t>(rows * mask_row_bytes(cols)));
}

}  // namespace

void mask_bits_to_words(std::span<const std::byte> bits, std::int64_t rows, std::int64_t cols, std::uint64_t* words,
                        std::int64_t row_words) {
  LACUNA_ASSERT(row_words * 8 >= mask_row_bytes(cols));
  require_bits(bits, rows, cols);
  const std::int64_t row_bytes = mask_row_bytes(cols);
  for (std::int64_t r = 0; r < rows; ++r) {
    std::uint64_t* row = words + r * row_words;
    std::memset(row, 0, static_cast<std::size_t>(row_words) * sizeof(std::uint64_t));
    for (std::int64_t i = 0; i < row_bytes; ++i) {
      const auto byte = std::to_integer<std::uint64_t>(reversed(bits[static_cast<std::size_t>(r * row_bytes + i)]));
      row[i / 8] |= byte << (8 * (i % 8));
    }
  }
}

void words_to_mask_bits(const std::uint64_t* words, std::int64_t row_words, std::int64_t rows, std::int64_t cols,
                        std::span<std::byte> bits) {
  LACUNA_ASSERT(row_words * 8 >= mask_row_bytes(cols));
  require_bits(bits, rows, cols);
  const std::int64_t row_bytes = mask_row_bytes(cols);
  for (std::int64_t r = 0; r < rows; ++r) {
    const std::uint64_t* row = words + r * row_words;
    for (std::int64_t i = 0; i < row_bytes; ++i) {
      auto byte = reversed(std::byte(row[i / 8] >> (8 * (i % 8)) & 0xFFU));
      if (i + 1 == row_bytes) byte &= last_byte_columns(cols);
      bits[static_cast<std::size_t>(r * row_bytes + i)] = byte;
    }
  }
}

void unpack_mask_bits(std::span<const std::byte> bits, std::int64_t rows, std::int64_t cols,
                      std::span<std::byte> values) {
  require_bits(bits, rows, cols);
  require_size(values.size(), static_cast<std::size_t>(rows * cols));
  std::byte* out = values.data();
  for (std::int64_t r = 0; r < rows; ++r) {
    const std::byte* row = bits.data() + r * mask_row_bytes(cols);
    for (std::int64_t c = 0; c < cols; ++c) *out++ = kept(row, c) ? std::byte{1} : std::byte{0};
  }
}

void apply_mask_bits(std::span<const std::byte> bits, std::int64_t rows, std::int64_t cols, DType dtype,
                     std::span<std::byte> values) {
  const std::size_t width = dtype_bytes(dtype);
  require_bits(bits, rows, cols);
  require_size(values.size(), static_cast<std::size_t>(rows * cols) * width);
  std::byte* value = values.data();
  for (std::int64_t r = 0; r < rows; ++r) {
    const std::byte* row = bits.data() + r * mask_row_bytes(cols);
    for (std::int64_t c = 0; c < cols; ++c, value += width) {
      if (!kept(row, c)) std::memset(value, 0, width);
    }
  }
}

void combine_mask_bits(MaskOperation operation, std::span<const std::byte> a, std::span<const std::byte> b,
                       std::int64_t rows, std::int64_t cols, std::span<std::byte> out) {
  require_bits(a, rows, cols);
  if (operation != MaskOperation::mask_not) require_bits(b, rows, cols);
  require_bits(out, rows, cols);
  switch (operation) {
    case MaskOperation::mask_and:
      for (std::size_t i = 0; i < a.size(); ++i) out[i] = a[i] & b[i];
      return;
    case MaskOperation::mask_or:
      for (std::size_t i = 0; i < a.size(); ++i) out[i] = a[i] | b[i];
      return;
    case MaskOperation::mask_xor:
      for (std::size_t i = 0; i < a.size(); ++i) out[i] = a[i] ^ b[i];
      return;
    case MaskOperation::mask_not: break;
  }
  for (std::size_t i = 0; i < a.size(); ++i) out[i] = ~a[i];
  const auto row_bytes = static_cast<std::size_t>(mask_row_bytes(cols));
  for (std::size_t end = row_bytes; row_bytes != 0 && end <= out.size(); end += row_bytes) {
    out[end - 1] &= last_byte_columns(cols);
  }
}

std::int64_t count_mask_bits(std::span<const std::byte> bits) {
  std::int64_t count = 0;
  for (const auto byte : bits) count += std::popcount(std::to_integer<std::uint8_t>(byte));
  return count;
}

}  // namespace lacuna
