#include "lacuna/formats/script_names.hpp"

#include <gtest/gtest.h>

#include "formats/error_code_of.hpp"
#include "support/temp_folder.hpp"

namespace lacuna {
namespace {

TEST(ScriptNames, ReadsTheThreeFormsOfFileNames) {
  const auto full = parse_script_file_name("layer0-mlp.down_proj-0-0-0.5.pt");
  ASSERT_TRUE(full);
  EXPECT_EQ(*full, (ScriptFileName{0, "mlp.down_proj", SparsityPattern{0, 0}, 0.5}));
  EXPECT_EQ(parse_script_file_name("layer1-mlp.down_proj.pt"), (ScriptFileName{1, "mlp.down_proj", {}, {}}));
  EXPECT_EQ(parse_script_file_name("layer1-mlp.down_proj-2-4.pt"),
            (ScriptFileName{1, "mlp.down_proj", SparsityPattern{2, 4}, {}}));
  EXPECT_EQ(parse_script_file_name("layer31-fc1-4-8-0.5.pt"), (ScriptFileName{31, "fc1", SparsityPattern{4, 8}, 0.5}));
}

TEST(ScriptNames, EveryNameWrittenReadsBack) {
  for (const auto& component : script_components()) {
    for (const auto& pattern : {SparsityPattern{0, 0}, SparsityPattern{2, 4}, SparsityPattern{4, 8}}) {
      for (const double sparsity : {0.0, 0.05, 0.5, 0.7, 0.333, 1.0}) {
        const ScriptFileName name{12, component, pattern, sparsity};
        EXPECT_EQ(parse_script_file_name(format_script_file_name(name)), name);
      }
    }
  }
  EXPECT_EQ(format_script_file_name({0, "self_attn.q_proj", SparsityPattern{0, 0}, 0.5}),
            "layer0-self_attn.q_proj-0-0-0.5.pt");
  EXPECT_EQ(format_script_file_name({0, "fc1", SparsityPattern{0, 0}, 0.0}), "layer0-fc1-0-0-0.0.pt");  // as Python
}

TEST(ScriptNames, OtherNamesAreAbsentNotErrors) {
  for (const char* name : {"",
                           ".pt",
                           "layer.pt",
                           "layer-.pt",
                           "layer0.pt",
                           "layer0-.pt",
                           "layerx-mlp.down_proj.pt",
                           "layer-1-mlp.down_proj.pt",
                           "layer00-mlp.down_proj.pt",
                           "layer0-mlp.down_proj-2.pt",
                           "layer0-mlp.down_proj-4-2-0.5.pt",
                           "layer0-mlp.down_proj-0-4-0.5.pt",
                           "layer0-mlp.down_proj-0-0-1.5.pt",
                           "layer0-mlp.down_proj-0-0-nan.pt",
                           "layer0-mlp.down_proj-0-0-5e-1.pt",
                           "layer0-mlp.down_proj-0-0-.pt",
                           "layer0-mlp.down_proj-0-0-0.5",
                           "layer0-mlp.down_proj-0-0-0.5.pth",
                           "layer0-../../etc-0-0-0.5.pt",
                           "layer0-mlp..down-0-0-0.5.pt",
                           "layer99999999999-mlp.down_proj.pt",
                           "xlayer0-mlp.down_proj.pt"}) {
    EXPECT_FALSE(parse_script_file_name(name)) << name;
  }
}

TEST(ScriptNames, WhatNoNameCanSayIsRefused) {
  const auto refused = [](const ScriptFileName& name) {
    return test::error_code_of([&] { format_script_file_name(name); }) == ErrorCode::invalid_argument;
  };
  EXPECT_TRUE(refused({0, "a-b", {}, {}}));
  EXPECT_TRUE(refused({0, "../x", {}, {}}));
  EXPECT_TRUE(refused({-1, "fc1", {}, {}}));
  EXPECT_TRUE(refused({0, "fc1", {}, 0.5}));  // a sparsity needs a pattern before it
  EXPECT_TRUE(refused({0, "fc1", SparsityPattern{4, 4}, 0.5}));
}

TEST(ScriptNames, FoldersNameMethodAndPattern) {
  EXPECT_EQ(parse_script_folder_name("wanda_unstructured"), (ScriptFolderName{"wanda", {0, 0}}));
  EXPECT_EQ(parse_script_folder_name("sparsegpt_2-4"), (ScriptFolderName{"sparsegpt", {2, 4}}));
  EXPECT_EQ(parse_script_folder_name("dsnot_wanda_4-8"), (ScriptFolderName{"dsnot_wanda", {4, 8}}));
  for (const char* name : {"wanda", "_unstructured", "wanda_", "wanda_0-0", "wanda_4-2", "wanda_2:4", "a/b_2-4"}) {
    EXPECT_FALSE(parse_script_folder_name(name)) << name;
  }
  EXPECT_EQ(parse_layer_folder_name("layer-31"), 31);
  EXPECT_FALSE(parse_layer_folder_name("layer31"));
  EXPECT_EQ(script_path("wanda", {3, "fc2", SparsityPattern{2, 4}, 0.5}), "wanda_2-4/layer-3/layer3-fc2-2-4-0.5.pt");
  EXPECT_EQ(script_path("wanda", {0, "fc2", SparsityPattern{0, 0}, 0.7}),
            "wanda_unstructured/layer-0/layer0-fc2-0-0-0.7.pt");
}

TEST(ScriptNames, WeightsOfEveryFamilyMatchLayerAndComponent) {
  const auto is = [](const char* name, int layer, const char* component) {
    return match_weight_name(name) == LayerComponent{layer, component};
  };
  EXPECT_TRUE(is("model.layers.3.mlp.down_proj.weight", 3, "mlp.down_proj"));
  EXPECT_TRUE(is("model.decoder.layers.0.fc1.weight", 0, "fc1"));
  EXPECT_TRUE(is("layers.11.self_attn.q_proj.weight", 11, "self_attn.q_proj"));
  EXPECT_TRUE(is("transformer.h.1.mlp.up_proj.weight", 1, "mlp.up_proj"));
  EXPECT_TRUE(is("base_model.model.model.layers.79.self_attn.o_proj.weight", 79, "self_attn.o_proj"));
  for (const char* name : {"model.embed_tokens.weight", "lm_head.weight", "model.layers.3.mlp.down_proj.bias",
                           "model.layers.x.fc1.weight", "layers.weight", "model.layers.3.weight", ".weight", ""}) {
    EXPECT_FALSE(match_weight_name(name)) << name;
  }
}

TEST(ScriptNames, MaskKeysReadBack) {
  EXPECT_EQ(parse_mask_key("0.self_attn.q_proj"), (LayerComponent{0, "self_attn.q_proj"}));
  EXPECT_EQ(format_mask_key({7, "fc1"}), "7.fc1");
  EXPECT_FALSE(parse_mask_key("model.layers.0.fc1.weight"));
}

void write_tree(const test::TempFolder& folder) {
  folder.write("data/wanda_unstructured/layer-0/layer0-fc1-0-0-0.7.pt", "");
  folder.write("data/wanda_unstructured/layer-0/layer0-fc1-0-0-0.5.pt", "");
  folder.write("data/wanda_unstructured/layer-10/layer10-fc1-0-0-0.5.pt", "");
  folder.write("data/wanda_unstructured/layer-2/layer2-fc1-0-0-0.5.pt", "");
  folder.write("data/sparsegpt_2-4/layer-1/layer1-fc2.pt", "");
  folder.write("data/sparsegpt_2-4/layer-1/notes.txt", "");
  folder.write("data/layer3-fc1.pt", "");
}

TEST(ScriptTree, ListsMethodPatternLayerComponentAndSparsity) {
  const test::TempFolder folder;
  write_tree(folder);
  const auto files = scan_script_tree(folder / "data");
  ASSERT_EQ(files.size(), 6U);
  EXPECT_EQ(files[0].method, "");
  EXPECT_EQ(files[0].layer, 3);
  EXPECT_EQ(files[1].method, "sparsegpt");
  EXPECT_EQ(files[1].pattern, (SparsityPattern{2, 4}));  // from the folder: the file does not say
  EXPECT_FALSE(files[1].sparsity);
  EXPECT_EQ(files[2].sparsity, 0.5);
  EXPECT_EQ(files[2].layer, 0);
  EXPECT_EQ(files[3].layer, 2);
  EXPECT_EQ(files[4].layer, 10);  // numbers sort as numbers
  EXPECT_EQ(files[5].sparsity, 0.7);
}

TEST(ScriptTree, AnyLevelMayBeTheRoot) {
  const test::TempFolder folder;
  write_tree(folder);
  EXPECT_EQ(scan_script_tree(folder / "data/wanda_unstructured").size(), 4U);
  const auto layer = scan_script_tree(folder / "data/sparsegpt_2-4/layer-1");
  ASSERT_EQ(layer.size(), 1U);
  EXPECT_EQ(layer[0].method, "sparsegpt");
  EXPECT_EQ(layer[0].path, folder / "data/sparsegpt_2-4/layer-1/layer1-fc2.pt");
}

TEST(ScriptTree, AbsentFoldersAndEndlessDepthAreErrors) {
  const test::TempFolder folder;
  EXPECT_EQ(test::error_code_of([&] { scan_script_tree(folder / "absent"); }), ErrorCode::not_found);
  folder.write("1/2/3/4/5/6/7/8/9/10/layer0-fc1.pt", "");
  EXPECT_EQ(test::error_code_of([&] { scan_script_tree(folder.path()); }), ErrorCode::limit_exceeded);
}

}  // namespace
}  // namespace lacuna
