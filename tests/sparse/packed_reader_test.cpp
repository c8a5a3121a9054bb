#include "lacuna/sparse/packed_reader.hpp"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace lacuna
