#include "lacuna/formats/matrix_set.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <optional>

#include "formats/error_code_of.hpp"
#include "lacuna/formats/mask_file.hpp"
#include "lacuna/formats/pt_writer.hpp"
#include "lacuna/formats/safetensors_writer.hpp"
#include "support/shared_data.hpp"
#include "support/temp_folder.hpp"

namespace lacuna {
namespace {
namespace fs = std::filesystem;

using test::error_code_of;

// Content decides, not the extension, so safetensors content serves where the scripts write .pt.
void write_tensors(const fs::path& path, const std::vector<TensorSpec>& specs) {
  fs::create_directories(path.parent_path());
  write_safetensors(path, std::span<const TensorSpec>(specs), {}, [](std::size_t index, std::span<std::byte> out) {
    std::fill(out.begin(), out.end(), std::byte(index + 1));
  });
}

std::vector<std::string> labels(const MatrixSet& set) {
  std::vector<std::string> labels;
  for (const auto& matrix : set.matrices()) labels.push_back(matrix.label());
  return labels;
}

TEST(MatrixSet, ACheckpointGivesTheLinearsOfItsBlocks) {
  const test::TempFolder folder;
  write_tensors(folder / "model.safetensors", {{"model.layers.10.mlp.down_proj.weight", DType::f32, {4, 2}},
                                               {"model.layers.2.mlp.down_proj.weight", DType::f32, {4, 2}},
                                               {"model.layers.2.self_attn.q_proj.weight", DType::f32, {2, 2}},
                                               {"model.layers.2.input_layernorm.weight", DType::f32, {2}},
                                               {"model.layers.2.self_attn.q_proj.bias", DType::f32, {2}},
                                               {"model.embed_tokens.weight", DType::f32, {8, 2}}});
  const auto set = MatrixSet::open(folder.path().string());
  EXPECT_EQ(set.kind(), MatrixSetKind::checkpoint);
  EXPECT_EQ(labels(set),
            (std::vector<std::string>{"layer 2 self_attn.q_proj", "layer 2 mlp.down_proj", "layer 10 mlp.down_proj"}));
  EXPECT_EQ(set.skipped().size(), 3U);
  ASSERT_NE(set.find(2, "mlp.down_proj"), nullptr);
  EXPECT_EQ(set.find(2, "mlp.down_proj")->view.shape, (Shape{4, 2}));
  EXPECT_EQ(set.find(2, "mlp.down_proj")->tensor_name, "model.layers.2.mlp.down_proj.weight");
  EXPECT_EQ(set.find(2, "mlp.up_proj"), nullptr);
}

TEST(MatrixSet, AFileIsPlacedByItsNamesOrKeepsThem) {
  const test::TempFolder folder;
  write_tensors(folder / "layer7-fc1-2-4-0.5.pt", {{"", DType::f32, {2, 2}}});
  EXPECT_EQ(labels(MatrixSet::open(folder / "layer7-fc1-2-4-0.5.pt")), std::vector<std::string>{"layer 7 fc1"});
  write_tensors(folder / "any.pt", {{"", DType::f32, {2, 2}}});
  EXPECT_EQ(labels(MatrixSet::open(folder / "any.pt")), std::vector<std::string>{"any"});
  write_tensors(folder / "dict.pt", {{"b", DType::f32, {2, 2}}, {"a", DType::f32, {2, 2}}, {"v", DType::f32, {2}}});
  const auto set = MatrixSet::open(folder / "dict.pt");
  EXPECT_EQ(labels(set), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(set.matrices()[0].layer, kNoLayer);
  EXPECT_EQ(set.skipped(), std::vector<std::string>{"v"});
}

void write_tree(const test::TempFolder& folder) {
  for (const char* name :
       {"wanda_unstructured/layer-0/layer0-fc1-0-0-0.5.pt", "wanda_unstructured/layer-0/layer0-fc1-0-0-0.7.pt",
        "wanda_unstructured/layer-1/layer1-fc1-0-0-0.5.pt", "wanda_2-4/layer-0/layer0-fc1-2-4-0.5.pt"}) {
    write_tensors(folder / name, {{"", DType::f32, {2, 2}}});
  }
}

TEST(MatrixSet, AScriptTreeIsNarrowedToOneVariant) {
  const test::TempFolder folder;
  write_tree(folder);
  MatrixSelection selection;
  selection.pattern = SparsityPattern{0, 0};
  selection.sparsity = 0.5;
  const auto set = MatrixSet::open(folder.path().string(), selection);
  EXPECT_EQ(set.kind(), MatrixSetKind::script_tree);
  EXPECT_EQ(labels(set), (std::vector<std::string>{"layer 0 fc1", "layer 1 fc1"}));
  EXPECT_EQ(labels(MatrixSet::open(folder / "wanda_2-4")), std::vector<std::string>{"layer 0 fc1"});
  try {
    MatrixSet::open(folder.path().string());
    FAIL() << "expected an Error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
    EXPECT_NE(error.message().find("wanda unstructured 0.5, wanda unstructured 0.7"), std::string::npos);
  }
}

TEST(MatrixSet, SelectionByLayerAndComponentAppliesToAll) {
  const test::TempFolder folder;
  write_tensors(folder / "model.safetensors",
                {{"layers.0.fc1.weight", DType::f32, {2, 2}}, {"layers.1.fc1.weight", DType::f32, {2, 2}}});
  MatrixSelection selection;
  selection.layer = 1;
  EXPECT_EQ(labels(MatrixSet::open(folder.path().string(), selection)), std::vector<std::string>{"layer 1 fc1"});
  selection.component = "fc2";
  EXPECT_EQ(error_code_of([&] { MatrixSet::open(folder.path().string(), selection); }), ErrorCode::shape_mismatch);
}

TEST(MatrixSet, WhatHoldsNoMatrixIsAnError) {
  const test::TempFolder folder;
  EXPECT_EQ(error_code_of([&] { MatrixSet::open(folder.path().string()); }), ErrorCode::not_found);
  EXPECT_EQ(error_code_of([&] { MatrixSet::open(folder / "absent"); }), ErrorCode::not_found);
  write_tensors(folder / "v", {{"v", DType::f32, {2}}, {"endless", DType::f32, {std::int64_t{1} << 60, 0}}});
  EXPECT_EQ(error_code_of([&] { MatrixSet::open(folder / "v"); }), ErrorCode::shape_mismatch);
  write_tensors(folder / "tree/layer0-fc1.pt", {{"a", DType::f32, {2, 2}}, {"b", DType::f32, {2, 2}}});
  EXPECT_EQ(error_code_of([&] { MatrixSet::open(folder / "tree"); }), ErrorCode::shape_mismatch);
  write_tensors(folder / "twice", {{"layers.0.fc1.weight", DType::f32, {2, 2}}, {"0.fc1", DType::f32, {2, 2}}});
  EXPECT_EQ(error_code_of([&] { MatrixSet::open(folder / "twice"); }), ErrorCode::invalid_argument);
}

TEST(MatrixSet, ViewsOutliveCopies) {
  const test::TempFolder folder;
  write_tensors(folder / "a", {{"w", DType::u8, {2, 2}}});
  std::optional<MatrixSet> set = MatrixSet::open(folder / "a");
  const MatrixSet copy = *set;
  set.reset();
  EXPECT_EQ(copy.matrices()[0].view.data[3], std::byte{1});
  EXPECT_NO_THROW(copy.check_intact());
}

TEST(MatrixSet, MasksAreMatricesOfZeroAndOne) {
  const test::TempFolder folder;
  const std::vector<MaskSpec> specs = {{"3.fc1", 1, 10}};
  write_mask_file(folder / "m", specs, {}, [](std::size_t, std::span<std::byte> out) {
    out[0] = std::byte{0x80};
    out[1] = std::byte{0x40};
  });
  const auto set = MatrixSet::open(folder / "m");
  EXPECT_EQ(set.kind(), MatrixSetKind::mask);
  ASSERT_NE(set.find(3, "fc1"), nullptr);
  const auto& view = set.find(3, "fc1")->view;
  EXPECT_EQ(view.dtype, DType::boolean);
  EXPECT_EQ(view.shape, (Shape{1, 10}));
  for (std::int64_t c = 0; c < 10; ++c) EXPECT_EQ(view.data[c], c == 0 || c == 9 ? std::byte{1} : std::byte{0});
}

TEST(MatrixSet, AModelWrittenAsAScriptTreeHoldsTheSameMatrices) {
  LACUNA_REQUIRE_SHARED("models/tiny-llama");
  const auto model = MatrixSet::open(test::shared_path("models/tiny-llama"));
  const test::TempFolder folder;
  for (const auto& matrix : model.matrices()) {
    const auto path = folder / script_path("dense", {matrix.layer, matrix.component, SparsityPattern{0, 0}, 0.0});
    fs::create_directories(path.parent_path());
    write_pt_tensor(path, matrix.view);
  }
  const auto tree = MatrixSet::open(folder.path().string());
  EXPECT_EQ(tree.kind(), MatrixSetKind::script_tree);
  ASSERT_EQ(labels(tree), labels(model));
  for (std::size_t i = 0; i < tree.matrices().size(); ++i) {
    const auto& view = tree.matrices()[i].view;
    ASSERT_EQ(view.shape, model.matrices()[i].view.shape);
    EXPECT_EQ(std::memcmp(view.data, model.matrices()[i].view.data, view.bytes()), 0) << tree.matrices()[i].label();
  }
}

TEST(MatrixSet, GoldenMasksPairWithTheirModel) {
  LACUNA_REQUIRE_SHARED("golden/books-opt-14m.wanda-0-0-0.5.masks.npz");
  const auto model = MatrixSet::open(test::shared_path("models/books-opt-14m"));
  const auto masks = MatrixSet::open(test::shared_path("golden/books-opt-14m.wanda-0-0-0.5.masks.npz"));
  EXPECT_EQ(masks.kind(), MatrixSetKind::mask);
  ASSERT_EQ(labels(masks), labels(model));
  for (std::size_t i = 0; i < masks.matrices().size(); ++i) {
    EXPECT_EQ(masks.matrices()[i].view.shape, model.matrices()[i].view.shape);
  }
}

TEST(MatrixSet, TheTrainedModelsGiveEveryPrunedLinear) {
  LACUNA_REQUIRE_SHARED("models");
  EXPECT_EQ(MatrixSet::open(test::shared_path("models/tiny-llama")).matrices().size() % 7, 0U);
  const auto opt = MatrixSet::open(test::shared_path("models/books-opt-14m"));
  EXPECT_EQ(opt.matrices().size() % 6, 0U);
  EXPECT_NE(opt.find(0, "self_attn.out_proj"), nullptr);
}

}  // namespace
}  // namespace lacuna
