#include "lacuna/sparse/packed_reader.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "sparse/packed_file.hpp"
#include "support/isa_levels.hpp"
#include "support/temp_folder.hpp"

namespace lacuna {
namespace {

PackedMatrixPtr round_trip(const test::DenseMatrix& matrix, const test::TempFolder& folder) {
  const auto path = folder / "model.safetensors";
  test::packed_file(matrix, "w").write(path);
  const auto matrices = read_packed(read_safetensors(path));
  EXPECT_EQ(matrices.size(), 1U);
  matrices.at(0)->verify();
  return matrices.at(0);
}

void expect_same_bits(const test::DenseMatrix& matrix, const PackedMatrixPtr& packed) {
  for (const IsaLevel level : test::runnable_isa_levels()) {
    const test::ForcedIsaLevel forced(level);
    std::vector<std::byte> back(matrix.bytes.size(), std::byte{0xcc});
    packed->unpack(back.data());
    ASSERT_EQ(back, matrix.bytes) << isa_name(level) << " " << matrix.rows << "×" << matrix.cols;
  }
}

TEST(Packed, EveryBitComesBack) {
  const test::TempFolder folder;
  for (const auto dtype : {DType::f32, DType::f16, DType::bf16}) {
    for (const std::int64_t cols : {9, 31, 32, 33, 64, 65, 100, 257}) {
      for (const double sparsity : {0.3, 0.5, 0.9}) {
        const auto matrix = test::sparse_matrix(dtype, 37, cols, sparsity, static_cast<std::uint64_t>(cols));
        expect_same_bits(matrix, round_trip(matrix, folder));
      }
    }
  }
}

TEST(Packed, GroupsComeBack) {
  const test::TempFolder folder;
  for (const auto dtype : {DType::f32, DType::bf16}) {
    for (const auto& [kept, group] : {std::pair{2, 4}, {1, 4}, {1, 8}, {3, 16}}) {
      for (const std::int64_t cols : {16, 48, 208}) {
        const auto matrix = test::grouped_matrix(dtype, 19, cols, kept, group, 4);
        const auto packed = round_trip(matrix, folder);
        EXPECT_TRUE(packed->plan().layout.grouped());
        expect_same_bits(matrix, packed);
      }
    }
  }
}

TEST(Packed, AllZeroMatricesComeBack) {
  const test::TempFolder folder;
  const test::DenseMatrix matrix{DType::bf16, 33, 70, std::vector<std::byte>(33 * 70 * 2)};
  const auto packed = round_trip(matrix, folder);
  EXPECT_EQ(packed->plan().stored, 0U);
  expect_same_bits(matrix, packed);
}

TEST(Packed, TransposedViewsArePackedByTheirMeaning) {
  const auto stored = test::sparse_matrix(DType::f32, 40, 24, 0.6, 8);
  TensorView turned = stored.view();
  turned.shape = {24, 40};
  turned.strides = {1, 24};
  std::vector<std::byte> meant(stored.bytes.size());
  copy_contiguous(turned, meant.data());
  const auto plan = plan_packing(turned).value();
  const auto same = make_tensor_view(DType::f32, {24, 40}, meant.data());
  EXPECT_EQ(packed_digest("w", turned, plan), packed_digest("w", same, plan_packing(same).value()));
}

TEST(Packed, EqualInputGivesEqualFilesOnEveryIsa) {
  const auto matrix = test::sparse_matrix(DType::bf16, 50, 130, 0.5, 2);
  std::vector<std::string> digests;
  for (const IsaLevel level : test::runnable_isa_levels()) {
    const test::ForcedIsaLevel forced(level);
    digests.push_back(packed_digest("w", matrix.view(), plan_packing(matrix.view()).value()));
  }
  for (const auto& digest : digests) EXPECT_EQ(digest, digests.front());
}

// Half of the elements zero, and a 2:4 matrix, whose file form would be grouped; a full one is left alone.
TEST(PackedMatrix, MadeInMemoryUnpacksToTheSameBits) {
  for (const bool grouped : {false, true}) {
    std::vector<std::uint16_t> dense(40 * 64, 0);
    for (std::size_t i = 0; i < dense.size(); ++i) {
      if (grouped ? i % 4 < 2 : (i * 2654435761U >> 7) % 2 == 0) dense[i] = static_cast<std::uint16_t>(i + 1);
    }
    const auto packed = PackedMatrix::pack("w", make_tensor_view(DType::bf16, {40, 64}, dense.data()));
    ASSERT_NE(packed, nullptr);
    std::vector<std::uint16_t> out(dense.size(), 9);
    packed->unpack(reinterpret_cast<std::byte*>(out.data()));
    EXPECT_EQ(out, dense);
    EXPECT_EQ(packed->plan().stored,
              static_cast<std::uint64_t>(std::count_if(dense.begin(), dense.end(), [](auto v) { return v != 0; })));
  }
  const std::vector<float> full(64, 1.0F);
  EXPECT_EQ(PackedMatrix::pack("w", make_tensor_view(DType::f32, {8, 8}, full.data())), nullptr);
}

}  // namespace
}  // namespace lacuna
