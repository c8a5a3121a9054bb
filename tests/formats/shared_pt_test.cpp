// Files written by other people's programs: each opens, or is refused with the right words.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <numeric>

#include "lacuna/core/error.hpp"
#include "lacuna/formats/tensor_archive.hpp"
#include "support/shared_data.hpp"

namespace lacuna {
namespace {

TensorArchive open_shared(const char* relative) { return open_tensor_file(test::shared_path(relative)); }

template <typename T>
std::vector<T> values(const TensorView& view) {
  std::vector<T> out(static_cast<std::size_t>(view.numel()));
  copy_contiguous(view, reinterpret_cast<std::byte*>(out.data()));
  return out;
}

std::string refusal(const char* relative, ErrorCode code) {
  try {
    open_shared(relative);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    EXPECT_EQ(error.path(), test::shared_path(relative));
    EXPECT_TRUE(error.byte_offset().has_value());
    return error.what();
  }
  ADD_FAILURE() << relative << " was accepted";
  return {};
}

TEST(SharedPt, CandleFilesOpen) {
  LACUNA_REQUIRE_SHARED("pt/candle/test.pt");
  const auto plain = open_shared("pt/candle/test.pt");
  EXPECT_EQ(plain.format, FileFormat::pt_zip);
  ASSERT_EQ(plain.tensors.size(), 1U);
  EXPECT_EQ(plain.tensors[0].name, "test");
  EXPECT_EQ(values<std::int64_t>(plain.tensors[0].view), (std::vector<std::int64_t>{1, 2, 3, 4, 5, 6, 7, 8}));

  const auto nested = open_shared("pt/candle/test_with_key.pt");
  ASSERT_NE(nested.find("model_state_dict.test"), nullptr);
  EXPECT_EQ(nested.find("model_state_dict.test")->shape, (Shape{2, 4}));

  const auto booleans = open_shared("pt/candle/boolean.pt");
  EXPECT_EQ(booleans.find("bool")->dtype, DType::boolean);
  EXPECT_EQ(values<std::uint8_t>(*booleans.find("bool")), (std::vector<std::uint8_t>{1, 0, 0, 1}));

  EXPECT_TRUE(open_shared("pt/candle/config.pt").tensors.empty());  // numbers and text only
}

TEST(SharedPt, FortranTensorKeepsItsStrides) {
  LACUNA_REQUIRE_SHARED("pt/candle/fortran_tensor_3d.pth");
  const auto archive = open_shared("pt/candle/fortran_tensor_3d.pth");
  const auto* view = archive.find("tensor_fortran");
  ASSERT_NE(view, nullptr);
  EXPECT_EQ(view->shape, (Shape{2, 3, 4}));
  EXPECT_EQ(view->strides, (std::vector<std::int64_t>{1, 2, 6}));
  std::vector<std::int64_t> expected(24);
  std::iota(expected.begin(), expected.end(), 1);
  EXPECT_EQ(values<std::int64_t>(*view), expected);
}

TEST(SharedPt, HistogramsOpen) {
  LACUNA_REQUIRE_SHARED("pt/teal/Mistral-7B__histograms__layer-9__mlp__histograms.pt");
  const auto mlp = open_shared("pt/teal/Mistral-7B__histograms__layer-9__mlp__histograms.pt");
  EXPECT_EQ(mlp.tensors.size(), 6U);
  EXPECT_EQ(values<float>(*mlp.find("h1"))[0], 2195519.0F);
  EXPECT_NEAR(values<float>(*mlp.find("h1_centers"))[0], -10.2568F, 5e-5F);  // as torch prints it: four decimals
  EXPECT_EQ(open_shared("pt/teal/Llama-2-13B__histograms__layer-0__self_attn__histograms.pt").tensors.size(), 4U);
}

TEST(SharedPt, LegacyStreamOpens) {
  LACUNA_REQUIRE_SHARED("pt/torch_examples/transliteration_legacy.pt");
  const auto archive = open_shared("pt/torch_examples/transliteration_legacy.pt");
  EXPECT_EQ(archive.format, FileFormat::pt_legacy);
  const auto* weight = archive.find("encoder_rnn_cell.weight_ih_l0");
  ASSERT_NE(weight, nullptr);
  EXPECT_EQ(weight->shape, (Shape{768, 27}));
  EXPECT_NEAR(values<float>(*weight)[0], 0.3774F, 5e-5F);
}

TEST(SharedPt, TorchScriptArchivesAreRefused) {
  LACUNA_REQUIRE_SHARED("pt/tch/foo1.pt");
  for (const char* name : {"pt/tch/foo1.pt", "pt/tch/foo3.pt", "pt/tch/foo9.pt",
                           "pt/torch_examples/mobilenet_quantized.pt", "pt/torch_examples/reddit.pt"}) {
    EXPECT_NE(refusal(name, ErrorCode::torchscript_archive).find("TorchScript"), std::string::npos);
  }
}

}  // namespace
}  // namespace lacuna
