#include "lacuna/formats/mask_bits.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "formats/error_code_of.hpp"
#include "lacuna/core/random.hpp"

namespace lacuna {
namespace {

// A random mask whose padding bits are zero, made entry by entry.
std::vector<std::byte> random_bits(std::int64_t rows, std::int64_t cols, std::vector<bool>& entries) {
  Random random(static_cast<std::uint64_t>(rows * 1000 + cols));
  std::vector<std::byte> bits(static_cast<std::size_t>(rows * mask_row_bytes(cols)));
  entries.assign(static_cast<std::size_t>(rows * cols), false);
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = 0; c < cols; ++c) {
      if (random.below(2) == 0) continue;
      entries[static_cast<std::size_t>(r * cols + c)] = true;
      bits[static_cast<std::size_t>(r * mask_row_bytes(cols) + c / 8)] |= std::byte(0x80U >> (c % 8));
    }
  }
  return bits;
}

const std::vector<std::int64_t> kColumns = {1, 7, 8, 9, 63, 64, 65, 127, 128, 130};

TEST(MaskBits, FirstColumnIsTheHighestBit) {
  const std::vector<std::byte> bits = {std::byte{0b1010'0000}};
  std::vector<std::byte> values(3);
  unpack_mask_bits(bits, 1, 3, values);
  EXPECT_EQ(values, (std::vector<std::byte>{std::byte{1}, std::byte{0}, std::byte{1}}));
  std::uint64_t word = ~std::uint64_t{0};
  mask_bits_to_words(bits, 1, 3, &word, 1);
  EXPECT_EQ(word, 0b101U);
}

TEST(MaskBits, WordsHoldTheSameColumnsAndReadBack) {
  for (const auto cols : kColumns) {
    std::vector<bool> entries;
    const auto bits = random_bits(5, cols, entries);
    const std::int64_t row_words = cols / 64 + 2;  // a wider stride than needed
    std::vector<std::uint64_t> words(static_cast<std::size_t>(5 * row_words), ~std::uint64_t{0});
    mask_bits_to_words(bits, 5, cols, words.data(), row_words);
    for (std::int64_t r = 0; r < 5; ++r) {
      for (std::int64_t c = 0; c < row_words * 64; ++c) {
        const bool bit = (words[static_cast<std::size_t>(r * row_words + c / 64)] >> (c % 64) & 1U) != 0;
        EXPECT_EQ(bit, c < cols && entries[static_cast<std::size_t>(r * cols + c)]);
      }
    }
    std::vector<std::byte> back(bits.size(), std::byte{0xff});
    words_to_mask_bits(words.data(), row_words, 5, cols, back);
    EXPECT_EQ(back, bits) << cols;
  }
}

TEST(MaskBits, PaddingOfWordsNeverReachesTheMask) {
  const std::uint64_t all = ~std::uint64_t{0};
  std::vector<std::byte> bits(1);
  words_to_mask_bits(&all, 1, 1, 3, bits);
  EXPECT_EQ(bits[0], std::byte{0b1110'0000});
}

TEST(MaskBits, ApplyingZeroesPrunedEntriesOfEveryWidth) {
  for (const auto dtype : {DType::u8, DType::bf16, DType::f32, DType::f64}) {
    std::vector<bool> entries;
    const auto bits = random_bits(3, 11, entries);
    const auto width = dtype_bytes(dtype);
    std::vector<std::byte> values(33 * width, std::byte{0x7f});
    apply_mask_bits(bits, 3, 11, dtype, values);
    for (std::size_t i = 0; i < values.size(); ++i) {
      EXPECT_EQ(values[i], entries[i / width] ? std::byte{0x7f} : std::byte{0});
    }
  }
}

TEST(MaskBits, OperationsActOnEveryEntryAndKeepPaddingZero) {
  for (const auto cols : kColumns) {
    std::vector<bool> entries;
    const auto a = random_bits(4, cols, entries);
    const auto b = [&] {  // another pattern of the same shape
      auto bits = a;
      std::rotate(bits.begin(), bits.begin() + mask_row_bytes(cols), bits.end());
      return bits;
    }();
    std::vector<std::byte> out(a.size());
    const auto check = [&](MaskOperation operation, auto expected) {
      combine_mask_bits(operation, a, b, 4, cols, out);
      std::vector<std::byte> x(static_cast<std::size_t>(4 * cols));
      auto y = x;
      auto z = x;
      unpack_mask_bits(a, 4, cols, x);
      unpack_mask_bits(b, 4, cols, y);
      unpack_mask_bits(out, 4, cols, z);
      std::int64_t ones = 0;
      for (std::size_t i = 0; i < x.size(); ++i) {
        const bool want = expected(x[i] != std::byte{0}, y[i] != std::byte{0});
        EXPECT_EQ(z[i] != std::byte{0}, want);
        ones += want ? 1 : 0;
      }
      EXPECT_EQ(count_mask_bits(out), ones);  // so no padding bit is set
    };
    check(MaskOperation::mask_and, [](bool x, bool y) { return x && y; });
    check(MaskOperation::mask_or, [](bool x, bool y) { return x || y; });
    check(MaskOperation::mask_xor, [](bool x, bool y) { return x != y; });
    check(MaskOperation::mask_not, [](bool x, bool) { return !x; });
  }
}

TEST(MaskBits, SpansOfAnotherShapeAreRefused) {
  std::vector<std::byte> bits(4);
  std::vector<std::byte> values(2 * 9);
  const auto code = ErrorCode::shape_mismatch;
  EXPECT_EQ(test::error_code_of([&] { unpack_mask_bits(bits, 2, 8, values); }), code);
  EXPECT_EQ(test::error_code_of([&] { apply_mask_bits(bits, 2, 9, DType::bf16, values); }), code);
  EXPECT_EQ(test::error_code_of([&] { combine_mask_bits(MaskOperation::mask_and, bits, values, 2, 9, bits); }), code);
  EXPECT_NO_THROW(combine_mask_bits(MaskOperation::mask_not, bits, {}, 2, 9, bits));
}

}  // namespace
}  // namespace lacuna
