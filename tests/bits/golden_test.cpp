// The packed masks of the reference implementations: layout, sparsity and pattern of every one.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "lacuna/bits/bit_matrix.hpp"
#include "lacuna/bits/pattern.hpp"
#include "lacuna/formats/tensor_archive.hpp"
#include "support/shared_data.hpp"

namespace lacuna {
namespace {

// A mask as 0/1 bytes, for summarize_pattern.
std::vector<std::uint8_t> as_bytes(const BitMatrix& bits) {
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(bits.numel()));
  for (std::int64_t r = 0; r < bits.rows(); ++r) {
    for (std::int64_t c = 0; c < bits.cols(); ++c)
      bytes[static_cast<std::size_t>(r * bits.cols() + c)] = bits.get(r, c);
  }
  return bytes;
}

void check_masks(const std::string& target, const std::string& pattern) {
  const TensorArchive masks =
      open_tensor_file(test::shared_path("golden/tiny-llama.magnitude-" + target + ".masks.npz"));
  ASSERT_FALSE(masks.tensors.empty());
  double zeros = 0;
  double numel = 0;
  for (const auto& [name, view] : masks.tensors) {
    const std::int64_t rows = view.shape[0];
    const std::int64_t cols = view.shape[1] * 8;
    const auto packed = std::span<const std::byte>(view.data, view.bytes());
    const auto bits = BitMatrix::from_packbits(packed, rows, cols);
    EXPECT_EQ(bits.to_packbits(), std::vector<std::byte>(packed.begin(), packed.end())) << name;
    const auto bytes = as_bytes(bits);
    const auto view_of_bytes = make_tensor_view(DType::u8, {rows, cols}, bytes.data());
    EXPECT_EQ(BitMatrix::nonzero(view_of_bytes), bits) << name;
    const auto summary = summarize_pattern(view_of_bytes);
    EXPECT_EQ(summary.label(), pattern) << name;
    zeros += static_cast<double>(summary.zeros);
    numel += static_cast<double>(summary.numel);
  }
  std::ifstream file(test::shared_path("golden/reference.json"));
  const auto reference = nlohmann::json::parse(file);
  EXPECT_DOUBLE_EQ(zeros / numel, reference["tiny-llama"]["magnitude-" + target]["sparsity"].get<double>());
}

TEST(GoldenMasks, UnstructuredMasksAreAsSparseAsTheReferenceSays) {
  LACUNA_REQUIRE_SHARED("golden/tiny-llama.magnitude-0-0-0.5.masks.npz");
  check_masks("0-0-0.5", "unstructured");
}

TEST(GoldenMasks, TwoOfFourIsFound) {
  LACUNA_REQUIRE_SHARED("golden/tiny-llama.magnitude-2-4-0.5.masks.npz");
  check_masks("2-4-0.5", "2:4");
}

}  // namespace
}  // namespace lacuna
