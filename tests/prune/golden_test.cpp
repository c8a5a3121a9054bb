// Magnitude against the golden masks. (Wanda and SparseGPT need the model's activations: tests/study.)

#include <gtest/gtest.h>

#include <string>

#include "lacuna/formats/checkpoint.hpp"
#include "lacuna/formats/tensor_archive.hpp"
#include "lacuna/kernels/convert/convert.hpp"
#include "lacuna/prune/method.hpp"
#include "problems.hpp"
#include "support/shared_data.hpp"

namespace lacuna {
namespace {

// Entries where `kept` and numpy.packbits(W != 0, axis=1), most significant bit first, disagree.
std::int64_t disagreements(const Matrix<float>& kept, const TensorView& packed) {
  std::int64_t count = 0;
  for (std::int64_t r = 0; r < kept.rows(); ++r) {
    for (std::int64_t c = 0; c < kept.cols(); ++c) {
      const auto byte = std::to_integer<unsigned>(packed.data[r * packed.shape[1] + c / 8]);
      const bool golden = (byte >> (7 - c % 8) & 1U) != 0;
      count += golden != (kept(r, c) != 0.0F) ? 1 : 0;
    }
  }
  return count;
}

void expect_golden_magnitude(const SparsityTarget& target) {
  const auto masks =
      open_tensor_file(test::shared_path("golden/tiny-llama.magnitude-" + target.script_name() + ".masks.npz"));
  const auto model = Checkpoint::open(test::shared_path("models/tiny-llama").string());
  const auto method = make_prune_method("magnitude", {});
  ASSERT_FALSE(masks.tensors.empty());
  for (const auto& [name, packed] : masks.tensors) {
    const auto& weight = model.get("model.layers." + name + ".weight");
    Matrix<float> w(weight.shape[0], weight.shape[1]);
    kernels::to_f32(weight, w.data());
    method->prune(w.view(), nullptr, target, {});
    ASSERT_EQ(packed.shape, (Shape{w.rows(), (w.cols() + 7) / 8})) << name;
    EXPECT_EQ(disagreements(w, packed), 0) << name;
  }
}

TEST(Golden, MagnitudeIsIdentical) {
  LACUNA_REQUIRE_SHARED("golden/tiny-llama.magnitude-0-0-0.5.masks.npz");
  expect_golden_magnitude(unstructured(0.5));
}

TEST(Golden, MagnitudeInGroupsIsIdentical) {
  LACUNA_REQUIRE_SHARED("golden/tiny-llama.magnitude-2-4-0.5.masks.npz");
  expect_golden_magnitude(parse_pattern("2:4"));
}

}  // namespace
}  // namespace lacuna
