#include "lacuna/formats/mask_file.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "formats/error_code_of.hpp"
#include "formats/safetensors_bytes.hpp"
#include "lacuna/core/atomic_file.hpp"
#include "lacuna/formats/checkpoint.hpp"
#include "support/shared_data.hpp"
#include "support/temp_folder.hpp"

namespace lacuna {
namespace {

using test::error_code_of;

const std::vector<MaskSpec> kSpecs = {{"1.fc1", 2, 11}, {"model.layers.0.self_attn.q_proj.weight", 3, 8}};

void write_example(const std::filesystem::path& path) {
  write_mask_file(path, kSpecs, {{"method", "wanda"}}, [](std::size_t index, std::span<std::byte> out) {
    std::fill(out.begin(), out.end(), std::byte{0});
    out[0] = index == 0 ? std::byte{0xff} : std::byte{0x01};
  });
}

TEST(MaskFile, WhatIsWrittenReadsBack) {
  const test::TempFolder folder;
  write_example(folder / "m.safetensors");
  const auto file = read_mask_file(folder / "m.safetensors");
  ASSERT_EQ(file.masks.size(), 2U);
  EXPECT_EQ(file.metadata, (std::map<std::string, std::string>{{"method", "wanda"}}));
  const Mask* mask = file.find("1.fc1");
  ASSERT_NE(mask, nullptr);
  EXPECT_EQ(mask->rows, 2);
  EXPECT_EQ(mask->cols, 11);
  EXPECT_EQ(mask->where(), (LayerComponent{1, "fc1"}));
  EXPECT_EQ(count_mask_bits(mask->bits), 8);
  EXPECT_EQ(file.masks[1].where(), (LayerComponent{0, "self_attn.q_proj"}));
  EXPECT_EQ(file.find("absent"), nullptr);
}

TEST(MaskFile, EqualMasksGiveEqualFiles) {
  const test::TempFolder folder;
  write_example(folder / "a");
  write_example(folder / "b");
  EXPECT_EQ(read_file(folder / "a", 1 << 20), read_file(folder / "b", 1 << 20));
}

// A mask file with the metadata given, holding one mask named "0.fc1" of 1 × 2 bytes.
std::string crafted(const std::string& metadata, const std::string& data = "\xff\xe0", const std::string& dtype = "U8",
                    const std::string& shape = "[1,2]") {
  return test::safetensors_bytes(R"({"__metadata__":)" + metadata + R"(,"0.fc1":{"dtype":")" + dtype + R"(","shape":)" +
                                     shape + R"(,"data_offsets":[0,)" + std::to_string(data.size()) + "]}}",
                                 data);
}

TEST(MaskFile, DamageIsRefused) {
  const test::TempFolder folder;
  const auto code = [&](const std::string& bytes) {
    const auto path = folder.write("m", bytes);
    return error_code_of([&] { read_mask_file(path); });
  };
  const std::string good = R"({"lacuna.format":"mask","lacuna.version":"1","lacuna.columns":"{\"0.fc1\":11}"})";
  EXPECT_EQ(read_mask_file(folder.write("m", crafted(good))).masks.at(0).cols, 11);
  EXPECT_EQ(code(crafted(good, "\xff\xf0")), ErrorCode::corrupt_file);  // bit 12 of 11
  EXPECT_EQ(code(crafted(good, "\xff\xe0", "I8")), ErrorCode::corrupt_file);
  EXPECT_EQ(code(crafted(good, "\xff\xe0", "U8", "[2]")), ErrorCode::corrupt_file);
  EXPECT_EQ(code(crafted(good, "", "U8", "[0,2]")), ErrorCode::corrupt_file);
  for (const char* columns : {R"({\"0.fc1\":17})", R"({\"0.fc1\":8})", R"({\"0.fc1\":18446744073709551615})",
                              R"({\"0.fc1\":-11})", R"({\"0.fc2\":11})", R"({\"0.fc1\":11,\"0.fc2\":11})",
                              R"({\"0.fc1\":11,\"0.fc1\":11})", R"({})", R"([])", R"(x)", ""}) {
    const std::string metadata =
        R"({"lacuna.format":"mask","lacuna.version":"1","lacuna.columns":")" + std::string(columns) + "\"}";
    EXPECT_EQ(code(crafted(metadata)), ErrorCode::corrupt_file) << columns;
  }
  EXPECT_EQ(code(crafted(R"({"lacuna.format":"mask","lacuna.version":"1"})")), ErrorCode::corrupt_file);
  EXPECT_EQ(code(crafted(R"({"lacuna.format":"mask","lacuna.version":"2"})")), ErrorCode::unsupported_format);
  EXPECT_EQ(code(crafted(R"({"lacuna.format":"mask"})")), ErrorCode::unsupported_format);
  EXPECT_EQ(code(crafted(R"({"format":"pt"})")), ErrorCode::unsupported_format);
}

// NumPy packed these: where magnitude pruned a matrix at one threshold, every kept weight is larger than every pruned
// one, which no other bit order or alignment of rows would give.
TEST(MaskFile, GoldenMasksSplitTheirMatricesAtOneThreshold) {
  LACUNA_REQUIRE_SHARED("golden/tiny-llama.magnitude-0-0-0.5.masks.npz");
  const auto file = read_mask_file(test::shared_path("golden/tiny-llama.magnitude-0-0-0.5.masks.npz"));
  const auto model = Checkpoint::open(test::shared_path("models/tiny-llama"));
  EXPECT_EQ(file.masks.size() % 7, 0U);
  for (const auto& mask : file.masks) {
    const auto place = mask.where();
    ASSERT_TRUE(place) << mask.name;
    const auto& weight = model.get("model.layers." + format_mask_key(*place) + ".weight");
    ASSERT_EQ(weight.shape, (Shape{mask.rows, mask.cols})) << mask.name;
    const auto entries = static_cast<std::size_t>(mask.rows * mask.cols);
    std::vector<std::byte> kept(entries);
    unpack_mask_bits(mask.bits, mask.rows, mask.cols, kept);
    float largest_pruned = 0.0F;
    float smallest_kept = std::numeric_limits<float>::infinity();
    for (std::size_t i = 0; i < entries; ++i) {
      std::uint16_t bits = 0;
      std::memcpy(&bits, weight.data + 2 * i, 2);
      const float magnitude = std::abs(bf16_to_f32(bits));
      if (kept[i] != std::byte{0}) smallest_kept = std::min(smallest_kept, magnitude);
      if (kept[i] == std::byte{0}) largest_pruned = std::max(largest_pruned, magnitude);
    }
    EXPECT_LT(largest_pruned, smallest_kept) << mask.name;
  }
}

TEST(MaskFile, GoldenPatternMasksKeepTwoOfFour) {
  LACUNA_REQUIRE_SHARED("golden/tiny-llama.wanda-2-4-0.5.masks.npz");
  const auto file = read_mask_file(test::shared_path("golden/tiny-llama.wanda-2-4-0.5.masks.npz"));
  for (const auto& mask : file.masks) {
    ASSERT_EQ(mask.cols % 4, 0) << mask.name;
    for (const auto byte : mask.bits) {
      EXPECT_LE(std::popcount(std::to_integer<std::uint8_t>(byte >> 4)), 2);
      EXPECT_LE(std::popcount(std::to_integer<std::uint8_t>(byte & std::byte{15})), 2);
    }
  }
}

}  // namespace
}  // namespace lacuna
